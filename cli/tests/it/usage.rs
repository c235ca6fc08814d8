//! The words of the command line, which others call.

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
    for command in ["archive", "triggers", "start", "doctor", "completions"] {
        assert!(world.text(&["--help"]).contains(command), "{command}");
    }
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
