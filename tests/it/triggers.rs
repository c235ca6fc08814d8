//! The lifecycle: the plan alone, on the wire, and as a custom resource.

mod concurrent;
pub(crate) mod custom_resource;
mod plan;
mod properties;
mod wire;
mod world;

use codecommit_multibranch::triggers::{Event, Trigger, TriggerSettings};

pub(crate) const UPDATES: &str = "arn:aws:lambda:eu-central-1:123456789012:function:updates";
pub(crate) const LIFECYCLE: &str = "arn:aws:lambda:eu-central-1:123456789012:function:lifecycle";
const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:pushes";

pub(crate) fn settings() -> TriggerSettings {
    TriggerSettings {
        prefix: "dev".into(),
        updates_arn: UPDATES.into(),
        lifecycle_arn: Some(LIFECYCLE.into()),
        custom_data: Some("{\"pipeline_name\":\"dev\"}".into()),
    }
}

fn whole_settings() -> TriggerSettings {
    TriggerSettings { lifecycle_arn: None, ..settings() }
}

pub(crate) fn trigger(name: &str, arn: &str, branches: &[&str], events: &[Event]) -> Trigger {
    Trigger {
        name: name.into(),
        destination_arn: arn.into(),
        custom_data: None,
        branches: branches.iter().map(|branch| (*branch).to_owned()).collect(),
        events: events.to_vec(),
    }
}

/// Makes a trigger of another owner that is very similar to one of ours.
pub(crate) fn foreign(number: usize) -> Trigger {
    let name = format!("team-{number}");
    let near = format!("dev-{number}");
    let push = [Event::UpdateReference];
    match number % 7 {
        0 => Trigger { custom_data: Some(String::new()), ..trigger(&name, TOPIC, &[], &[Event::All]) },
        1 => trigger(&name, UPDATES, &["b1", "gone"], &push),
        2 => trigger(&near, TOPIC, &["b2"], &push),
        3 => trigger(&format!("dev-own{number}"), UPDATES, &["skip/1"], &push),
        4 => trigger("dev-lifecycle", TOPIC, &[], &[Event::DeleteReference, Event::CreateReference]),
        5 => trigger(&name, LIFECYCLE, &[], &[Event::DeleteReference]),
        _ => Trigger {
            custom_data: Some("größer {}".into()),
            ..trigger(&format!("developer-{number}"), &format!("{UPDATES}:live"), &["b3"], &push)
        },
    }
}

pub(crate) fn selects(branch: &str) -> bool {
    !branch.starts_with("skip/")
}

fn ours(triggers: &[Trigger], settings: &TriggerSettings) -> Vec<Trigger> {
    triggers.iter().filter(|trigger| settings.owns(trigger)).cloned().collect()
}

pub(crate) fn others(triggers: &[Trigger], settings: &TriggerSettings) -> Vec<Trigger> {
    triggers.iter().filter(|trigger| !settings.owns(trigger)).cloned().collect()
}

/// Checks everything that must be true for a list that was reconciled for these branches.
pub(crate) fn check_invariants<'a>(
    triggers: &[Trigger],
    branches: impl IntoIterator<Item = &'a str>,
    settings: &TriggerSettings,
) {
    let wanted: Vec<&str> = branches.into_iter().filter(|branch| selects(branch)).collect();
    let (ours, others) = (ours(triggers, settings), others(triggers, settings));
    check_limits(triggers);
    check_no_overlap(&ours);
    let updates: Vec<&Trigger> = ours.iter().filter(|t| t.fires_on(&Event::UpdateReference)).collect();
    for branch in &wanted {
        assert_eq!(updates.iter().filter(|t| t.is_for(branch)).count(), 1, "{branch:?} once in {updates:#?}");
    }
    if wanted.len() > 9_usize.saturating_sub(others.len()) * 10 {
        assert!(updates.len() == 1 && updates[0].branches.is_empty(), "one on all of {updates:#?}");
    } else {
        let named = updates.iter().flat_map(|t| &t.branches).count();
        assert_eq!(named, wanted.len(), "no branch is left over in {updates:#?}");
        assert!(updates.iter().all(|t| !t.branches.is_empty()), "no emptied trigger in {updates:#?}");
        let lifecycle: Vec<&Trigger> = ours.iter().filter(|t| t.destination_arn == LIFECYCLE).collect();
        assert!(lifecycle.len() == 1 && lifecycle[0].branches.is_empty(), "{lifecycle:#?}");
    }
    assert!(ours.iter().all(|t| settings.custom_data.is_none() || t.custom_data == settings.custom_data));
}

fn check_limits(triggers: &[Trigger]) {
    assert!(triggers.len() <= 10, "{triggers:#?}");
    assert!(triggers.iter().all(|trigger| trigger.branches.len() <= 10), "{triggers:#?}");
    let mut names: Vec<&str> = triggers.iter().map(|trigger| trigger.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), triggers.len(), "names are unique in {triggers:#?}");
}

fn check_no_overlap(ours: &[Trigger]) {
    let events = [Event::CreateReference, Event::UpdateReference, Event::DeleteReference];
    for (at, one) in ours.iter().enumerate() {
        for other in &ours[at + 1..] {
            let same_event = events.iter().any(|event| one.fires_on(event) && other.fires_on(event));
            let same_branch = one.branches.is_empty()
                || other.branches.is_empty()
                || one.branches.iter().any(|branch| other.is_for(branch));
            assert!(!(same_event && same_branch), "{one:#?} and {other:#?}");
        }
    }
}
