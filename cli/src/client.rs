//! The clients, as the command line and the environment configure them.

use codecommit::aws::{Aws, Choice};

use crate::arguments::Client;
use crate::output::Failure;

/// The path of the Git endpoint, on AWS's own host and on any other.
const GIT_PATH: &str = "/v1/repos/";

/// Returns the clients, if the configuration has a region and the profile that is asked for.
pub(crate) async fn connect(arguments: &Client) -> Result<Aws, Failure> {
    let Client { profile, region, endpoint_url } = arguments.clone();
    let choice = Choice { profile, region, endpoint_url };
    choice.check_profile().await.map_err(|error| Failure::new(&error, "ProfileMissing"))?;
    let aws = Aws::chosen(choice).await;
    match aws.region().map(AsRef::as_ref) {
        None | Some("") => Err(Failure::of(
            "failed to choose a region: give --region, set AWS_REGION, or use a profile that has one",
            "RegionMissing",
        )),
        Some(region) if !is_region(region) => Err(Failure::of(
            format!("failed to choose a region: {region:?} is not the name of a region"),
            "RegionInvalid",
        )),
        Some(_) => Ok(aws),
    }
}

/// Returns true if the name can be a part of a host's name, as regions are.
fn is_region(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Returns the URL that a repository's name is appended to for Git: the given one, or else one on the same host as an
/// endpoint that is not AWS's own. A fetch must not go to AWS if everything else goes elsewhere.
pub(crate) fn git_url(aws: &Aws, given: Option<String>) -> Option<String> {
    let beside = |url: String| format!("{}{GIT_PATH}", url.trim_end_matches('/'));
    given.filter(|url| !url.is_empty()).or_else(|| aws.codecommit_endpoint().map(beside))
}
