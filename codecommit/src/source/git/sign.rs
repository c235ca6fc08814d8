//! Basic credentials for `CodeCommit`'s Git endpoint, derived from the role's credentials: a Signature Version 4 of
//! the method `GIT`.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use sha2::{Digest, Sha256};

/// The signed parts, except the time. The host does not include the port.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignedTarget<'a> {
    pub(super) region: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
}

/// Returns the value of the header `Authorization`.
pub(super) fn authorization(credentials: &Credentials, target: &SignedTarget<'_>, now: SystemTime) -> String {
    let user = user(credentials);
    let password = password(credentials, target, now);
    format!("Basic {}", aws_smithy_types::base64::encode(format!("{user}:{password}")))
}

/// Returns the user: the access key's id, with the session token appended.
fn user(credentials: &Credentials) -> String {
    match credentials.session_token() {
        Some(token) => format!("{}%{token}", credentials.access_key_id()),
        None => credentials.access_key_id().to_owned(),
    }
}

/// Returns the password: the time and the signature. In the string to sign, the time has no `Z` at the end, unlike
/// elsewhere at AWS.
fn password(credentials: &Credentials, target: &SignedTarget<'_>, now: SystemTime) -> String {
    let SignedTarget { region, host, path } = target;
    let time = compact(now);
    let date = &time[..8];
    let request = format!("GIT\n{path}\n\nhost:{host}\n\nhost\n");
    let hash = hex::encode(Sha256::digest(request));
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{date}/{region}/codecommit/aws4_request\n{hash}");
    let key = generate_signing_key(credentials.secret_access_key(), now, region, "codecommit");
    format!("{time}Z{}", calculate_signature(key, text.as_bytes()))
}

/// Formats a time as `20171224T115320`, in UTC and without fractions.
fn compact(time: SystemTime) -> String {
    let seconds = DateTime::from_secs(DateTime::from(time).secs());
    let text = seconds.fmt(Format::DateTime).expect("a system time is within the years that RFC 3339 can write");
    text.chars().filter(|letter| letter.is_ascii_digit() || *letter == 'T').collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    const TARGET: SignedTarget<'_> = SignedTarget {
        region: "us-west-2",
        host: "git-codecommit.us-west-2.amazonaws.com",
        path: "/v1/repos/test_repo",
    };

    fn time() -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(1_514_116_400_999)
    }

    /// The vector of aws/git-remote-codecommit.
    #[test]
    fn the_password_is_what_git_remote_codecommit_makes() {
        let credentials = Credentials::new("access", "secret", None, None, "test");
        assert_eq!(
            password(&credentials, &TARGET, time()),
            "20171224T115320Zb6df2d758a8023b2f000a546417007b65494f3ce8ad0300fd45fcfa173f1959a"
        );
    }

    /// Made by `aws codecommit credential-helper get`.
    #[test]
    fn user_and_password_are_what_the_aws_command_line_makes() {
        let credentials = Credentials::new("AKID", "sEcret/+x", Some("tok/en+=".into()), None, "test");
        let target = SignedTarget {
            region: "eu-central-1",
            host: "git-codecommit.eu-central-1.amazonaws.com",
            path: "/v1/repos/My_Repo.x",
        };
        let header = authorization(&credentials, &target, UNIX_EPOCH + Duration::from_secs(1_795_335_980));
        let decoded = aws_smithy_types::base64::decode(header.strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(
            String::from_utf8(decoded).unwrap(),
            "AKID%tok/en+=:20261122T082620Zf6834128c67b0b8c2c3dd85cbffa1cf350389928ad067da1bac347bedc02e4b4"
        );
    }
}
