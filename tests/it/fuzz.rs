//! A short run of the Lambda's fuzz targets, on seeded mutations of events and settings.

mod targets;

use oracle::fuzz;

use super::tidy::root;

const CUSTOM_DATA: [&str; 5] = [
    r#"{"pipeline_name":"team-a","source_action":"Source","branches":"feature/**,!feature/x","paths":"src/**,!*.md"}"#,
    "release/1\n{\"branches\":\"**\"}",
    r#"{"pipeline_name":7,"branches":null}"#,
    "free text",
    "a/b/c\n{\"branches\":\"a/*/[b-d],!?\"}",
];

const SETTINGS: [&str; 3] = [
    "PIPELINE_NAME=dev\nPIPELINES=team-*\nSOURCE_ACTION=Source\nBRANCHES=**,!main\nSOURCE=git\nCACHE=off\n\
     SIZE_LIMIT_MIB=100\nAWS_LAMBDA_FUNCTION_MEMORY_SIZE=1769\nREQUESTS_AT_ONCE=64\nGIT_FROM_REQUESTS=100\n\
     COMMIT_INFO=a/b.json\nWINDOWS_NAMES=refuse\nPATHS=src/**,!*.md\nTRUNK=main\nSUPERSEDE=on\nREUSE_DEFLATE=on",
    "REPOSITORIES=demo,arn:aws:codecommit:eu-central-1:123456789012:other\nREPORT=on\nAPPROVE=on\n\
     SOURCE_ROLE_ARN=arn:aws:iam::123456789012:role/reader\nCODECOMMIT_GIT_URL=https://host/",
    "TRIGGER_FUNCTION_ARN=arn:aws:lambda:eu-central-1:123456789012:function:f\nTRIGGER_PREFIX=p\nBRANCH_TRIGGERS=on",
];

#[test]
fn every_target_runs_on_mutations_of_its_corpus() {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    for (name, target) in targets::TARGETS {
        let corpus = match name {
            "events" => events(),
            "custom_data" => texts(&CUSTOM_DATA),
            _ => texts(&SETTINGS),
        };
        fuzz::run(name, target, corpus);
    }
}

#[test]
fn every_target_has_its_program() {
    for (name, _) in targets::TARGETS {
        fuzz::check_program(name);
    }
}

/// Returns the events of `events/`, in the order of their names.
fn events() -> Vec<Vec<u8>> {
    let folder = root().join("events").read_dir().expect("a folder of this repository");
    let mut files: Vec<_> = folder.map(|entry| entry.expect("a readable folder").path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).expect("a readable file")).collect()
}
