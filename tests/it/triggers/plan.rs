//! Single rules of the plan, with an example each.

use codecommit_multibranch::triggers::reconcile::{Impossible, TriggerPlan, plan};
use codecommit_multibranch::triggers::{Difference, Event, Trigger, TriggerSettings, Warning};

use super::{LIFECYCLE, TOPIC, UPDATES, foreign, selects, settings, trigger, whole_settings};

fn names(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("b{number:03}")).collect()
}

fn planned(existing: &[Trigger], branches: &[String], settings: &TriggerSettings) -> TriggerPlan {
    plan(existing, branches, settings, &selects).expect("a plan")
}

/// Reconciles `existing`.
fn reconciled(existing: &[Trigger], branches: &[String]) -> Vec<Trigger> {
    planned(existing, branches, &settings()).triggers.expect("something to do")
}

fn topics(count: usize) -> Vec<Trigger> {
    (0..count).map(|number| trigger(&format!("t{number}"), TOPIC, &[], &[Event::All])).collect()
}

#[test]
fn names_are_prefix_and_number_beside_the_lifecycle_trigger() {
    let triggers = reconciled(&[], &names(0..11));
    let seen: Vec<(&str, &str, usize)> =
        triggers.iter().map(|t| (t.name.as_str(), t.destination_arn.as_str(), t.branches.len())).collect();
    assert_eq!(seen, [("dev-lifecycle", LIFECYCLE, 0), ("dev-1", UPDATES, 10), ("dev-2", UPDATES, 1)]);
    assert_eq!(triggers[0].events, [Event::CreateReference, Event::DeleteReference]);
    assert!(triggers[1..].iter().all(|t| t.events == [Event::UpdateReference]));
}

#[test]
fn without_lifecycle_one_trigger_is_on_everything() {
    let triggers = planned(&[], &[], &whole_settings()).triggers.unwrap();
    let data = whole_settings().custom_data;
    assert_eq!(triggers, [Trigger { custom_data: data, ..trigger("dev-1", UPDATES, &[], &[Event::All]) }]);
    assert_eq!(planned(&triggers, &names(0..200), &whole_settings()).triggers, None);
}

#[test]
fn names_that_others_use_are_passed_over() {
    let existing = [trigger("dev-1", TOPIC, &[], &[Event::All]), trigger("dev-lifecycle", TOPIC, &[], &[Event::All])];
    let triggers = reconciled(&existing, &names(0..1));
    assert_eq!(triggers[..2], existing);
    assert_eq!([&triggers[2].name, &triggers[3].name], ["dev-lifecycle2", "dev-2"]);
}

#[test]
fn an_emptied_trigger_is_removed_and_the_others_stay_as_they_are() {
    let full = reconciled(&foreign_two(), &names(0..25));
    let mut without_second = names(0..10);
    without_second.extend(names(20..25));
    let less = reconciled(&full, &without_second);
    let expected: Vec<Trigger> =
        full.iter().filter(|t| t.name != "dev-3" || t.destination_arn == TOPIC).cloned().collect();
    assert_eq!(less, expected);
}

/// Makes two triggers of others. The second has the name `dev-2`, so ours are `dev-1`, `dev-3` and `dev-4`.
fn foreign_two() -> [Trigger; 2] {
    [foreign(0), foreign(2)]
}

#[test]
fn the_last_branch_that_fits_and_the_first_that_does_not() {
    for others in 0..=8 {
        let room = (9 - others) * 10;
        let fits = planned(&topics(others), &names(0..room), &settings());
        assert_eq!((fits.triggers.unwrap().len(), fits.warnings), (10, vec![]), "{others} others");
        let beyond = planned(&topics(others), &names(0..room + 1), &settings());
        assert_eq!(beyond.warnings, [Warning::AllBranches { branches: room + 1, room }]);
        let whole = beyond.triggers.unwrap();
        let events: Vec<&[Event]> = whole[others..].iter().map(|t| t.events.as_slice()).collect();
        assert_eq!(events, [&[Event::CreateReference, Event::DeleteReference][..], &[Event::UpdateReference]]);
    }
}

#[test]
fn back_under_the_limit_branches_are_named_again() {
    let whole = reconciled(&[], &names(0..91));
    let named = reconciled(&whole, &names(0..90));
    super::check_invariants(&named, names(0..90).iter().map(String::as_str), &settings());
    assert_eq!(planned(&whole, &names(0..90), &settings()).newly_covered, Vec::<String>::new());
}

#[test]
fn a_single_place_goes_to_pushes() {
    let plan = planned(&topics(9), &names(0..1), &settings());
    assert!(plan.warnings.contains(&Warning::NoLifecycle { others: 9 }));
    let triggers = plan.triggers.unwrap();
    assert_eq!((triggers[9].name.as_str(), &triggers[9].events[..]), ("dev-1", &[Event::All][..]));
    assert_eq!(plan_error(&topics(10), &settings()), Impossible::NoRoom { others: 10 });
    assert_eq!(plan_error(&topics(10), &whole_settings()), Impossible::NoRoom { others: 10 });
}

fn plan_error(existing: &[Trigger], settings: &TriggerSettings) -> Impossible {
    plan(existing, &[], settings, &selects).expect_err("no plan")
}

#[test]
fn a_prefix_that_the_service_refuses_is_refused_first() {
    for prefix in ["", "a b", "ü", &"a".repeat(87)] {
        let settings = TriggerSettings { prefix: prefix.into(), ..settings() };
        assert_eq!(plan_error(&[], &settings), Impossible::Prefix { prefix: prefix.into() });
    }
}

#[test]
fn others_that_need_our_place_make_the_smallest_trigger_give_way() {
    let mut existing = reconciled(&[], &names(0..85));
    existing.truncate(9);
    existing.push(trigger("dev-9", UPDATES, &["b080", "b081"], &[Event::UpdateReference]));
    let lifecycle = existing.remove(0);
    existing.push(trigger("other", TOPIC, &[], &[Event::All]));
    let triggers = reconciled(&existing, &names(0..80));
    super::check_invariants(&triggers, names(0..80).iter().map(String::as_str), &settings());
    assert!(triggers.contains(&lifecycle));
}

#[test]
fn custom_data_is_kept_unless_settings_say_otherwise() {
    let kept = TriggerSettings { custom_data: None, ..settings() };
    let mut existing = planned(&[], &names(0..12), &kept).triggers.unwrap();
    existing[0].custom_data = Some("all".into());
    existing[1].custom_data = Some("own".into());
    let triggers = planned(&existing, &names(0..21), &kept).triggers.unwrap();
    let data: Vec<Option<&str>> = triggers.iter().map(|t| t.custom_data.as_deref()).collect();
    assert_eq!(data, [Some("all"), Some("own"), None, Some("all")]);
    let set = planned(&triggers, &names(0..21), &settings()).triggers.unwrap();
    assert!(set.iter().all(|t| t.custom_data == settings().custom_data));
}

#[test]
fn what_means_the_same_is_not_written() {
    let mut existing = reconciled(&[], &names(0..3));
    existing[0].events.reverse();
    existing[1].branches.reverse();
    assert_eq!(planned(&existing, &names(0..3), &settings()).triggers, None);
    let three = [Event::UpdateReference, Event::DeleteReference, Event::CreateReference];
    let whole = TriggerSettings { custom_data: Some(String::new()), ..whole_settings() };
    assert_eq!(planned(&[trigger("dev-1", UPDATES, &[], &three)], &[], &whole).triggers, None);
}

#[test]
fn a_second_route_is_reported_where_a_branch_would_start_twice() {
    let routes = |other: Trigger| planned(&[other], &names(0..1), &settings()).warnings.len();
    let push = [Event::UpdateReference];
    assert_eq!(routes(trigger("x", UPDATES, &[], &push)), 1);
    assert_eq!(routes(trigger("x", &format!("{UPDATES}:live"), &["b000"], &[Event::All])), 1);
    assert_eq!(routes(trigger("x", LIFECYCLE, &[], &[Event::CreateReference])), 1);
    assert_eq!(routes(trigger("dev-mine", UPDATES, &[], &push)), 1, "ours end in a number");
    assert_eq!(routes(trigger("x", UPDATES, &[], &[Event::DeleteReference])), 0);
    assert_eq!(routes(trigger("x", UPDATES, &["skip/a"], &push)), 0);
    assert_eq!(routes(trigger("x", &format!("{UPDATES}2"), &[], &push)), 0);
    assert_eq!(routes(trigger("x", TOPIC, &[], &push)), 0);
}

#[test]
fn one_function_may_do_both() {
    let both = TriggerSettings { lifecycle_arn: Some(UPDATES.into()), ..settings() };
    let triggers = planned(&[], &names(0..3), &both).triggers.unwrap();
    assert_eq!(triggers.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["dev-lifecycle", "dev-1"]);
    assert_eq!(planned(&triggers, &names(0..3), &both).triggers, None);
}

#[test]
fn a_difference_reads_by_name() {
    let old = [trigger("a", TOPIC, &[], &[Event::All]), trigger("b", UPDATES, &["x"], &[Event::UpdateReference])];
    let new =
        [trigger("b", UPDATES, &["x", "y"], &[Event::UpdateReference]), trigger("c", TOPIC, &["z"], &[Event::All])];
    let expected = format!(
        "- a: events all; on all branches; to {TOPIC}; data \"\"\n\
         + c: events all; on z; to {TOPIC}; data \"\"\n\
         ~ b: on x -> on x, y\n"
    );
    assert_eq!(Difference::between(&old, &new).to_string(), expected);
    assert!(Difference::between(&old, &[old[1].clone(), old[0].clone()]).is_empty());
}
