//! The changes of a write, for people to read in advance.

use std::fmt;

use super::trigger::{Event, Trigger};

/// The difference between two lists of triggers, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Triggers that only the new list has.
    pub added: Vec<Trigger>,
    /// Triggers that only the old list has.
    pub removed: Vec<Trigger>,
    /// Triggers that both lists have, with the old and the new properties.
    pub changed: Vec<(Trigger, Trigger)>,
}

impl Difference {
    /// Compares two lists. Their order does not matter.
    pub fn between(old: &[Trigger], new: &[Trigger]) -> Self {
        let only = |list: &[Trigger], other: &[Trigger]| {
            list.iter().filter(|trigger| namesake(other, trigger).is_none()).cloned().collect()
        };
        let pairs = old.iter().filter_map(|was| Some((was.clone(), namesake(new, was)?.clone())));
        Difference {
            added: only(new, old),
            removed: only(old, new),
            changed: pairs.filter(|(was, is)| was != is).collect(),
        }
    }

    /// Returns whether the lists are equal.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// Writes a line for each added or removed trigger and for each changed property.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (sign, triggers) in [('-', &self.removed), ('+', &self.added)] {
            for trigger in triggers {
                writeln!(f, "{sign} {}: {}", trigger.name, properties(trigger).join("; "))?;
            }
        }
        for (was, is) in &self.changed {
            for (old, new) in properties(was).iter().zip(properties(is)).filter(|(old, new)| *old != new) {
                writeln!(f, "~ {}: {old} -> {new}", was.name)?;
            }
        }
        Ok(())
    }
}

fn namesake<'a>(list: &'a [Trigger], trigger: &Trigger) -> Option<&'a Trigger> {
    list.iter().find(|other| other.name == trigger.name)
}

fn properties(trigger: &Trigger) -> [String; 4] {
    let events: Vec<&str> = trigger.events.iter().map(Event::as_str).collect();
    let branches = if trigger.branches.is_empty() { "all branches".into() } else { trigger.branches.join(", ") };
    [
        format!("events {}", events.join(", ")),
        format!("on {branches}"),
        format!("to {}", trigger.destination_arn),
        format!("data {:?}", trigger.custom_data.as_deref().unwrap_or_default()),
    ]
}
