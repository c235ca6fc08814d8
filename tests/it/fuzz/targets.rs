//! The bodies of the Lambda's fuzz targets. They take any bytes, must not panic, and check what must be true.
//!
//! The programs in `fuzz` share this file.

use codecommit_multibranch::config::{Config, ConfigError};
use codecommit_multibranch::event::{self, Change, ChangeKind};
use codecommit_multibranch::names::{Reference, RepositoryArn};
use codecommit_multibranch::plan::plan;
use git_archive::object::ObjectId;

/// Reads an event of any form, and plans what it says.
pub(super) fn events(data: &[u8]) {
    let Ok(event) = serde_json::from_slice(data) else { return };
    let Ok(arrival) = event::parse(event) else { return };
    for message in arrival.messages {
        planned(&message.changes.unwrap_or_default(), &config(&[("BRANCHES", "**"), ("PIPELINE_NAME", "dev")]));
    }
}

/// Plans a push of a branch by a trigger with this custom data: the branch, a line feed, and the data.
pub(super) fn custom_data(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (branch, custom_data) = text.split_once('\n').unwrap_or(("feature/login", &text));
    let repository = RepositoryArn::from_arn("arn:aws:codecommit:eu-central-1:123456789012:demo").expect("an ARN");
    let change = Change {
        event_id: "event".to_owned(),
        time: 0,
        repository,
        reference: Reference(format!("refs/heads/{branch}")),
        commit: Some(ObjectId::from_bytes_or_panic(&[0x11; 20])),
        kind: ChangeKind::Updated,
        custom_data: Some(custom_data.to_owned()),
    };
    let narrow = config(&[("BRANCHES", "**,!release/*"), ("PIPELINE_NAME", "dev"), ("PIPELINES", "team-*")]);
    planned(&[change], &narrow);
}

/// Reads settings, one `NAME=value` on each line.
pub(super) fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let value = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    };
    match Config::from_lookup(value) {
        Ok(config) => {
            assert!(config.budget() <= config.memory);
            assert_eq!(config.branches.to_string().parse().as_ref(), Ok(&config.branches));
            assert!((1..=1000).contains(&config.requests_at_once));
            let number = |name: &str| value(name).and_then(|value| value.trim().parse::<u64>().ok());
            for (name, bytes) in
                [("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", Some(config.memory)), ("SIZE_LIMIT_MIB", config.size_limit)]
            {
                let expected = number(name).map(|mebibytes| u128::from(mebibytes) << 20);
                assert!(expected.is_none() || expected == bytes.map(u128::from), "{name}");
            }
            if let Some(paths) = &config.paths {
                paths.select("src/main.rs");
            }
        }
        Err(error) => {
            let ConfigError(invalid) = &error;
            let told = error.to_string();
            assert!(!invalid.is_empty() && invalid.iter().all(|one| told.contains(one.setting)));
        }
    }
}

fn config(settings: &[(&str, &str)]) -> Config {
    let value = |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Config::from_lookup(value).expect("the settings are right")
}

/// Plans the changes, twice with the same result. Custom data widens nothing.
fn planned(changes: &[Change], config: &Config) {
    let (made, failed) = plan(changes.to_vec(), config);
    let (again, failed_again) = plan(changes.to_vec(), config);
    assert_eq!((&made.jobs, failed.len()), (&again.jobs, failed_again.len()));
    assert!(made.jobs.len() + made.skipped.len() + failed.len() <= changes.len());
    for job in &made.jobs {
        assert!(config.branches.select(job.branch()), "{}", job.branch());
        assert!(config.allows_pipeline(&job.pipeline, job.repository.name()), "{}", job.pipeline);
        assert!(!job.commit.is_null());
        assert!(job.token.0.len() == 64 && job.token.0.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    for (_, error) in &failed {
        assert!(!error.to_string().is_empty());
    }
}

/// A target: its name and its body.
type Target = (&'static str, fn(&[u8]));

/// All targets.
pub(super) const TARGETS: [Target; 3] = [("events", events), ("custom_data", custom_data), ("settings", settings)];
