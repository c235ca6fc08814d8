//! The one key pair, account and region that the emulator knows.

/// The access key id that every client signs with.
pub const ACCESS_KEY: &str = "AKIAEMULATOR000000EX";
/// The secret key that belongs to [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "emulator-secret";
/// The account that owns everything.
pub const ACCOUNT: &str = "123456789012";
/// The region in which everything is.
pub const REGION: &str = "eu-central-1";
/// The function that `--function` runs, by its name in Lambda's paths.
pub const FUNCTION: &str = "updates";
