//! The settings in the four places that tell of them: `src/config.rs`, the template's parameters and environments, and the tables of
//! README.md and docs/deploy.md.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml_ng::Value;

use super::tidy::{coded, first_cells, read, section, settings};

/// What only tests and emulators set.
const NEVER_DEPLOYED: &str = "CODECOMMIT_GIT_URL";

#[test]
fn the_stack_sets_every_setting_that_the_function_reads() {
    let mut set: BTreeSet<String> = environment().into_keys().collect();
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
    for (variable, value) in environment() {
        let row = rows.iter().find(|row| row.variables.contains(&variable)).expect("it is described");
        let mut words = Vec::new();
        names(&value, &mut words);
        let used: BTreeSet<String> = words.into_iter().filter(|word| parameters.get(word).is_some()).collect();
        assert_eq!(used, row.parameters.iter().cloned().collect(), "{variable}: the template on the left");
    }
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

/// The variables of both functions.
fn environment() -> BTreeMap<String, Value> {
    let template = template();
    let of = |holder: &Value| -> BTreeMap<String, Value> {
        serde_yaml_ng::from_value(holder["Environment"]["Variables"].clone()).expect("variables have names")
    };
    let mut all = of(&template["Globals"]["Function"]);
    for function in ["UpdatesFunction", "LifecycleFunction"] {
        for (name, value) in of(&template["Resources"][function]["Properties"]) {
            // Off is said outright where it is not the parameter's to say.
            if value != "off" {
                all.insert(name, value);
            }
        }
    }
    all
}

/// The words of a value that may be names: whole texts, and what `Sub` would put in.
fn names(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            found.push(text.clone());
            found.extend(text.split("${").skip(1).filter_map(|rest| rest.split('}').next()).map(str::to_owned));
        }
        Value::Sequence(values) => values.iter().for_each(|value| names(value, found)),
        Value::Tagged(tagged) => names(&tagged.value, found),
        _ => {}
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a name").to_owned()
}
