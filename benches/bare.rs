//! A minimal function on these services: only the three clients and the runtime. The benchmark compares the start of
//! `updates` with it.

use aws_config::BehaviorVersion;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let config = aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await;
    let clients = (
        aws_sdk_codecommit::Client::new(&config),
        aws_sdk_s3::Client::new(&config),
        aws_sdk_codepipeline::Client::new(&config),
    );
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| Ok::<_, Error>(format!("{clients:?}")))).await
}
