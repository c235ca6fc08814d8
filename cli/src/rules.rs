//! `EventBridge` rules that invoke a function or start a pipeline for a push.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{RuleState, Target};
use codecommit::aws::{Aws, CallError};
use codecommit::causes::with_causes;
use serde_json::Value;

/// An enabled rule on the default bus, which is where AWS's own events arrive.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pattern: Value,
    targets: Vec<String>,
}

/// Returns the rules that match events of CodeCommit or S3, with their targets.
pub(crate) async fn read(aws: &Aws) -> Result<Vec<Rule>, CallError> {
    let client = Client::new(&aws.config);
    let (mut rules, mut token) = (Vec::new(), None);
    loop {
        let sent = client.list_rules().set_next_token(token).send().await;
        let answer = sent.map_err(|error| CallError::new("ListRules", error))?;
        for rule in answer.rules.unwrap_or_default() {
            let (Some(name), Some(pattern)) = (rule.name, rule.event_pattern) else { continue };
            if rule.state == Some(RuleState::Disabled) {
                continue;
            }
            let pattern = serde_json::from_str(&pattern).unwrap_or_default();
            let rule = Rule { name, pattern, targets: Vec::new() };
            if rule.tells_of_pushes() || rule.tells_of_objects() {
                rules.push(rule);
            }
        }
        token = answer.next_token;
        if token.is_none() {
            break;
        }
    }
    for rule in &mut rules {
        let sent = client.list_targets_by_rule().rule(&rule.name).send().await;
        let answer = sent.map_err(|error| CallError::new("ListTargetsByRule", error))?;
        rule.targets = answer.targets().iter().map(Target::arn).map(str::to_owned).collect();
    }
    Ok(rules)
}

/// Returns the line for rules that cannot be read.
pub(crate) fn unread(call: &CallError) -> String {
    format!(
        "not checked: EventBridge rules ({}); see them with: aws events list-rules --query \
         'Rules[?EventPattern].[Name,EventPattern]'",
        with_causes(call)
    )
}

impl Rule {
    /// Returns true if a push to the repository matches it.
    pub(crate) fn is_on_repository(&self, name: &str) -> bool {
        self.tells_of_pushes()
            && self.admits(&["resources"], |arn| arn.rsplit(':').next() == Some(name))
            && self.admits(&["detail", "repositoryName"], |given| given == name)
    }

    /// Returns true if an upload of the object matches it.
    pub(crate) fn is_on_object(&self, bucket: &str, key: &str) -> bool {
        let is_bucket = |given: &str| given == bucket;
        let is_key = |given: &str| given == key;
        self.tells_of_objects()
            && self.admits(&["detail", "bucket", "name"], is_bucket)
            && self.admits(&["detail", "requestParameters", "bucketName"], is_bucket)
            && self.admits(&["detail", "object", "key"], is_key)
            && self.admits(&["detail", "requestParameters", "key"], is_key)
    }

    /// Returns true if it starts the pipeline itself.
    pub(crate) fn starts(&self, pipeline: &str) -> bool {
        self.targets.iter().any(|arn| arn.contains(":codepipeline:") && arn.rsplit(':').next() == Some(pipeline))
    }

    /// Returns the functions that it invokes.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().map(String::as_str).filter(|arn| arn.contains(":lambda:")).map(unqualified)
    }

    fn tells_of_pushes(&self) -> bool {
        self.admits(&["source"], |source| source == "aws.codecommit")
            && self.admits(&["detail-type"], |kind| kind == "CodeCommit Repository State Change")
            && self.admits(&["detail", "event"], |event| ["referenceCreated", "referenceUpdated"].contains(&event))
            && self.admits(&["detail", "referenceType"], |kind| kind == "branch")
    }

    fn tells_of_objects(&self) -> bool {
        self.admits(&["source"], |source| source == "aws.s3")
            && self.admits(&["detail-type"], |kind| ["Object Created", "AWS API Call via CloudTrail"].contains(&kind))
    }

    /// Returns true if the pattern may match this value of a field. A field that is not in the pattern matches
    /// anything, and a condition other than equality is assumed to match.
    fn admits(&self, path: &[&str], is: impl Fn(&str) -> bool) -> bool {
        let field = path.iter().try_fold(&self.pattern, |at, name| at.get(name));
        field.and_then(Value::as_array).is_none_or(|values| values.iter().any(|value| value.as_str().is_none_or(&is)))
    }
}

/// Returns a function's ARN without a version or an alias.
pub(crate) fn unqualified(arn: &str) -> &str {
    arn.match_indices(':').nth(6).map_or(arn, |(end, _)| &arn[..end])
}
