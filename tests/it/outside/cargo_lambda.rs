//! `cargo lambda invoke` against `cargo lambda watch`, with the function that is already built.

use std::process::{Command, Output};

use super::{Running, emulated, free_address, program, until_it_listens};
use crate::world::{BRANCH, PIPELINE, in_time, pushed};

#[tokio::test]
async fn cargo_lambda_invokes_the_built_function() {
    let Some(program) = program("CARGO_LAMBDA") else { return };
    let (emulator, repository) = emulated();
    let address = free_address();
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let at = ["--invoke-address", &host, "--invoke-port", &port];
    let mut watch = Command::new(&program);
    // Start only the interfaces. `watch` would build the function again, with other features than this test's.
    watch.args(["lambda", "watch", "--only-lambda-apis"]).args(at).current_dir(env!("CARGO_MANIFEST_DIR"));
    let _watching = Running::start(&mut watch);
    until_it_listens(address).await;
    let mut function = Command::new(env!("CARGO_BIN_EXE_updates"));
    function.envs(emulator.client_environment()).env("PIPELINE_NAME", PIPELINE);
    function.env("AWS_LAMBDA_RUNTIME_API", format!("http://{address}/.rt/updates"));
    function.env("AWS_LAMBDA_FUNCTION_NAME", "updates").env("AWS_LAMBDA_FUNCTION_VERSION", "1");
    function.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512");
    let _function = Running::start(&mut function);

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("event.json");
    let event = pushed("push-1", &[(BRANCH, repository.id(BRANCH))]);
    std::fs::write(&file, event.to_string()).expect("a file");
    let mut invoke = Command::new(&program);
    invoke.args(["lambda", "invoke", "updates", "--data-file"]).arg(&file).args(at);
    invoke.current_dir(env!("CARGO_MANIFEST_DIR"));
    let invoked = in_time(tokio::task::spawn_blocking(move || invoke.output())).await;
    let Output { status, stdout, stderr } = invoked.expect("no panic").expect("it starts");
    let told = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{told}");
    let executions = emulator.codepipeline().executions(PIPELINE);
    assert_eq!(executions.len(), 1, "{told}");
    assert!(told.contains(&executions[0].id), "{told}");
}
