//! The Lambda function `updates`: logging, settings, clients, run. Wiring only.

use std::time::{Duration, Instant, SystemTime};

use codecommit::aws::Aws;
use codecommit::causes::with_causes;
use codecommit_multibranch::config::{self, Config};
use codecommit_multibranch::error::Error;
use codecommit_multibranch::{Function, Invocation};
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
        let request_id = Some(event.context.request_id.clone());
        let invocation = Invocation { deadline: instant(event.context.deadline()), request_id };
        // Boxed, since the types of all steps in one another are deeper than the compiler likes.
        let handled = Box::pin(function.handle(event.payload, invocation));
        handled.await.map_err(|error| diagnostic(&error))
    }))
    .await
}

/// What the runtime reports of a failure: its stable code, and the error with its causes.
fn diagnostic(error: &Error) -> Diagnostic {
    Diagnostic { error_type: error.code().to_owned(), error_message: with_causes(error) }
}

async fn clients(config: &Config) -> Aws {
    let aws = Aws::from_env().await;
    match &config.source_role {
        Some(role) => aws.with_source_role(role).await,
        None => aws,
    }
}

/// The longest that an invocation may take on Lambda.
const LONGEST: Duration = Duration::from_mins(15);

/// The runtime says when time is over as a time of day; what waits for it needs a point of the monotonic clock.
/// cargo-lambda says there how long the invocation may take: 600000, ten minutes after 1970 began.
fn instant(deadline: SystemTime) -> Instant {
    let since_1970 = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let left =
        if since_1970 <= LONGEST { since_1970 } else { deadline.duration_since(SystemTime::now()).unwrap_or_default() };
    Instant::now() + left
}
