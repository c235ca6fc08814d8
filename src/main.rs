//! The Lambda function `updates`: logging, settings, clients, run. Wiring only.

use std::time::{Duration, Instant, SystemTime};

use codecommit::aws::{Aws, Concurrency};
use codecommit::blocking;
use codecommit_multibranch::config::{self, Config};
use codecommit_multibranch::error::Error;
use codecommit_multibranch::{Function, Invocation, threads};
use lambda_runtime::layers::TracingLayer;
use lambda_runtime::tower::util::MapFutureLayer;
use lambda_runtime::tracing::Level;
use lambda_runtime::tracing::subscriber::fmt::writer::MakeWriterExt;
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn, tracing};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    // At level TRACE, the clients and the runtime log presigned URLs, bodies and the texts of commits.
    tracing::init_default_subscriber_with_writer(std::io::stdout.with_max_level(Level::DEBUG));
    let function = match Config::from_env() {
        Ok(config) => {
            let aws = clients(&config).await;
            Function::new(config, aws)
        }
        Err(error) => Function::misconfigured(error, config::is_lifecycle(), Aws::from_env().await),
    };
    let function = &function;
    let handler = service_fn(async move |event: LambdaEvent<Value>| {
        function.invoked_as(&event.context.invoked_function_arn);
        let request_id = Some(event.context.request_id.clone());
        let invocation = Invocation { deadline: instant(event.context.deadline()), request_id };
        // Boxed: the nested future type is too deep for rustc.
        let handled = Box::pin(function.handle(event.payload, invocation));
        handled.await.map_err(|error| diagnostic(&error))
    });
    let runtime = Runtime::new(handler).layer(TracingLayer::new());
    runtime.layer(MapFutureLayer::new(wait_for_threads)).run().await
}

/// Waits until the answer is sent, and then for threads that still work for the invocation. If one does not end in
/// time, this ends the process, so that it takes no processor time or memory from the next invocation.
async fn wait_for_threads<T>(answered: impl Future<Output = T>) -> T {
    let answered = answered.await;
    if let Err(threads) = threads::wait_until_idle(blocking::running).await {
        tracing::error!(threads, "threads go on after their invocation: the process ends");
        std::process::exit(1);
    }
    answered
}

/// Makes the runtime's report of a failure: the stable code, and the error with its causes.
fn diagnostic(error: &Error) -> Diagnostic {
    Diagnostic { error_type: error.code().to_owned(), error_message: error.shown() }
}

async fn clients(config: &Config) -> Aws {
    let concurrency = Concurrency { most: config.requests_at_once, ..Concurrency::default() };
    let aws = Aws::from_env_with(concurrency).await;
    match &config.source_role {
        // The account of each event decides.
        Some(role) if !config.reads_each_account() => aws.with_source_role(role).await,
        _ => aws,
    }
}

/// The longest time that an invocation may take on Lambda.
const LONGEST: Duration = Duration::from_mins(15);

/// Converts the runtime's deadline, which is a time of day, to the monotonic clock that timers need. cargo-lambda
/// sends a duration instead: its 600000 means ten minutes, but reads as ten minutes after the start of 1970.
fn instant(deadline: SystemTime) -> Instant {
    let since_1970 = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let left =
        if since_1970 <= LONGEST { since_1970 } else { deadline.duration_since(SystemTime::now()).unwrap_or_default() };
    Instant::now() + left
}
