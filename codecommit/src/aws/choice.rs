//! The configuration of the clients: the environment, and a person's choices, which override it.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;

use aws_config::profile::{self, ProfileSet};
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::app_name::AppName;
use aws_types::os_shim_internal::{Env, Fs};
use aws_types::service_config::ServiceConfigKey;

/// A person's choices, which override the environment. An empty value counts as no choice.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// The profile. Its credentials take precedence over those of the environment.
    pub profile: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The endpoint of all services.
    pub endpoint_url: Option<String>,
}

/// A profile that the configuration files do not have.
#[derive(Debug, thiserror::Error)]
#[error("failed to find profile {name:?}: the configuration files have {known}")]
pub struct UnknownProfile {
    name: String,
    known: String,
}

/// The variables with credentials, which a chosen profile takes precedence over.
const CREDENTIALS: [&str; 4] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE"];

/// The name and version of this project in the user agent of every call, which `CloudTrail` records.
const APP: &str = concat!("codecommit-multibranch-", env!("CARGO_PKG_VERSION"));

impl Choice {
    /// Reads the configuration.
    pub(super) async fn load(self, client: SharedHttpClient) -> SdkConfig {
        let loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(client).env(self.environment());
        let loader = non_empty(self.profile).into_iter().fold(loader, ConfigLoader::profile_name);
        let loader = non_empty(self.region).map(Region::new).into_iter().fold(loader, ConfigLoader::region);
        let loader = non_empty(self.endpoint_url).into_iter().fold(loader, ConfigLoader::endpoint_url);
        let config = loader.load().await;
        // A person's own name (`AWS_SDK_UA_APP_ID`) takes precedence.
        let app = config.app_name().cloned().or_else(|| AppName::new(APP).ok());
        let mut config = config.into_builder();
        config.set_app_name(app);
        config.build()
    }

    /// Returns an error if the chosen profile, or the one that the environment names, does not exist.
    pub async fn check_profile(&self) -> Result<(), UnknownProfile> {
        let environment = self.environment();
        let Some(name) = non_empty(self.profile.clone()).or_else(|| environment.get("AWS_PROFILE").ok()) else {
            return Ok(());
        };
        let files = EnvConfigFiles::default();
        let loaded = profile::load(&Fs::real(), &environment, &files, Some(Cow::Owned(name.clone()))).await;
        let known = match &loaded {
            Ok(profiles) if profiles.get_profile(&name).is_some() => return Ok(()),
            Ok(profiles) => names(profiles),
            // The client reports a malformed file itself.
            Err(_) => return Ok(()),
        };
        Err(UnknownProfile { name, known })
    }

    /// Returns the environment variables as AWS's own tools read them: one that is empty is unset. The SDK takes an
    /// empty endpoint for a URL, and panics.
    fn environment(&self) -> Env {
        let has_profile = self.profile.as_ref().is_some_and(|name| !name.is_empty());
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let mut variables: HashMap<String, String> = std::env::vars_os().filter_map(text).collect();
        let is_overridden = |name: &str| has_profile && CREDENTIALS.contains(&name);
        variables.retain(|name, value| !value.is_empty() && !is_overridden(name));
        Env::from(variables)
    }
}

/// Returns the domain of AWS's own endpoints in a region.
pub(crate) fn dns_suffix(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// Returns the endpoint that overrides AWS's own for a service: the service's setting, or else the one for all
/// services.
pub(super) fn endpoint(config: &SdkConfig, service: &str) -> Option<String> {
    let general = || config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return general();
    }
    let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let own = config.service_config().zip(key.ok()).and_then(|(settings, key)| settings.load_config(key));
    own.or_else(general)
}

fn non_empty(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.is_empty())
}

fn names(profiles: &ProfileSet) -> String {
    let names: BTreeSet<&str> = profiles.profiles().collect();
    if names.is_empty() { "none".to_owned() } else { Vec::from_iter(names).join(", ") }
}
