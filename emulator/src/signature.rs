//! Signature Version 4: for requests to the JSON services, and for passwords of the Git endpoint.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderValue;
use http::request::Parts;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use crate::account::{ACCESS_KEY, REGION, SECRET_KEY};
use crate::error::ServiceError;

/// The maximum difference between a signature's time and now; AWS allows 5 to 15 minutes, depending on the service.
const WINDOW: Duration = Duration::minutes(15);

/// Checks the `Authorization` header of a request to a service against its body.
pub(crate) fn verify(
    request: &Parts,
    service: &str,
    in_region: &str,
    body: &[u8],
    now: OffsetDateTime,
) -> Result<(), ServiceError> {
    let header = header(request, "authorization")
        .ok_or_else(|| ServiceError::new("MissingAuthenticationTokenException", "Missing Authentication Token"))?;
    let signed = Authorization::parse(header)
        .ok_or_else(|| ServiceError::new("IncompleteSignatureException", format!("'{header}' is not a signature")))?;
    if signed.access_key != ACCESS_KEY {
        let message = "The security token included in the request is invalid.";
        return Err(ServiceError::new("UnrecognizedClientException", message));
    }
    let timestamp = self::header(request, "x-amz-date").unwrap_or_default();
    check_time(timestamp.trim_end_matches('Z'), now)?;
    let mut scope = signed.scope.splitn(3, '/');
    let (Some(date), Some(region), Some(rest)) = (scope.next(), scope.next(), scope.next()) else {
        return Err(mismatch("the credential's scope is incomplete"));
    };
    let signed_service =
        rest.strip_suffix("/aws4_request").ok_or_else(|| mismatch("the scope must end in aws4_request"))?;
    if region != in_region {
        return Err(mismatch(&format!("Credential should be scoped to a valid region: {in_region}, not {region}")));
    }
    if signed_service != service {
        return Err(mismatch(&format!(
            "Credential should be scoped to correct service: {service}, not {signed_service}"
        )));
    }
    if !timestamp.starts_with(date) {
        return Err(mismatch("the date of the credential's scope is not that of x-amz-date"));
    }
    let canonical = canonical_request(request, &signed, body);
    let to_sign = format!("AWS4-HMAC-SHA256\n{timestamp}\n{}\n{}", signed.scope, digest(canonical.as_bytes()));
    let expected = hex::encode(hmac(&signing_key(SECRET_KEY, date, region, service), &to_sign));
    if expected == signed.signature { Ok(()) } else { Err(mismatch("check the secret key and the signing method")) }
}

/// Checks a user name and a password of the Git endpoint for a repository's path.
///
/// The signature covers the host without its port, as in the AWS CLI's credential helper, or with it, as in
/// git-remote-codecommit.
pub(crate) fn verify_git(user: &str, password: &str, host: &str, path: &str, now: OffsetDateTime) -> bool {
    let access_key = user.split('%').next().unwrap_or_default();
    let Some((timestamp, signature)) = password.split_once('Z') else {
        return false;
    };
    let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    let is_signed = |host: &str| git_signature(SECRET_KEY, REGION, timestamp, host, path) == signature;
    access_key == ACCESS_KEY && check_time(timestamp, now).is_ok() && (is_signed(name) || is_signed(host))
}

/// Returns a password for the Git endpoint that is valid for 15 minutes from `now`.
pub(crate) fn git_password(host: &str, path: &str, now: OffsetDateTime) -> String {
    let timestamp = timestamp(now);
    format!("{timestamp}Z{}", git_signature(SECRET_KEY, REGION, &timestamp, host, path))
}

/// Returns the service that an `Authorization` header is signed for.
pub(crate) fn signed_service(header: &str) -> Option<&str> {
    Authorization::parse(header)?.scope.split('/').nth(2)
}

struct Authorization<'a> {
    access_key: &'a str,
    scope: &'a str,
    headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        let fields = header.strip_prefix("AWS4-HMAC-SHA256")?;
        let field = |name: &str| fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
        let (access_key, scope) = field("Credential")?.split_once('/')?;
        Some(Self { access_key, scope, headers: field("SignedHeaders")?, signature: field("Signature")? })
    }
}

fn canonical_request(request: &Parts, signed: &Authorization<'_>, body: &[u8]) -> String {
    let mut query: Vec<&str> = request.uri.query().unwrap_or_default().split('&').collect();
    query.sort_unstable();
    let value = |value: &HeaderValue| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let header = |name: &str| {
        let values: Vec<String> = request.headers.get_all(name).iter().map(value).collect();
        format!("{name}:{}\n", values.join(","))
    };
    let headers: String = signed.headers.split(';').map(header).collect();
    // A signature covers the path encoded once more than it is sent, except for S3.
    let (method, path) = (&request.method, request.uri.path().replace('%', "%25").replace(':', "%3A"));
    format!("{method}\n{path}\n{}\n{headers}\n{}\n{}", query.join("&"), signed.headers, digest(body))
}

fn git_signature(secret: &str, region: &str, timestamp: &str, host: &str, path: &str) -> String {
    let date = timestamp.get(..8).unwrap_or_default();
    let canonical = format!("GIT\n{path}\n\nhost:{host}\n\nhost\n");
    let scope = format!("{date}/{region}/codecommit/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{}", digest(canonical.as_bytes()));
    hex::encode(hmac(&signing_key(secret, date, region, "codecommit"), &to_sign))
}

fn signing_key(secret: &str, date: &str, region: &str, service: &str) -> Vec<u8> {
    [date, region, service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part))
}

fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC accepts keys of any length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn check_time(timestamp: &str, now: OffsetDateTime) -> Result<(), ServiceError> {
    let format = time::format_description::parse_borrowed::<1>(TIMESTAMP).expect("the format is a valid constant");
    let signed = PrimitiveDateTime::parse(timestamp, &format)
        .map_err(|_| mismatch("the timestamp must have the form 20171224T115320Z"))?
        .assume_utc();
    if (now - signed).abs() > WINDOW {
        let word = if signed < now { "expired" } else { "not yet current" };
        return Err(mismatch(&format!("Signature {word}: {signed} is not within 15 minutes of {now}")));
    }
    Ok(())
}

fn timestamp(now: OffsetDateTime) -> String {
    let format = time::format_description::parse_borrowed::<1>(TIMESTAMP).expect("the format is a valid constant");
    now.format(&format).expect("a date has every part of the format")
}

const TIMESTAMP: &str = "[year][month][day]T[hour][minute][second]";

fn mismatch(why: &str) -> ServiceError {
    let message = format!("The request signature we calculated does not match the signature you provided: {why}");
    ServiceError::new("InvalidSignatureException", message)
}

fn header<'a>(request: &'a Parts, name: &str) -> Option<&'a str> {
    request.headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vector from the tests of aws/git-remote-codecommit.
    #[test]
    fn the_git_signature_equals_that_of_git_remote_codecommit() {
        let host = "git-codecommit.us-west-2.amazonaws.com";
        let signature = git_signature("secret", "us-west-2", "20171224T115320", host, "/v1/repos/test_repo");
        assert_eq!(signature, "b6df2d758a8023b2f000a546417007b65494f3ce8ad0300fd45fcfa173f1959a");
    }

    #[test]
    fn a_git_password_is_valid_for_its_path_and_for_15_minutes() {
        let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
        let password = git_password("127.0.0.1", "/v1/repos/a", now);
        let check = |user: &str, path: &str, at| verify_git(user, &password, "127.0.0.1:4566", path, at);
        assert!(check(ACCESS_KEY, "/v1/repos/a", now + Duration::minutes(14)));
        assert!(check(&format!("{ACCESS_KEY}%a/session+token"), "/v1/repos/a", now));
        let with_port = git_password("127.0.0.1:4566", "/v1/repos/a", now);
        assert!(verify_git(ACCESS_KEY, &with_port, "127.0.0.1:4566", "/v1/repos/a", now));
        assert!(!verify_git(ACCESS_KEY, &with_port, "127.0.0.1:1", "/v1/repos/a", now));
        assert!(!check("AKIAOTHER", "/v1/repos/a", now));
        assert!(!check(ACCESS_KEY, "/v1/repos/b", now));
        assert!(!check(ACCESS_KEY, "/v1/repos/a", now + Duration::minutes(16)));
    }
}
