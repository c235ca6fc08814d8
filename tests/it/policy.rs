//! Compares the template's policies with `stack/permissions.json`, and that table with the calls in `src/` and
//! `codecommit/`, in both directions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_yaml_ng::Value;

type Actions = BTreeSet<String>;
/// The IAM actions of each operation of each service.
type Operations = BTreeMap<String, BTreeMap<String, Actions>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Permissions {
    operations: Operations,
    lifecycle_operations: Operations,
    lifecycle_other: BTreeMap<String, Other>,
    report_operations: Operations,
    other: BTreeMap<String, Other>,
}

/// An action that a policy needs although the code does not call its operation through the SDK.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Other {
    /// A text in the sources that shows that we use the action. If unset, an AWS service uses it with the function's
    /// role.
    source: Option<String>,
    why: String,
}

/// Every template of the stack.
const TEMPLATES: [&str; 5] =
    ["template.yaml", "stack/project.yaml", "stack/product.yaml", "stack/cleanup.yaml", "stack/source-account.yaml"];

#[test]
fn the_updates_role_may_do_what_the_table_says() {
    let wanted = &actions(&table().operations) | &table().other.into_keys().collect();
    assert_eq!(role_actions("UpdatesRole"), wanted);
}

/// It delivers nothing, so it may neither write the bucket nor start a pipeline.
#[test]
fn the_lifecycle_role_may_write_triggers_and_hand_over() {
    let own = &actions(&table().lifecycle_operations) | &table().lifecycle_other.into_keys().collect();
    let besides = [
        "codecommit:GetBranch",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:SendMessage",
    ];
    assert_eq!(role_actions("LifecycleRole"), &own | &besides.map(str::to_owned).into());
    assert!(role_actions("UpdatesRole").is_disjoint(&own));
}

#[test]
fn the_report_role_may_report_and_nothing_else() {
    let own = actions(&table().report_operations);
    let besides = [
        "codepipeline:GetPipeline",
        "codepipeline:GetPipelineExecution",
        "codepipeline:ListPipelineExecutions",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:SendMessage",
    ];
    assert_eq!(role_actions("ReportRole"), &own | &besides.map(str::to_owned).into());
    assert!(role_actions("LifecycleRole").is_disjoint(&own), "nobody else reports");
}

#[test]
fn nobody_else_may_write_triggers_or_comment() {
    let mut roles = 0;
    for (action, owner) in [
        ("codecommit:PutRepositoryTriggers", "LifecycleRole"),
        ("codecommit:PostCommentForPullRequest", "ReportRole"),
        ("codecommit:UpdatePullRequestApprovalState", "ReportRole"),
    ] {
        for template in TEMPLATES {
            for (name, resource) in resources(template) {
                if resource["Type"] == "AWS::IAM::Role" && name != owner {
                    roles += 1;
                    let mut statements = Vec::new();
                    collect_statements(&resource["Properties"], &mut statements);
                    assert!(!statement_actions(&statements).contains(action), "{template}: {name}");
                }
            }
        }
    }
    assert!(roles > 24, "{roles} roles: this test looks in the wrong place");
}

#[test]
fn the_functions_roles_name_their_resources() {
    for role in ["UpdatesRole", "LifecycleRole", "ReportRole"] {
        for statement in role_statements(role) {
            let mut resources = Vec::new();
            strings(&statement["Resource"], &mut resources);
            // `!Join` puts a wildcard in the place of an account.
            let is_joined = matches!(&statement["Resource"], Value::Tagged(tagged) if tagged.tag == "Join");
            let is_any = resources.contains(&"*".to_owned()) && !is_joined;
            assert!(!resources.is_empty() && !is_any, "{role}: {statement:?}");
        }
    }
}

#[test]
fn a_role_of_another_account_may_read_what_the_own_role_may() {
    let text = read("stack/source-account.yaml");
    let template: Value = serde_yaml_ng::from_str(&text).expect("the template is YAML");
    let mut statements = Vec::new();
    collect_statements(&template["Resources"]["SourceRole"]["Properties"]["Policies"], &mut statements);
    let reading: Actions = table().operations["codecommit"].values().flatten().cloned().collect();
    let besides = ["codecommit:GitPull", "kms:Decrypt"].map(str::to_owned).into();
    assert_eq!(statement_actions(&statements), &reading | &besides);
}

#[test]
fn every_call_is_in_the_table() {
    let sources = sources();
    let known = table();
    for service in ["codecommit", "s3", "codepipeline"] {
        let listed: BTreeSet<String> = [&known.operations, &known.lifecycle_operations, &known.report_operations]
            .into_iter()
            .filter_map(|operations| operations.get(service))
            .flat_map(|operations| operations.keys().map(|name| snake(name)))
            .collect();
        for operation in sdk_operations(service) {
            let called = sources.contains(&call(&operation));
            assert!(
                !called || listed.contains(&operation),
                "{service} {operation} is called but not in stack/permissions.json"
            );
        }
    }
}

#[test]
fn everything_in_the_table_is_called() {
    let sources = sources();
    let Permissions { operations, lifecycle_operations, lifecycle_other, report_operations, other } = table();
    for (service, operations) in operations.iter().chain(&lifecycle_operations).chain(&report_operations) {
        let existing = sdk_operations(service);
        for operation in operations.keys().map(|name| snake(name)) {
            assert!(existing.contains(&operation), "{service} has no operation {operation}");
            assert!(
                sources.contains(&call(&operation)),
                "{service} {operation} is in stack/permissions.json but never called"
            );
        }
    }
    for (action, Other { source, why }) in other.into_iter().chain(lifecycle_other) {
        let used = source.is_none_or(|text| sources.contains(&text));
        assert!(
            used && !why.is_empty(),
            "{action} is in stack/permissions.json but nothing in the sources shows its use"
        );
    }
}

fn table() -> Permissions {
    serde_json::from_str(&read("stack/permissions.json")).expect("the table has its form")
}

fn actions(operations: &Operations) -> Actions {
    operations.values().flat_map(BTreeMap::values).flatten().cloned().collect()
}

fn resources(template: &str) -> BTreeMap<String, Value> {
    let template: Value = serde_yaml_ng::from_str(&read(template)).expect("the template is YAML");
    serde_yaml_ng::from_value(template["Resources"].clone()).expect("resources have names")
}

fn role_actions(role: &str) -> Actions {
    statement_actions(&role_statements(role))
}

/// Returns the statements of a role's own policies and of the template's policies that it names, under any condition.
fn role_statements(role: &str) -> Vec<Value> {
    let resources = resources("template.yaml");
    let properties = &resources[role]["Properties"];
    let mut statements = Vec::new();
    collect_statements(&properties["Policies"], &mut statements);
    let mut attached = Vec::new();
    strings(&properties["ManagedPolicyArns"], &mut attached);
    for policy in attached.iter().filter_map(|name| resources.get(name)) {
        collect_statements(&policy["Properties"], &mut statements);
    }
    assert!(!statements.is_empty(), "{role} has no statement");
    statements
}

fn collect_statements(value: &Value, statements: &mut Vec<Value>) {
    match value {
        Value::Mapping(mapping) if mapping.contains_key("Effect") => statements.push(value.clone()),
        Value::Mapping(mapping) => mapping.values().for_each(|value| collect_statements(value, statements)),
        Value::Sequence(values) => values.iter().for_each(|value| collect_statements(value, statements)),
        Value::Tagged(tagged) => collect_statements(&tagged.value, statements),
        _ => {}
    }
}

fn statement_actions(statements: &[Value]) -> Actions {
    let mut found = Vec::new();
    for statement in statements {
        strings(&statement["Action"], &mut found);
    }
    found.into_iter().collect()
}

fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Mapping(mapping) => mapping.values().for_each(|value| strings(value, found)),
        Value::Sequence(values) => values.iter().for_each(|value| strings(value, found)),
        Value::Tagged(tagged) => strings(&tagged.value, found),
        _ => {}
    }
}

/// Returns the form of an SDK call in code, without white space.
fn call(operation: &str) -> String {
    format!(".{operation}()")
}

fn snake(operation: &str) -> String {
    let mut name = String::new();
    for letter in operation.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// Returns the code of the client and the function without white space, so that a call over several lines is found.
fn sources() -> String {
    let mut text = String::new();
    append_sources(&root().join("src"), &mut text);
    append_sources(&root().join("codecommit/src"), &mut text);
    text.retain(|letter| !letter.is_whitespace());
    text
}

fn append_sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        // Names given by hand are resolved only for other programs. The functions never call this.
        if path.file_stem().is_some_and(|name| name == "treeish") {
            continue;
        }
        if path.is_dir() {
            append_sources(&path, text);
        } else {
            text.push_str(&std::fs::read_to_string(&path).expect("sources are text"));
        }
    }
}

/// Returns every operation in the SDK of `service`, from the modules of the crate that is built here.
fn sdk_operations(service: &str) -> BTreeSet<String> {
    let manifest = sdk_manifest(&format!("aws-sdk-{service}"));
    let modules = std::fs::read_dir(manifest.with_file_name("src").join("operation")).expect("an SDK has operations");
    modules
        .map(|entry| entry.expect("the crate is readable").path())
        .filter(|path| path.is_dir())
        .filter_map(|path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned))
        .collect()
}

fn sdk_manifest(package: &str) -> PathBuf {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        manifest_path: PathBuf,
    }
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--filter-platform", &platform])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let found = metadata.packages.into_iter().find(|candidate| candidate.name == package);
    found.expect("the SDK is a dependency").manifest_path
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("the file is there")
}
