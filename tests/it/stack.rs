//! The settings in the four places that describe them: `src/config.rs`, the template's parameters and environments,
//! and the tables of README.md and docs/deploy.md. Also other parts of the stack that depend on the function's code:
//! parameter values, and fields of the log.

use std::collections::{BTreeMap, BTreeSet};

use codecommit_multibranch::config::Config;
use serde::Deserialize;
use serde_yaml_ng::Value;

use super::tidy::{coded, first_cells, read, section, settings, sources};

/// The setting that only tests and emulators use.
const NEVER_DEPLOYED: &str = "CODECOMMIT_GIT_URL";

#[test]
fn the_stack_sets_every_setting_that_the_function_reads() {
    let mut set: BTreeSet<String> = environment().into_keys().collect();
    assert!(set.remove("MALLOC_MMAP_THRESHOLD_"), "the C library reads it");
    assert!(set.insert(NEVER_DEPLOYED.to_owned()), "{NEVER_DEPLOYED} is set");
    assert_eq!(set, settings(), "template.yaml on the left, src/config.rs on the right");
    assert!(first_cells(section(&read("README.md"), "Settings")).contains(NEVER_DEPLOYED));
}

#[test]
fn every_parameter_is_described_with_its_default_and_its_variable() {
    let document = read("docs/deploy.md");
    let rows: Vec<Row> = section(&document, "Settings").lines().filter_map(Row::read).collect();
    let parameters = template()["Parameters"].as_mapping().expect("parameters").clone();
    let names = parameters.keys().map(text).collect::<Vec<_>>();
    let mut described: Vec<String> = rows.iter().flat_map(|row| row.parameters.clone()).collect();
    described.sort();
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(described, sorted, "docs/deploy.md on the left, the template on the right");
    for name in &names {
        let row = rows.iter().find(|row| row.parameters.contains(name)).expect("it is described");
        let default = match &parameters[name.as_str()]["Default"] {
            Value::String(default) => default.clone(),
            Value::Number(default) => default.to_string(),
            _ => String::new(),
        };
        assert!(
            default.is_empty() || row.defaults.contains(&default),
            "{name}: {default} is not in {:?}",
            row.defaults
        );
    }
}

#[test]
fn a_variable_has_the_parameters_that_the_document_says() {
    let document = read("docs/deploy.md");
    let rows: Vec<Row> = section(&document, "Settings").lines().filter_map(Row::read).collect();
    let described: BTreeSet<String> = rows.iter().flat_map(|row| row.variables.clone()).collect();
    assert_eq!(described, settings(), "docs/deploy.md on the left, src/config.rs on the right");
    let parameters = template()["Parameters"].clone();
    let environment = environment();
    // A row may have several variables: together they use its parameters.
    for row in rows.iter().filter(|row| row.variables.iter().any(|variable| environment.contains_key(variable))) {
        let mut words = Vec::new();
        row.variables
            .iter()
            .filter_map(|variable| environment.get(variable))
            .for_each(|value| names(value, &mut words));
        let used: BTreeSet<String> = words.into_iter().filter(|word| parameters.get(word).is_some()).collect();
        assert_eq!(used, row.parameters.iter().cloned().collect(), "{:?}: the template on the left", row.variables);
    }
}

/// Values of one parameter. `stack/tests/parameter-values.yaml` explains the lists, and is also compared with the
/// template.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Values {
    variable: Option<String>,
    form: Option<String>,
    accepted: Vec<Value>,
    #[serde(default)]
    refused: Vec<Value>,
    #[serde(default, rename = "stricter")]
    _stricter: Vec<Value>,
}

#[test]
fn the_function_takes_and_refuses_the_values_that_the_template_does() {
    let table: BTreeMap<String, Values> =
        serde_yaml_ng::from_str(&read("stack/tests/parameter-values.yaml")).expect("the table has its form");
    let mut checked = 0;
    for (parameter, values) in &table {
        let Some(variable) = &values.variable else { continue };
        let form = values.form.as_deref().unwrap_or("{}");
        let refusal = |value: &Value| {
            let value = value.as_str().map_or_else(|| number(value), str::to_owned);
            let set = form.replace("{}", &value);
            Config::from_lookup(|name| (name == variable).then(|| set.clone())).err()
        };
        for value in &values.accepted {
            checked += 1;
            assert_eq!(refusal(value), None, "{parameter}={value:?}");
        }
        for value in &values.refused {
            checked += 1;
            let error = refusal(value).unwrap_or_else(|| panic!("{parameter}={value:?} is taken"));
            assert!(error.to_string().contains(variable.as_str()), "{parameter}={value:?}: {error}");
        }
    }
    assert!(checked > 40, "{checked} values");
}

fn number(value: &Value) -> String {
    serde_yaml_ng::to_string(value).expect("a number").trim().to_owned()
}

#[test]
fn the_dashboard_and_the_saved_queries_ask_for_fields_that_the_function_writes() {
    let sources: String = sources("src").into_iter().map(|(_, text)| text).collect();
    let resources = template()["Resources"].clone();
    let mut texts = Vec::new();
    for name in ["OperationsDashboard", "QueryByBranch", "QueryByCommit"] {
        names(&resources[name]["Properties"], &mut texts);
    }
    let mut fields = BTreeSet::new();
    for query in
        texts.iter().flat_map(|text| text.lines()).filter(|line| line.contains('|') || line.contains("fields "))
    {
        fields.extend(query.split(|c: char| !c.is_alphanumeric() && c != '.' && c != '_').filter_map(field));
    }
    assert!(fields.len() > 10, "{fields:?}");
    for field in fields {
        assert!(sources.contains(&format!("\"{field}\"")), "no source in src/ writes the field {field}");
    }
}

/// Returns the outcome line's field that a word of a query names.
fn field(word: &str) -> Option<String> {
    let camel = word.starts_with(|c: char| c.is_ascii_uppercase()) && word.contains(|c: char| c.is_ascii_lowercase());
    (camel
        && word.chars().all(char::is_alphanumeric)
        && !["UpdatesLogs", "LifecycleLogs", "Logs", "AWS"].contains(&word))
    .then(|| word.to_owned())
}

/// A row of the document's table.
struct Row {
    parameters: Vec<String>,
    variables: Vec<String>,
    defaults: Vec<String>,
}

impl Row {
    fn read(line: &str) -> Option<Self> {
        let cells: Vec<&str> = line.strip_prefix("| ")?.split(" | ").collect();
        let words = |cell: usize| cells.get(cell).map(|cell| coded(cell).map(str::to_owned).collect());
        Some(Self { parameters: words(0)?, variables: words(1)?, defaults: words(2)? })
    }
}

fn template() -> Value {
    serde_yaml_ng::from_str(&read("template.yaml")).expect("the template is YAML")
}

/// Returns the variables of both functions.
fn environment() -> BTreeMap<String, Value> {
    let template = template();
    let of = |holder: &Value| -> BTreeMap<String, Value> {
        serde_yaml_ng::from_value(holder["Environment"]["Variables"].clone()).expect("variables have names")
    };
    let mut all = of(&template["Globals"]["Function"]);
    for function in ["UpdatesFunction", "LifecycleFunction", "ReportFunction"] {
        for (name, value) in of(&template["Resources"][function]["Properties"]) {
            // `off` is written directly if no parameter sets it.
            if value != "off" {
                all.insert(name, value);
            }
        }
    }
    all
}

/// Collects the words of a value that may be names: whole texts, and the names that `Sub` would replace.
fn names(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            found.push(text.clone());
            found.extend(text.split("${").skip(1).filter_map(|rest| rest.split('}').next()).map(str::to_owned));
        }
        Value::Sequence(values) => values.iter().for_each(|value| names(value, found)),
        Value::Mapping(mapping) => mapping.values().for_each(|value| names(value, found)),
        Value::Tagged(tagged) => names(&tagged.value, found),
        _ => {}
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a name").to_owned()
}
