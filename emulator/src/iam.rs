//! IAM's `SimulatePrincipalPolicy` for the role of the one function.
//!
//! # Differs from IAM
//! - The role has one policy, which the options give. Without it, the role may do everything, as all roles here.
//! - Statements have actions, resources and an effect. A policy with more, such as conditions, is a 501.

use http_body_util::BodyExt as _;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::account::{IAM_REGION, REGION, role_arn};
use crate::signature;
use crate::unknown::{self, escaped};
use crate::wire::{self, BoxError, HttpRequest, HttpResponse};

/// The one operation. Its name is in the body, so requests for others count under it too, and are a 501.
pub(crate) const OPERATION: &str = "SimulatePrincipalPolicy";

/// Answers a request, with the policy of the function's role.
pub(crate) async fn answer(request: HttpRequest, policy: Option<&Value>) -> Result<HttpResponse, BoxError> {
    let (head, content) = request.into_parts();
    let content = content.collect().await?.to_bytes();
    // Some SDKs sign for the client's region where the endpoint is not AWS's.
    let verify = |region| signature::verify(&head, "iam", region, &content, OffsetDateTime::now_utc());
    if let Err(error) = verify(IAM_REGION).or_else(|_| verify(REGION)) {
        return Ok(unknown::query_error(403, error.code, &error.message));
    }
    let fields: Vec<(String, String)> = form_urlencoded::parse(&content).into_owned().collect();
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let action = field("Action").unwrap_or_default();
    let is_known = |(name, _): &(String, String)| {
        let lists = ["ActionNames.member.", "ResourceArns.member."];
        ["Action", "Version", "PolicySourceArn"].contains(&name.as_str()) || lists.iter().any(|l| name.starts_with(l))
    };
    let Some(statements) = statements(policy) else {
        return Ok(unknown::query_error(501, unknown::CODE, "the emulator does not model such a policy of a role"));
    };
    if action != OPERATION || !fields.iter().all(is_known) {
        let asked = if action == OPERATION { "these parameters of SimulatePrincipalPolicy" } else { action };
        return Ok(unknown::query_error(501, unknown::CODE, &format!("the emulator does not model {asked}")));
    }
    if field("PolicySourceArn") != Some(&role_arn()) {
        return Ok(unknown::query_error(404, "NoSuchEntity", "The role cannot be found."));
    }
    let mut resources = members(&fields, "ResourceArns");
    if resources.is_empty() {
        resources.push("*");
    }
    let mut results = String::new();
    for action in members(&fields, "ActionNames") {
        for resource in &resources {
            results.push_str(&result(action, resource, decide(&statements, action, resource)));
        }
    }
    Ok(success(&results))
}

/// A statement of the role's policy.
struct Statement {
    denies: bool,
    actions: Vec<String>,
    resources: Vec<String>,
}

/// Returns the statements of a policy, or `None` if it has more than the emulator models.
fn statements(policy: Option<&Value>) -> Option<Vec<Statement>> {
    let Some(policy) = policy else {
        let all = || vec!["*".to_owned()];
        return Some(vec![Statement { denies: false, actions: all(), resources: all() }]);
    };
    let read = |statement: &Value| {
        let known = ["Sid", "Effect", "Action", "Resource"];
        let is_known = statement.as_object()?.keys().all(|key| known.contains(&key.as_str()));
        let denies = match statement["Effect"].as_str()? {
            "Allow" => false,
            "Deny" => true,
            _ => return None,
        };
        let (actions, resources) = (listed(&statement["Action"])?, listed(&statement["Resource"])?);
        is_known.then_some(Statement { denies, actions, resources })
    };
    policy["Statement"].as_array()?.iter().map(read).collect()
}

fn listed(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(texts) => texts.iter().map(|text| text.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// Returns IAM's word for its decision. A denial outweighs every permission.
fn decide(statements: &[Statement], action: &str, resource: &str) -> &'static str {
    let action = action.to_ascii_lowercase();
    let matching = statements.iter().filter(|statement| {
        statement.actions.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
            && statement.resources.iter().any(|pattern| matches(pattern, resource))
    });
    let effects: Vec<bool> = matching.map(|statement| statement.denies).collect();
    match effects.as_slice() {
        [] => "implicitDeny",
        effects if effects.contains(&true) => "explicitDeny",
        _ => "allowed",
    }
}

/// Returns whether a pattern with `*` and `?` matches the whole text.
fn matches(pattern: &str, text: &str) -> bool {
    let letters = |text: &str| text.chars().collect::<Vec<char>>();
    matches_letters(&letters(pattern), &letters(text))
}

fn matches_letters(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=text.len()).any(|from| matches_letters(rest, &text[from..])),
        (['?', rest @ ..], [_, after @ ..]) => matches_letters(rest, after),
        ([letter, rest @ ..], [other, after @ ..]) => letter == other && matches_letters(rest, after),
        _ => false,
    }
}

fn result(action: &str, resource: &str, decision: &str) -> String {
    let (action, resource) = (escaped(action), escaped(resource));
    format!(
        "<member><MatchedStatements/><MissingContextValues/><EvalResourceName>{resource}</EvalResourceName>\
         <EvalDecision>{decision}</EvalDecision><EvalActionName>{action}</EvalActionName></member>"
    )
}

fn success(results: &str) -> HttpResponse {
    let id = Uuid::new_v4().to_string();
    let body = format!(
        "<SimulatePrincipalPolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><SimulatePrincipalPolicyResult>\
         <IsTruncated>false</IsTruncated><EvaluationResults>{results}</EvaluationResults></SimulatePrincipalPolicyResult>\
         <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></SimulatePrincipalPolicyResponse>"
    );
    wire::response(200, &[("content-type", "text/xml"), ("x-amzn-requestid", &id)], body)
}

/// Returns the members of a list in the order of the request.
fn members<'a>(fields: &'a [(String, String)], list: &str) -> Vec<&'a str> {
    let prefix = format!("{list}.member.");
    fields.iter().filter(|(name, _)| name.starts_with(&prefix)).map(|(_, value)| value.as_str()).collect()
}
