//! The options and arguments of the command line, which other programs use.

use crate::world::World;

#[test]
fn help_names_every_word_of_the_contract() {
    let world = World::new();
    let help = world.text(&["archive", "--help"]);
    for word in [
        "--output",
        "--prefix",
        "-0",
        "-9",
        "--source",
        "--add-file",
        "--add-virtual-file",
        "--mtime",
        "--list",
        "PATHSPEC",
        "--profile",
        "--region",
        "--endpoint-url",
        "--quiet",
        "--json",
    ] {
        assert!(help.contains(word), "{word}");
    }
    for command in ["archive", "triggers", "start", "doctor", "completions", "man", "help"] {
        assert!(world.text(&["--help"]).contains(command), "{command}");
    }
    assert_eq!(world.text(&["help"]), world.text(&["--help"]));
    assert_eq!(world.text(&["help", "archive"]), help);
    assert!(world.text(&["help", "triggers", "connect"]).contains("--lifecycle-function"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(world.text(&["completions", shell]).contains("add-virtual-file"), "{shell}");
    }
    assert!(world.text(&["--version"]).starts_with("codecommit "));
}

#[test]
fn a_wrong_word_is_one_line_and_ends_with_1() {
    let world = World::new();
    for words in [
        &["archive"][..],
        &["archive", "project", "main", "--format=tar"],
        &["archive", "project", "main", "--source=ftp"],
        &["archive", "project", "main", "--mtime=soon"],
        &["archive", "project", "main", "--add-virtual-file=nocolon"],
        &["archive", "project", "main", "--unknown"],
        &["triggers", "connect", "project"],
        &["triggers", "connect", "project", "--function=f", "--branches=!main"],
        &["start", "project", "main", "--pipeline=a b"],
        &["archive", "project", "main", "--list", "--remote=origin"],
        &["archive", "project", "main", "-o", "main.tar"],
        &["help", "unknown"],
        &["man"],
        &["unknown"],
        &[],
    ] {
        let told = world.failure(words);
        assert!(told.ends_with("(Usage)"), "{words:?}: {told}");
    }
    assert!(world.emulator.requests().is_empty());
    assert_eq!(world.failure(&[]), "codecommit: no command is given; --help lists them (Usage)");
    let told = world.failure(&["archive", "project", "main", "--mtim=1"]);
    assert!(told.starts_with("codecommit: unexpected argument '--mtim' found; tip: "), "{told}");
}

#[test]
fn options_of_git_archive_that_do_not_exist_say_what_to_do() {
    let world = World::new();
    for (option, instead) in [
        ("--remote=ssh://host/project", "--remote does not exist here: the first argument names the repository"),
        ("--exec=git", "--exec does not exist here: no program runs on the other side"),
        ("-v", "-v does not exist here: a terminal shows the progress, and --list prints the entries"),
        ("--verbose", "--verbose does not exist here: a terminal shows the progress"),
        ("-l", "-l does not exist here: the only format is zip"),
        ("--worktree-attributes", "--worktree-attributes does not exist here: there is no worktree"),
    ] {
        for words in [&["archive", option][..], &["archive", "project", "main", option]] {
            let told = world.failure(words);
            assert!(told.starts_with(&format!("codecommit: git archive's option {instead}")), "{told}");
        }
    }
}

#[test]
fn a_name_of_another_format_is_refused_unless_the_format_is_given() {
    let world = World::new();
    for name in ["x.tar", "x.tar.gz", "x.tgz", "folder/X.TAR.XZ"] {
        let told = world.failure(&["archive", "project", "main", "-o", name]);
        assert!(told.contains(&format!("failed to write {name}: its name asks for a tar")), "{told}");
    }
    assert!(world.emulator.requests().is_empty() && world.files().is_empty());
    for words in [&["-o", "x.tar", "--format=zip"][..], &["-o", "tar.zip"], &["-o", "star"]] {
        world.out(&[&["archive", "project", "main"], words].concat());
    }
}

#[test]
fn an_empty_argument_is_named() {
    let world = World::new();
    for (words, name) in [
        (&["archive", "", "main"][..], "<REPOSITORY>"),
        (&["archive", "project", ""], "<TREE-ISH>"),
        (&["archive", "project", "main", ""], "[PATHSPEC]..."),
        (&["archive", "project", "main", "-o", ""], "--output <FILE>"),
        (&["triggers", "list", ""], "<REPOSITORY>"),
        (&["triggers", "sync", "project", "--function", ""], "--function <ARN>"),
        (&["triggers", "sync", "project", "--function", "f", "--prefix", ""], "--prefix <PREFIX>"),
        (&["start", "project", "", "--pipeline", "dev"], "<BRANCH>"),
        (&["start", "project", "main", "--pipeline", ""], "--pipeline <NAME>"),
        (&["start", "project", "main", "--pipeline", "dev", "--event-id", ""], "--event-id <ID>"),
        (&["doctor", ""], "<PIPELINE>"),
        (&["doctor", "dev", "--repository", ""], "--repository <NAME>"),
    ] {
        let told = world.failure(words);
        assert!(told.contains(name) && told.ends_with("(Usage)"), "{words:?}: {told}");
    }
    assert!(world.emulator.requests().is_empty());
}

#[test]
fn each_command_has_a_manual_page() {
    let world = World::new();
    assert_eq!(world.out(&["man", "pages/man1"]), b"");
    let pages = world.folder.path().join("pages/man1");
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).expect(name);
    assert!(page("codecommit.1").contains(".TH codecommit 1"));
    assert!(page("codecommit-archive.1").contains("add\\-virtual\\-file"));
    assert!(page("codecommit-triggers-connect.1").contains("lifecycle\\-function"));
    for name in ["start", "doctor", "triggers", "completions", "man"] {
        assert!(page(&format!("codecommit-{name}.1")).contains(".SH SYNOPSIS"), "{name}");
    }
    let told = world.failure(&["man", "pages/man1/codecommit.1"]);
    assert!(told.contains("failed to write the manual pages into pages/man1/codecommit.1: "), "{told}");
}
