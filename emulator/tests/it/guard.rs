//! Web pages: requests with a foreign host or origin, and the token of the control address.

use emulator::{Emulator, Options};

use crate::support::{control, http};

#[test]
fn web_pages_reach_nothing() {
    let emulator = Emulator::start(Options::default()).expect("a free port");
    let target = "X-Amz-Target: CodeCommit_20150413.ListRepositories\r\n";
    for headers in ["Host: evil.example:4566\r\n", "Origin: http://evil.example\r\n", "Origin: null\r\n"] {
        for path in ["/", "/bucket/key", "/v1/repos/a/info/refs", "/2018-06-01/runtime/invocation/next"] {
            let answer = http(&emulator, "GET", path, &format!("{headers}{target}"), "");
            assert_eq!(answer.status(), 403, "{headers} {path}");
        }
    }
    assert_eq!(emulator.requests(), []);
}

#[test]
fn the_control_address_needs_the_token() {
    let emulator = Emulator::start(Options::default()).expect("a free port");
    for token in ["", "X-Emulator-Token: wrong\r\n"] {
        let answer = http(&emulator, "GET", "/_emulator/requests", token, "");
        assert_eq!(answer.status(), 403);
        let error = answer.json()["error"].as_str().expect("an error").to_owned();
        assert!(error.contains("x-emulator-token"), "{error}");
    }
    assert_eq!(control(&emulator, "GET", "requests", "").status(), 200);
}
