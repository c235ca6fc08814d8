//! CodePipeline's behavior as recorded from the real service: wording, order of checks, visibility, stops.

mod executions;
mod pipelines;
mod service;
mod starts;
