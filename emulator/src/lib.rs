//! CodeCommit, its Git endpoint, CodePipeline, S3 and Lambda's interfaces on one loopback port, over Git repositories.
//!
//! The emulator answers only what it models; it answers 501 to everything else.

// The emulator and its options.
mod emulator;
mod options;
mod threads;

// The port: routing, request log, faults, pace, and the address that controls them.
mod answers;
mod call;
mod console;
mod control;
pub mod error;
mod faults;
mod front;
mod guard;
mod log;
mod operation;
mod pace;
mod services;
mod token_bucket;
mod unknown;
mod wire;

// The services, each by its wire protocol.
mod account;
mod codecommit;
pub mod codepipeline;
mod dev_pipeline;
mod git_http;
mod iam;
mod json;
mod runtime_api;
pub mod s3;
mod signature;

// Git repositories, and the way from a pushed reference to a running function.
mod event_bridge;
mod events;
mod git;
mod git_objects;
mod lambda;
mod pull_requests;
mod repository;
mod trigger;

pub use crate::account::{ACCESS_KEY, ACCOUNT, FUNCTION, REGION, SECRET_KEY};
pub use crate::emulator::Emulator;
pub use crate::event_bridge::EventLag;
pub use crate::faults::{Fault, FaultKind};
pub use crate::lambda::{Delivery, FunctionError};
pub use crate::log::{Request, Service};
pub use crate::options::Options;
