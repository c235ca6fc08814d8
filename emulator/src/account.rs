//! The one account, region, key pair and function that the emulator knows.

/// The access key ID that every client signs with.
pub const ACCESS_KEY: &str = "AKIAEMULATOR000000EX";
/// The secret key that belongs to [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "emulator-secret";
/// The account that owns every resource.
pub const ACCOUNT: &str = "123456789012";
/// The region that holds every resource.
pub const REGION: &str = "eu-central-1";
/// The region for which requests to IAM are signed: IAM is global and has no region of its own.
pub(crate) const IAM_REGION: &str = "us-east-1";
/// The name of the function that `--function` runs.
pub const FUNCTION: &str = "updates";

/// Returns the ARN of the one function, which triggers name as their destination.
pub(crate) fn function_arn() -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}")
}

/// Returns the ARN of the role of the one function.
pub(crate) fn role_arn() -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{FUNCTION}")
}

/// Returns the ARN of a repository, as policies, events and triggers name it.
pub(crate) fn repository_arn(name: &str) -> String {
    format!("arn:aws:codecommit:{REGION}:{ACCOUNT}:{name}")
}

/// Returns the ARN of the user that every request counts as.
pub(crate) fn user_arn() -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/emulator")
}
