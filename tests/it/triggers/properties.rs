//! Branches are created and deleted in any order, others also write, and writes are lost and repeated. Checks the end
//! result.

use std::collections::BTreeSet;

use codecommit_multibranch::triggers::reconcile::{self, Impossible, TriggerPlan};
use codecommit_multibranch::triggers::{Trigger, TriggerSettings};
use proptest::prelude::*;

use super::{LIFECYCLE, check_invariants, foreign, others, ours, selects, settings};

#[derive(Debug, Clone)]
enum Step {
    Create(usize),
    Delete(usize),
    /// Another owner adds a trigger.
    Add(usize),
    /// Another owner removes a trigger.
    Remove(usize),
    /// Somebody restores an old list of ours, beside the current triggers of others.
    Restore(usize),
    Reconcile,
    /// A slow writer reads and plans.
    Begin,
    /// The slow writer writes its old plan, although ours may have changed, and checks again.
    Finish,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..130_usize).prop_map(Step::Create),
        4 => (0..130_usize).prop_map(Step::Delete),
        1 => (0..40_usize).prop_map(Step::Add),
        1 => (0..10_usize).prop_map(Step::Remove),
        1 => (0..20_usize).prop_map(Step::Restore),
        3 => Just(Step::Reconcile),
        2 => Just(Step::Begin),
        2 => Just(Step::Finish),
    ]
}

/// Names with Unicode, the longest allowed name, slashes, and some that are not selected.
fn branch(number: usize) -> String {
    match number % 8 {
        0 => format!("feature/größe-{number}/🌿"),
        1 => format!("{number:ä>256}"),
        2 if number < 30 => format!("skip/{number}"),
        _ => format!("b{number}"),
    }
}

struct Repository {
    settings: TriggerSettings,
    branches: BTreeSet<String>,
    triggers: Vec<Trigger>,
    /// The triggers of others that should exist.
    expected: Vec<Trigger>,
    history: Vec<Vec<Trigger>>,
    begun: Vec<Vec<Trigger>>,
}

impl Repository {
    fn new(settings: TriggerSettings) -> Self {
        let empty = Vec::new;
        let branches = BTreeSet::new();
        Self { settings, branches, triggers: empty(), expected: empty(), history: Vec::new(), begun: Vec::new() }
    }

    fn plan(&self) -> Result<TriggerPlan, Impossible> {
        let branches: Vec<String> = self.branches.iter().chain(self.branches.iter().take(3)).cloned().collect();
        reconcile::plan(&self.triggers, &branches, &self.settings, &selects)
    }

    fn write(&mut self, triggers: Vec<Trigger>) {
        self.history.push(std::mem::replace(&mut self.triggers, triggers));
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Create(number) => drop(self.branches.insert(branch(number))),
            Step::Delete(number) => drop(self.branches.remove(&branch(number))),
            Step::Add(number) => self.add(foreign(number)),
            Step::Remove(at) => self.remove(at),
            Step::Restore(at) => self.restore(at),
            Step::Reconcile => self.reconcile(),
            Step::Begin => self.begun.extend(self.plan().ok().and_then(|plan| plan.triggers)),
            Step::Finish => self.finish(),
        }
    }

    fn add(&mut self, trigger: Trigger) {
        if self.triggers.len() < 10 && self.triggers.iter().all(|other| other.name != trigger.name) {
            self.triggers.push(trigger.clone());
            self.expected.push(trigger);
            self.begun.clear();
        }
    }

    fn remove(&mut self, at: usize) {
        if at < self.expected.len() {
            let gone = self.expected.remove(at);
            self.triggers.retain(|trigger| trigger.name != gone.name);
            self.begun.clear();
        }
    }

    fn restore(&mut self, at: usize) {
        let Some(old) = self.history.get(at) else {
            return;
        };
        let mut list = self.expected.clone();
        list.extend(ours(old, &self.settings).into_iter().filter(|t| self.expected.iter().all(|o| o.name != t.name)));
        list.truncate(10);
        self.write(list);
    }

    /// Writes the slow writer's latest plan. Plans from before another owner's change are no longer in `begun`, because
    /// the configuration id would not match.
    fn finish(&mut self) {
        if let Some(stale) = self.begun.pop() {
            self.write(stale);
            self.reconcile();
        }
    }

    fn reconcile(&mut self) {
        match self.plan() {
            Ok(plan) => {
                if let Some(triggers) = plan.triggers {
                    self.check_stable(&triggers);
                    self.write(triggers);
                }
                self.check();
            }
            Err(Impossible::NoRoom { others }) => {
                assert_eq!((others, self.expected.len()), (10, 10));
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Checks that a branch stays in its trigger, unless others' triggers or one for all branches replaced that
    /// trigger.
    fn check_stable(&self, new: &[Trigger]) {
        let (had, has) = (ours(&self.triggers, &self.settings), ours(new, &self.settings));
        let by_branch =
            |list: &[Trigger]| list.iter().all(|t| !t.branches.is_empty() || t.destination_arn == LIFECYCLE);
        let kept = had.iter().filter(|t| t.branches.iter().any(|b| self.branches.contains(b) && selects(b))).count();
        if !by_branch(&had) || !by_branch(&has) || kept + self.expected.len() > 9 {
            return;
        }
        for trigger in &had {
            let now = has.iter().find(|other| other.name == trigger.name);
            for branch in trigger.branches.iter().filter(|b| self.branches.contains(*b) && selects(b)) {
                assert!(now.is_some_and(|now| now.is_for(branch)), "{branch:?} left {trigger:#?}");
            }
        }
    }

    fn check(&self) {
        assert_eq!(others(&self.triggers, &self.settings), self.expected);
        check_invariants(&self.triggers, self.branches.iter().map(String::as_str), &self.settings);
        let again = self.plan().expect("a plan");
        assert_eq!((again.triggers, again.newly_covered), (None, vec![]), "nothing is left to do");
    }
}

fn run(settings: TriggerSettings, steps: &[Step]) {
    let mut repository = Repository::new(settings);
    for step in steps {
        repository.step(step);
    }
    repository.reconcile();
    let left = reconcile::without(&repository.triggers, &repository.settings);
    assert_eq!(left, repository.expected, "disconnecting leaves what others have");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn others_keep_theirs_and_every_branch_is_covered_once(steps in prop::collection::vec(step(), 0..250)) {
        run(settings(), &steps);
    }

    #[test]
    fn the_same_where_custom_data_is_kept(steps in prop::collection::vec(step(), 0..150)) {
        run(TriggerSettings { custom_data: None, ..settings() }, &steps);
    }

    #[test]
    fn any_list_of_ours_is_mended(
        junk in prop::collection::vec((1..12_usize, prop::collection::vec(0..130_usize, 0..10), 0..4_usize), 0..10),
        existing in prop::collection::btree_set(0..130_usize, 0..110),
    ) {
        let mut repository = Repository::new(settings());
        repository.branches = existing.into_iter().map(branch).collect();
        repository.triggers = junk.into_iter().map(|(name, branches, kind)| junk_trigger(name, &branches, kind)).collect();
        if let Some(mended) = repository.plan().unwrap().triggers {
            repository.write(mended);
        }
        repository.check();
    }
}

/// Makes a trigger with our names and destination, but with any branches and events. Names may repeat.
fn junk_trigger(name: usize, branches: &[usize], kind: usize) -> Trigger {
    use codecommit_multibranch::triggers::Event;
    let name = if name == 11 { "dev-lifecycle".to_owned() } else { format!("dev-{name}") };
    let names: Vec<String> = branches.iter().map(|number| branch(*number)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (arn, events) = match kind {
        0 => (super::UPDATES, vec![Event::UpdateReference]),
        1 => (super::UPDATES, vec![Event::All]),
        2 => (LIFECYCLE, vec![Event::CreateReference, Event::DeleteReference]),
        _ => (LIFECYCLE, vec![Event::DeleteReference]),
    };
    super::trigger(&name, arn, &names, &events)
}
