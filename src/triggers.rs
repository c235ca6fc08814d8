//! Repository triggers: keeps them up to date with the branches.

mod trigger;
mod error;
mod calls;
pub mod reconcile;
mod difference;
mod goal;
mod apply;

pub use apply::{Applied, apply, connect, disconnect, preview, reconcile};
pub use calls::{Tip, list, tips};
pub use difference::Difference;
pub use error::TriggersError;
pub use goal::{Goal, Selects};
pub use reconcile::Warning;
pub use trigger::{BRANCHES_MAX, Event, TRIGGERS_MAX, Trigger, TriggerSettings};
