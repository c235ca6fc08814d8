//! Computes the triggers that a repository should have from its triggers and its branches. Pure: no calls.
//!
//! With a lifecycle function, one trigger invokes it when any branch is created or deleted. Other triggers invoke the
//! updates function on `updateReference`. Each of these names up to ten branches, and every selected branch is in
//! one. If the repository's ten triggers cannot name all the branches, one trigger covers all branches, and the
//! function filters. Without a lifecycle function, one trigger covers all branches and all events.
//!
//! Triggers of other owners are never changed, moved or counted as ours.

use std::collections::{BTreeSet, HashSet};

use thiserror::Error;

use super::trigger::{BRANCHES_MAX, Event, Role, TRIGGERS_MAX, Trigger, TriggerSettings};

/// The triggers to write, and warnings about them.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggerPlan {
    /// The whole new list, or `None` if the triggers are already right.
    pub triggers: Option<Vec<Trigger>>,
    /// Selected branches whose pushes our triggers did not report so far, sorted.
    pub newly_covered: Vec<String>,
    /// Warnings about triggers that work with limits.
    pub warnings: Vec<Warning>,
}

/// A limit of triggers that otherwise work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Warning {
    /// There are more branches than triggers can name.
    #[error("{branches} branches, but room for only {room}: one trigger covers all branches, and the function filters")]
    AllBranches {
        /// The number of selected branches.
        branches: usize,
        /// The number of branches that would fit.
        room: usize,
    },
    /// Triggers of others leave only one free trigger. It reports pushes.
    #[error("no room for the lifecycle trigger: others have {others} triggers")]
    NoLifecycle {
        /// The number of triggers that others have.
        others: usize,
    },
    /// Another owner's trigger sends pushes to the same function.
    #[error("trigger {trigger} is a second route to the same function: its pushes start twice")]
    SecondRoute {
        /// The trigger's name.
        trigger: String,
    },
}

/// The reason why no list of triggers reaches the goal.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Impossible {
    /// Others use all the triggers that a repository may have.
    #[error("no room for a trigger: others use {others} of {TRIGGERS_MAX}")]
    NoRoom {
        /// The number of triggers that others have.
        others: usize,
    },
    /// Names with this prefix would be refused, or could not be distinguished from the names of others.
    #[error("trigger name prefix {prefix:?} is not 1 to 86 letters, digits, '.', '_' or '-'")]
    Prefix {
        /// The prefix.
        prefix: String,
    },
}

/// Plans the triggers for these branches with as few changes as possible.
pub fn plan(
    existing: &[Trigger],
    branches: &[String],
    settings: &TriggerSettings,
    selects: &dyn Fn(&str) -> bool,
) -> Result<TriggerPlan, Impossible> {
    if !settings.prefix_is_valid() {
        return Err(Impossible::Prefix { prefix: settings.prefix.clone() });
    }
    let (ours, others): (Vec<&Trigger>, Vec<&Trigger>) = existing.iter().partition(|t| settings.owns(t));
    let branches: BTreeSet<&str> = branches.iter().map(String::as_str).filter(|b| selects(b)).collect();
    let mut warnings = second_routes(&others, settings, selects);
    let draft = Draft { settings, existing, ours: &ours };
    let wanted = draft.wanted(&branches, TRIGGERS_MAX.saturating_sub(others.len()), &mut warnings)?;
    let newly_covered = branches.iter().filter(|b| !covered(&ours, b)).map(|b| (*b).to_owned()).collect();
    let triggers = merge(existing, wanted, settings);
    Ok(TriggerPlan { triggers: (triggers != existing).then_some(triggers), newly_covered, warnings })
}

/// Returns the triggers without ours.
pub fn without(existing: &[Trigger], settings: &TriggerSettings) -> Vec<Trigger> {
    existing.iter().filter(|trigger| !settings.owns(trigger)).cloned().collect()
}

fn covered(ours: &[&Trigger], branch: &str) -> bool {
    ours.iter().any(|t| t.fires_on(&Event::UpdateReference) && t.is_for(branch))
}

/// Finds triggers of others that invoke a function of ours, with any alias or version, when a selected branch is
/// created or pushed.
fn second_routes(others: &[&Trigger], settings: &TriggerSettings, selects: &dyn Fn(&str) -> bool) -> Vec<Warning> {
    let functions: Vec<&str> =
        settings.lifecycle_arn.iter().chain([&settings.updates_arn]).map(|arn| unqualified(arn)).collect();
    let starts = |t: &Trigger| t.fires_on(&Event::CreateReference) || t.fires_on(&Event::UpdateReference);
    let overlaps = |t: &Trigger| t.branches.is_empty() || t.branches.iter().any(|b| selects(b));
    others
        .iter()
        .filter(|t| functions.contains(&unqualified(&t.destination_arn)) && starts(t) && overlaps(t))
        .map(|t| Warning::SecondRoute { trigger: t.name.clone() })
        .collect()
}

/// Removes the alias or version from a function's ARN: `arn:partition:lambda:region:account:function:name`.
fn unqualified(arn: &str) -> &str {
    arn.match_indices(':').nth(6).map_or(arn, |(end, _)| &arn[..end])
}

/// Merges the lists. Triggers of others keep their positions, ours replace the triggers with the same names, and new
/// ones go to the end.
fn merge(existing: &[Trigger], mut wanted: Vec<Trigger>, settings: &TriggerSettings) -> Vec<Trigger> {
    let mut merged = Vec::with_capacity(TRIGGERS_MAX);
    for trigger in existing {
        if !settings.owns(trigger) {
            merged.push(trigger.clone());
        } else if let Some(at) = wanted.iter().position(|ours| ours.name == trigger.name) {
            merged.push(wanted.remove(at));
        }
    }
    merged.extend(wanted);
    merged
}

struct Draft<'a> {
    settings: &'a TriggerSettings,
    existing: &'a [Trigger],
    ours: &'a [&'a Trigger],
}

impl Draft<'_> {
    fn wanted(
        &self,
        branches: &BTreeSet<&str>,
        places: usize,
        warnings: &mut Vec<Warning>,
    ) -> Result<Vec<Trigger>, Impossible> {
        let others = TRIGGERS_MAX - places;
        let Some(lifecycle_arn) = &self.settings.lifecycle_arn else {
            return if places == 0 { Err(Impossible::NoRoom { others }) } else { Ok(vec![self.whole(Event::All)]) };
        };
        let room = places.checked_sub(1).ok_or(Impossible::NoRoom { others })? * BRANCHES_MAX;
        if branches.len() <= room {
            let mut wanted = vec![self.lifecycle(lifecycle_arn)];
            wanted.extend(self.by_branch(branches, places - 1));
            return Ok(wanted);
        }
        warnings.push(Warning::AllBranches { branches: branches.len(), room });
        if places == 1 {
            warnings.push(Warning::NoLifecycle { others });
            return Ok(vec![self.whole(Event::All)]);
        }
        Ok(vec![self.lifecycle(lifecycle_arn), self.whole(Event::UpdateReference)])
    }

    fn lifecycle(&self, arn: &str) -> Trigger {
        let name = self.name(Role::Lifecycle, &HashSet::new());
        self.trigger(name, arn, Vec::new(), vec![Event::CreateReference, Event::DeleteReference])
    }

    /// Makes one trigger for all branches.
    fn whole(&self, event: Event) -> Trigger {
        let name = self.name(Role::Updates, &HashSet::new());
        self.trigger(name, &self.settings.updates_arn, Vec::new(), vec![event])
    }

    /// Makes triggers that name each branch once. A branch stays in its trigger, unless that trigger has to go.
    fn by_branch(&self, branches: &BTreeSet<&str>, places: usize) -> Vec<Trigger> {
        let mut uncovered = branches.clone();
        let mut slots = self.kept(&mut uncovered);
        while slots.len() > places {
            let least = (0..slots.len()).rev().min_by_key(|&at| slots[at].1.len()).unwrap_or_default();
            let (_, dissolved) = slots.remove(least);
            uncovered.extend(dissolved.iter().filter_map(|branch| branches.get(branch.as_str())));
        }
        let mut rest = uncovered.into_iter().map(str::to_owned);
        for (_, names) in &mut slots {
            names.extend(rest.by_ref().take(BRANCHES_MAX - names.len()));
        }
        let mut taken: HashSet<String> = slots.iter().map(|(name, _)| name.clone()).collect();
        while let Some(first) = rest.next() {
            let name = self.name(Role::Updates, &taken);
            taken.insert(name.clone());
            let names = std::iter::once(first).chain(rest.by_ref().take(BRANCHES_MAX - 1)).collect();
            slots.push((name, names));
        }
        slots.into_iter().map(|(name, names)| self.update(name, names)).collect()
    }

    /// Returns the names and branches of our triggers that are still wanted, and removes those branches from
    /// `uncovered`.
    fn kept(&self, uncovered: &mut BTreeSet<&str>) -> Vec<(String, Vec<String>)> {
        let mut slots: Vec<(String, Vec<String>)> = Vec::new();
        for trigger in self.of_role(Role::Updates) {
            if slots.iter().any(|(name, _)| *name == trigger.name) {
                continue;
            }
            let keeps = trigger.branches.iter().filter(|branch| uncovered.remove(branch.as_str()));
            let names: Vec<String> = keeps.take(BRANCHES_MAX).cloned().collect();
            if !names.is_empty() {
                slots.push((trigger.name.clone(), names));
            }
        }
        slots
    }

    fn update(&self, name: String, branches: Vec<String>) -> Trigger {
        self.trigger(name, &self.settings.updates_arn, branches, vec![Event::UpdateReference])
    }

    /// Makes a trigger. If the existing one means the same, returns that one.
    fn trigger(&self, name: String, arn: &str, branches: Vec<String>, events: Vec<Event>) -> Trigger {
        let namesake = self.ours.iter().find(|trigger| trigger.name == name);
        let events = namesake.map(|t| &t.events).filter(|had| same_events(had, &events)).cloned().unwrap_or(events);
        let had = namesake.and_then(|trigger| trigger.custom_data.clone());
        let custom_data = match &self.settings.custom_data {
            Some(wanted) if *wanted != had.clone().unwrap_or_default() => Some(wanted.clone()),
            None if namesake.is_none() => self.ours.iter().find_map(|trigger| trigger.custom_data.clone()),
            _ => had,
        };
        Trigger { name, destination_arn: arn.to_owned(), custom_data, branches, events }
    }

    /// Returns the name of our first trigger with this role, or else the first unused name.
    fn name(&self, role: Role, taken: &HashSet<String>) -> String {
        let ours = self.of_role(role).map(|trigger| trigger.name.clone()).find(|name| !taken.contains(name));
        ours.unwrap_or_else(|| {
            (1..=self.existing.len() + taken.len() + 1)
                .map(|number| match (role, number) {
                    (Role::Lifecycle, 1) => format!("{}-lifecycle", self.settings.prefix),
                    (Role::Lifecycle, _) => format!("{}-lifecycle{number}", self.settings.prefix),
                    (Role::Updates, _) => format!("{}-{number}", self.settings.prefix),
                })
                .find(|name| !taken.contains(name) && self.existing.iter().all(|trigger| trigger.name != *name))
                .expect("one name more than there are triggers")
        })
    }

    fn of_role(&self, role: Role) -> impl Iterator<Item = &Trigger> {
        self.ours.iter().copied().filter(move |trigger| self.settings.role(trigger) == Some(role))
    }
}

/// Returns whether two lists mean the same. Order does not matter, and `all` equals the three events.
fn same_events(one: &[Event], other: &[Event]) -> bool {
    let meaning = |events: &[Event]| -> HashSet<String> {
        let all = [Event::CreateReference, Event::UpdateReference, Event::DeleteReference];
        let expanded = if events.contains(&Event::All) { &all } else { events };
        expanded.iter().map(|event| event.as_str().to_owned()).collect()
    };
    meaning(one) == meaning(other)
}
