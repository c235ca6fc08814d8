//! Settings: accepted values, and all faults reported at once. Also the globs of `BRANCHES`.

use codecommit::source::Mode;
use codecommit_multibranch::branches::Branches;
use codecommit_multibranch::config::{Config, ConfigError};
use codecommit_multibranch::names::RepositoryArn;

fn read(settings: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let value = |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Config::from_lookup(value)
}

#[test]
fn nothing_has_to_be_set() {
    let config = read(&[]).unwrap();
    assert_eq!((&config.pipeline_name, &config.source_action), (&None, &None));
    assert_eq!(config.branches.to_string(), "**,!main,!master");
    assert_eq!(config.source.mode, Mode::Auto);
    assert!(config.cache && !config.lifecycle.branch_triggers);
    assert_eq!((config.memory, config.size_limit), (512 << 20, None));
    let empty = read(&[("PIPELINE_NAME", ""), ("BRANCHES", " "), ("SOURCE", ""), ("REPOSITORIES", "")]).unwrap();
    assert_eq!(empty.branches, config.branches);
    assert_eq!((empty.pipeline_name, empty.repositories), (None, None));
}

#[test]
fn settings_are_taken_without_the_space_around_them() {
    let settings = [
        ("PIPELINE_NAME", " dev.A@b-c_1 "),
        ("SOURCE_ACTION", "Source"),
        ("BRANCHES", " feature/** , !feature/x "),
        ("SOURCE", "git"),
        ("CACHE", "off"),
        ("REUSE_DEFLATE", "off"),
        ("REQUESTS_AT_ONCE", "8"),
        ("GIT_FROM_REQUESTS", "0"),
        ("SIZE_LIMIT_MIB", "10"),
        ("COMMIT_INFO", "build/commit.json"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("REPOSITORIES", "demo, arn:aws:codecommit:eu-central-1:123456789012:other"),
    ];
    let config = read(&settings).unwrap();
    assert_eq!(config.pipeline_of("demo").as_deref(), Some("dev.A@b-c_1"));
    assert_eq!(config.source_action.as_deref(), Some("Source"));
    assert_eq!(config.branches.to_string(), "feature/**,!feature/x");
    assert_eq!((config.source.mode, config.cache, config.reuse_deflate), (Mode::Git, false, false));
    assert_eq!((config.requests_at_once, config.source.git_from_requests), (8, 0));
    assert_eq!((config.size_limit, config.memory), (Some(10 << 20), 256 << 20));
    assert_eq!(config.commit_info.as_deref(), Some("build/commit.json"));
    assert_eq!(config.budget(), 64 << 20);
    let allowed = config.repositories.unwrap();
    for (arn, expected) in [
        ("arn:aws:codecommit:us-east-1:999999999999:demo", true),
        ("arn:aws:codecommit:eu-central-1:123456789012:other", true),
        ("arn:aws:codecommit:eu-central-1:999999999999:other", false),
        ("arn:aws:codecommit:us-east-1:123456789012:other", false),
        ("arn:aws:codecommit:eu-central-1:123456789012:third", false),
    ] {
        assert_eq!(allowed.allow(&RepositoryArn::from_arn(arn).unwrap()), expected, "{arn}");
    }
}

/// Whose pushes a pipeline runs, by name and by key.
#[test]
fn repositories_and_their_pipelines() {
    let arn = |account: &str, name: &str| {
        RepositoryArn::from_arn(&format!("arn:aws:codecommit:eu-central-1:{account}:{name}")).unwrap()
    };
    let [demo, other] = ["demo", "team-x"].map(|name| arn("123456789012", name));
    for (repositories, accepted, prefix) in [
        ("demo", [true, false], None),
        ("demo,", [true, false], None),
        ("*", [true, true], Some("demo/")),
        ("d*", [true, false], Some("demo/")),
        ("demo,team-?", [true, true], Some("demo/")),
        ("arn:aws:codecommit:*:123456789012:*", [true, true], Some("demo/")),
        ("arn:aws:codecommit:*:999999999999:*", [false, false], Some("demo/")),
    ] {
        let config = read(&[("PIPELINE_NAME", "dev"), ("REPOSITORIES", repositories)]).unwrap();
        let allowed = config.repositories.as_ref().unwrap();
        assert_eq!([&demo, &other].map(|one| allowed.allow(one)), accepted, "{repositories}");
        assert_eq!(config.key_prefix(demo.account(), demo.name()).as_deref(), prefix, "{repositories}");
    }
    let each = read(&[("PIPELINE_NAME", "{repository}-dev"), ("PIPELINES", "{repository}-*,shared")]).unwrap();
    assert_eq!(each.pipeline_of("demo").as_deref(), Some("demo-dev"));
    // Whoever may choose needs the key, also without REPOSITORIES.
    assert_eq!(each.key_prefix(other.account(), other.name()).as_deref(), Some("team-x/"));
    assert_eq!(read(&[("PIPELINE_NAME", "dev")]).unwrap().key_prefix(demo.account(), demo.name()), None);
    for (pipeline, repository, is_allowed) in [
        ("demo-dev", "demo", true),
        ("demo-web", "demo", true),
        ("shared", "demo", true),
        ("team-x-dev", "demo", false),
        ("demo-web", "*", true),
        ("web", "*", false),
    ] {
        assert_eq!(each.allows_pipeline(pipeline, repository), is_allowed, "{pipeline} for {repository}");
    }
    let by_name = read(&[("PIPELINE_NAME", "{repository}-dev")]).unwrap();
    assert!(by_name.allows_pipeline("team-x-dev", "team-x") && !by_name.allows_pipeline("team-x-dev", "demo"));
    let accounts = [("REPOSITORIES", "*"), ("SOURCE_ROLE_ARN", "arn:aws:iam::{account}:role/source")];
    assert_eq!(read(&accounts).unwrap().key_prefix(demo.account(), demo.name()).as_deref(), Some("123456789012/demo/"));
}

const WRONG: [(&str, &str); 17] = [
    ("PIPELINE_NAME", "not a name"),
    ("SOURCE_ACTION", "a/b"),
    ("BRANCHES", "!main"),
    ("REPOSITORIES", "arn:aws:s3:::x"),
    ("SOURCE", "both"),
    ("CODECOMMIT_GIT_URL", "ssh://host"),
    ("SOURCE_ROLE_ARN", "arn:aws:lambda:eu-central-1:1:function:x"),
    ("CACHE", "yes"),
    ("REUSE_DEFLATE", "yes"),
    ("REQUESTS_AT_ONCE", "0"),
    ("GIT_FROM_REQUESTS", "-1"),
    ("COMMIT_INFO", "../up"),
    ("SIZE_LIMIT_MIB", "-1"),
    ("WINDOWS_NAMES", "off"),
    ("TRIGGER_PREFIX", "a b"),
    ("BRANCH_TRIGGERS", "1"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much"),
];

#[test]
fn all_faults_are_named_at_once() {
    let error = read(&WRONG).unwrap_err();
    let mut named: Vec<_> = error.0.iter().map(|fault| fault.setting).collect();
    let mut wrong = WRONG.map(|(setting, _)| setting);
    named.sort_unstable();
    wrong.sort_unstable();
    assert_eq!(named, wrong);
    let told = error.to_string();
    for (setting, value) in WRONG {
        assert!(told.contains(&format!("{setting} ")) && told.contains(value), "{setting}: {told}");
    }
}

#[test]
fn each_fault_is_one_alone_too() {
    for (setting, value) in WRONG {
        let error =
            read(&[("PIPELINE_NAME", "dev"), (setting, value)].map(|it| it)[usize::from(setting == "PIPELINE_NAME")..]);
        let settings: Vec<_> = error.unwrap_err().0.iter().map(|fault| fault.setting).collect();
        assert_eq!(settings, [setting]);
    }
}

/// 2^44 MiB are 2^64 bytes: the number must not wrap to a limit of 0.
#[test]
fn a_size_with_more_bytes_than_can_be_counted_is_refused() {
    for setting in ["SIZE_LIMIT_MIB", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] {
        let error = read(&[("PIPELINE_NAME", "dev"), (setting, "17592186044416")]).unwrap_err();
        assert_eq!(error.0.iter().map(|fault| fault.setting).collect::<Vec<_>>(), [setting]);
    }
}

/// Checks whether globs select a branch.
#[track_caller]
fn check(globs: &str, selected: &[&str], others: &[&str]) {
    let branches: Branches = globs.parse().expect("the globs are right");
    for branch in selected {
        assert!(branches.select(branch), "{globs} selects {branch}");
    }
    for branch in others {
        assert!(!branches.select(branch), "{globs} does not select {branch}");
    }
}

#[test]
fn globs_match_whole_names() {
    check("**,!main,!master", &["a", "feature/a/b", "main2", "x/main", "Main", "größe/日本"], &["main", "master"]);
    check("main", &["main"], &["main2", "x/main", "mai"]);
    check("*", &["a", "a-b"], &["a/b", "feature/a/b"]);
    check("**", &["a", "a/b/c", "a&\"100%\""], &[]);
    check("feature/*", &["feature/a"], &["feature/a/b", "feature", "xfeature/a"]);
    check("feature/**", &["feature/a", "feature/a/b"], &["feature", "features/a"]);
    check("**/fix", &["fix", "a/fix", "a/b/fix"], &["fix/a", "a/fixx"]);
    check("a/**/z", &["a/z", "a/b/z", "a/b/c/z"], &["a/b/zz", "z"]);
    check("v[0-9].?", &["v1.x", "v2.0"], &["va.x", "v1.10", "v1./"]);
    check("[!a]*", &["bc"], &["ab"]);
    check("a\\*b", &["a*b"], &["axb"]);
}

/// With git's own algorithm, these globs would take longer than any function may run.
#[test]
fn globs_that_never_end_select_nothing() {
    let (hostile, branch) = ("**/".repeat(44) + "x", "a/".repeat(100) + "y");
    let branches: Branches = format!("**,!{hostile}").parse().expect("globs");
    assert!(branches.decide(&branch).is_err());
    assert!(!branches.select(&branch) && branches.select("main"));
    assert!(!hostile.parse::<Branches>().expect("a glob").select(&branch));
}

#[test]
fn the_last_glob_that_matches_decides() {
    check("**,!feature/**,feature/a", &["feature/a", "x"], &["feature/b"]);
    check("feature/a,!**", &[], &["feature/a"]);
    check("!x,**", &["x"], &[]);
    check(" ** , !wip/** ,, ", &["a"], &["wip/a"]);
}

#[test]
fn globs_that_select_nothing_are_refused() {
    for globs in ["", ",", "!a", "!", "a,!", "refs/heads/a", "a,refs/heads/**", "!refs/heads/a,b"] {
        assert!(globs.parse::<Branches>().is_err(), "{globs:?}");
    }
}
