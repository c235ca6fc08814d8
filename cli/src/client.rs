//! The clients, as the command line and the environment configure them.

use aws_config::profile::ProfileFileCredentialsProvider;
use codecommit::aws::Aws;

use crate::arguments::Client;
use crate::output::Failure;

/// Where an endpoint that is not AWS's own has its Git, as AWS has it.
const GIT_PATH: &str = "/v1/repos/";

/// The clients.
pub(crate) async fn connect(arguments: &Client) -> Result<Aws, Failure> {
    let mut loader = aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12());
    if let Some(profile) = &arguments.profile {
        // Who names a profile means its credentials, whatever the environment has.
        let credentials = ProfileFileCredentialsProvider::builder().profile_name(profile).build();
        loader = loader.profile_name(profile).credentials_provider(credentials);
    }
    if let Some(region) = &arguments.region {
        loader = loader.region(aws_config::Region::new(region.clone()));
    }
    if let Some(url) = &arguments.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    let aws = Aws::load(loader).await;
    match aws.region().map(aws_config::Region::as_ref) {
        None | Some("") => Err(Failure::of(
            "failed to choose a region: give --region, set AWS_REGION, or use a profile that has one",
            "RegionMissing",
        )),
        Some(region) if !is_region(region) => {
            Err(Failure::of(format!("failed to choose a region: {region:?} is none"), "RegionInvalid"))
        }
        Some(_) => Ok(aws),
    }
}

/// Returns whether it can be a part of a host's name, as regions are.
fn is_region(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// What a repository's name is appended to for Git: what is said, else beside an endpoint that is not AWS's own. A
/// fetch must not go to AWS when all else goes elsewhere.
pub(crate) fn git_url(aws: &Aws, client: &Client, said: Option<String>) -> Option<String> {
    let service = || std::env::var("AWS_ENDPOINT_URL_CODECOMMIT").ok().filter(|url| !url.is_empty());
    let endpoint =
        || client.endpoint_url.clone().or_else(service).or_else(|| aws.config.endpoint_url().map(str::to_owned));
    let beside = |url: String| format!("{}{GIT_PATH}", url.trim_end_matches('/'));
    said.or_else(|| endpoint().map(beside))
}
