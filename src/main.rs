//! The Lambda function `updates`: logging, settings, clients, run. Wiring only.

use std::time::{Duration, Instant, SystemTime};

use codecommit::aws::{Aws, Concurrency};
use codecommit::causes::with_causes;
use codecommit_multibranch::Function;
use codecommit_multibranch::config::{self, Config};
use codecommit_multibranch::error::Error;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn, tracing};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    tracing::init_default_subscriber();
    let function = match Config::from_env() {
        Ok(config) => {
            let aws = clients(&config).await;
            Function::new(config, aws)
        }
        Err(error) => Function::misconfigured(error, config::is_lifecycle(), Aws::from_env().await),
    };
    let function = &function;
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<Value>| {
        function.invoked_as(&event.context.invoked_function_arn);
        // Boxed: the nested future type is too deep for rustc.
        let handled = Box::pin(function.handle(event.payload, instant(event.context.deadline())));
        handled.await.map_err(|error| diagnostic(&error))
    }))
    .await
}

/// Makes the runtime's report of a failure: the stable code, and the error with its causes.
fn diagnostic(error: &Error) -> Diagnostic {
    Diagnostic { error_type: error.code().to_owned(), error_message: with_causes(error) }
}

async fn clients(config: &Config) -> Aws {
    let concurrency = Concurrency { most: config.requests_at_once, ..Concurrency::default() };
    let aws = Aws::from_env_with(concurrency).await;
    match &config.source_role {
        Some(role) => aws.with_source_role(role).await,
        None => aws,
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
