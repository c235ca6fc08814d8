//! The events that a repository's triggers send when references change, in the form of CodeCommit's own events.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, PoisonError};

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::account::{REGION, function_arn, repository_arn, user_arn};
use crate::event_bridge::EventBridge;
use crate::lambda::Lambda;
use crate::pull_requests::{PullRequest, PullRequests};
use crate::repository::Repository;
use crate::trigger::Trigger;

const ZERO_ID: &str = "0000000000000000000000000000000000000000";

/// A reference with its commit before and after a change; `None` where it did not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) reference: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

/// Sends the events of triggers and of pull requests to the function.
pub(crate) struct Events {
    lambda: Arc<Lambda>,
    rule: Arc<EventBridge>,
    pull_requests: PullRequests,
}

impl Events {
    pub(crate) fn new(lambda: Arc<Lambda>, rule: Arc<EventBridge>) -> Self {
        Self { lambda, rule, pull_requests: PullRequests::default() }
    }

    pub(crate) fn pull_requests(&self) -> &PullRequests {
        &self.pull_requests
    }

    /// Sends an event of a pull request.
    pub(crate) fn tell(&self, event: &str, request: &PullRequest) {
        let detail = json!({
            "event": event,
            "author": PullRequest::author(),
            "callerUserArn": user_arn(),
            "pullRequestId": request.id.to_string(),
            "pullRequestStatus": if request.open { "Open" } else { "Closed" },
            "isMerged": "False",
            "title": request.title,
            "repositoryNames": [request.repository],
            "revisionId": request.revision(),
            "sourceReference": request.source,
            "sourceCommit": request.source_commit,
            "destinationReference": request.destination,
            "destinationCommit": request.destination_commit,
        });
        let (kind, arn) = ("CodeCommit Pull Request State Change", repository_arn(&request.repository));
        self.rule.send("aws.codecommit", kind, OffsetDateTime::now_utc(), &arn, &detail);
    }

    /// Sends one event for each trigger that fires on any of the changes, and returns the names of these triggers.
    ///
    /// Only the emulated function receives events; triggers with another destination send nothing.
    pub(crate) fn fire(&self, repository: &Repository, changes: &[Change]) -> Vec<String> {
        for Change { reference, after, .. } in changes {
            for (event, request) in self.pull_requests.follow(&repository.name, reference, after.as_deref()) {
                self.tell(event, &request);
            }
        }
        let triggers = repository.triggers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fired = Vec::new();
        for trigger in triggers.list.iter().filter(|trigger| trigger.destination_arn == function_arn()) {
            let wanted = changes.iter().filter(|change| trigger.fires_on(&change.reference, change.event()));
            let references: Vec<Value> = wanted.map(Change::describe).collect();
            if !references.is_empty() {
                let id = &triggers.configuration_id;
                self.lambda.send(event("ReferenceChanges", &repository.name, id, trigger, &references));
                fired.push(trigger.name.clone());
            }
        }
        fired
    }

    /// Sends the test event of `TestRepositoryTriggers`: the default branch's last commit, or zeros for an empty
    /// repository.
    pub(crate) async fn test(&self, repository: &Repository, trigger: &Trigger) -> io::Result<()> {
        let branch = repository.default_branch().await?.map(|branch| format!("refs/heads/{branch}"));
        let tip = match &branch {
            Some(branch) => repository.objects.header(branch).await?.map(|header| header.id),
            None => None,
        };
        let reference = branch.as_deref().unwrap_or("refs/heads/main");
        let references = [json!({ "commit": tip.as_deref().unwrap_or(ZERO_ID), "ref": reference })];
        let id = Uuid::new_v4().to_string();
        self.lambda.send(event("TriggerEventTest", &repository.name, &id, trigger, &references));
        Ok(())
    }
}

impl Change {
    /// Returns the name of the trigger event.
    fn event(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "createReference",
            (_, None) => "deleteReference",
            _ => "updateReference",
        }
    }

    /// Returns the entry of the event: `created` or `deleted` only where it applies, and a deleted reference's old
    /// commit.
    fn describe(&self) -> Value {
        let commit = self.after.as_ref().or(self.before.as_ref());
        let mut described = json!({ "commit": commit, "ref": self.reference });
        match self.event() {
            "createReference" => described["created"] = true.into(),
            "deleteReference" => described["deleted"] = true.into(),
            _ => {}
        }
        described
    }
}

/// Returns the differences between two listings of a repository's references, in the order of their names.
pub(crate) fn changes(before: &HashMap<String, String>, after: &HashMap<String, String>) -> Vec<Change> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| Change {
            reference: name.clone(),
            before: before.get(name).cloned(),
            after: after.get(name).cloned(),
        })
        .collect()
}

fn event(name: &str, repository: &str, configuration_id: &str, trigger: &Trigger, references: &[Value]) -> Value {
    let format = "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]+0000";
    let format = time::format_description::parse_borrowed::<1>(format).expect("the format is a valid constant");
    let time = OffsetDateTime::now_utc().format(&format).expect("a date has every part of the format");
    json!({ "Records": [{
        "awsRegion": REGION,
        "codecommit": { "references": references },
        "customData": trigger.custom_data,
        "eventId": Uuid::new_v4().to_string(),
        "eventName": name,
        "eventPartNumber": 1,
        "eventSource": "aws:codecommit",
        "eventSourceARN": repository_arn(repository),
        "eventTime": time,
        "eventTotalParts": 1,
        "eventTriggerConfigId": configuration_id,
        "eventTriggerName": trigger.name,
        "eventVersion": "1.0",
        "userIdentityARN": user_arn(),
    }] })
}
