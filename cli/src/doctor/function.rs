//! Checks of the function that pushes reach: its pipeline, and what its role may do. IAM simulates the role's
//! policies, so that nobody has to assume the role.

use codecommit::aws::{Aws, CallError, Fault, SignedRequest, SignedService};
use serde_json::Value;

use super::described;
use super::object::Object;
use super::report::Report;
use super::simulation::{self, Decision, Question};

/// The things that a push needs.
pub(super) struct Needs<'a> {
    pub(super) pipeline: &'a str,
    pub(super) object: Option<&'a Object>,
    pub(super) repository: Option<&'a str>,
}

/// Checks one function, by its name or ARN.
pub(super) async fn check(aws: &Aws, name: &str, needs: &Needs<'_>, report: &mut Report) {
    let configuration = match configuration(aws, name).await {
        Ok(configuration) => configuration,
        Err(call) if call.fault == Fault::Missing => {
            return report.fail("function", format!("{name} does not exist: {}", described(&call)));
        }
        Err(call) => return report.warn("function", format!("{name} is not checked: {}", described(&call))),
    };
    let role = text(&configuration, "/Role");
    report.ok("function", format!("{name} runs as {role}"));
    let own = text(&configuration, "/Environment/Variables/PIPELINE_NAME");
    if !own.is_empty() && own != needs.pipeline {
        report.warn(
            "function",
            format!("it starts {own}, and {} only if a trigger's custom data names it", needs.pipeline),
        );
    }
    permissions(aws, &configuration, needs, report).await;
}

async fn permissions(aws: &Aws, configuration: &Value, needs: &Needs<'_>, report: &mut Report) {
    let role = text(configuration, "/Role");
    let mut decisions = Vec::new();
    for question in questions(configuration, needs) {
        match simulation::ask(aws, role, &question).await {
            Ok(decided) => decisions.extend(decided),
            Err(call) => {
                let why = format!("not checked for the function: {}", described(&call));
                return report.warn("permissions", why);
            }
        }
    }
    let all = decisions.len();
    let refused: Vec<Decision> = decisions.into_iter().filter(|decision| decision.word != "allowed").collect();
    let shown = |refused: &[&Decision]| refused.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    // Without a value for a condition's key, IAM cannot know.
    let (unknown, denied): (Vec<&Decision>, Vec<&Decision>) =
        refused.iter().partition(|decision| decision.needs_context);
    if !denied.is_empty() {
        report.fail("permissions", format!("the function may not {}; see stack/permissions.json", shown(&denied)));
    }
    if !unknown.is_empty() {
        report.warn("permissions", format!("a condition decides whether the function may {}", shown(&unknown)));
    }
    if refused.is_empty() {
        let besides = "policies of the bucket and of keys are not part of the simulation";
        report.ok("permissions", format!("the function may do all {all} things that were asked; {besides}"));
    }
}

async fn configuration(aws: &Aws, name: &str) -> Result<Value, CallError> {
    let request = SignedRequest {
        service: SignedService::Lambda,
        operation: "GetFunctionConfiguration",
        method: "GET",
        path: format!("/2015-03-31/functions/{}/configuration", SignedRequest::encoded(name)),
        headers: Vec::new(),
        body: Vec::new(),
    };
    let answer = aws.signed(request).await?;
    serde_json::from_slice(&answer).map_err(|error| CallError::malformed("GetFunctionConfiguration", error))
}

/// The calls of the function, and the IAM actions that each needs.
const PERMISSIONS: &str = include_str!("../../../stack/permissions.json");

/// Returns the questions for IAM. The resources of one question have the same type, because IAM decides every action
/// on each of them.
fn questions(configuration: &Value, needs: &Needs<'_>) -> Vec<Question> {
    let table: Value = serde_json::from_str(PERMISSIONS).unwrap_or_default();
    let actions = |service: &str| actions(&table["operations"][service]);
    let arn: Vec<&str> = text(configuration, "/FunctionArn").split(':').collect();
    let [_, partition, _, region, account, ..] = arn[..] else { return Vec::new() };
    let here = |service: &str, name: &str| vec![format!("arn:{partition}:{service}:{region}:{account}:{name}")];
    let mut questions =
        vec![Question { actions: actions("codepipeline"), resources: here("codepipeline", needs.pipeline) }];
    if let Some(Object { bucket, key }) = needs.object {
        let (of_bucket, of_object): (Vec<String>, Vec<String>) =
            actions("s3").into_iter().partition(|action| action.contains("Bucket"));
        let bucket = format!("arn:{partition}:s3:::{bucket}");
        // The zip, and one of the records of deliveries.
        let objects = vec![format!("{bucket}/{key}"), format!("{bucket}/{key}.deliveries/doctor")];
        questions.push(Question { actions: of_object, resources: objects });
        questions.push(Question { actions: of_bucket, resources: vec![bucket] });
    }
    let source_role = text(configuration, "/Environment/Variables/SOURCE_ROLE_ARN");
    if !source_role.is_empty() {
        questions.push(Question { actions: vec!["sts:AssumeRole".into()], resources: vec![source_role.into()] });
    } else if let Some(repository) = needs.repository {
        let mut reading = actions("codecommit");
        reading.push("codecommit:GitPull".into());
        questions.push(Question { actions: reading, resources: here("codecommit", repository) });
    }
    questions
}

/// Returns the actions of all operations of a service, each once.
fn actions(operations: &Value) -> Vec<String> {
    let all = operations.as_object().into_iter().flat_map(|all| all.values()).filter_map(Value::as_array).flatten();
    let mut actions: Vec<String> = all.filter_map(Value::as_str).map(str::to_owned).collect();
    actions.sort();
    actions.dedup();
    actions
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
