//! Keeps web pages out. A page can send requests to loopback. If its own host name resolves to loopback (DNS
//! rebinding), it can also read the responses.

use http::HeaderMap;

/// The header with the token of the control address.
pub(crate) const TOKEN_HEADER: &str = "x-emulator-token";

/// Returns the reason to refuse a request: its `Host` or its `Origin` is not loopback.
pub(crate) fn refusal(headers: &HeaderMap) -> Option<String> {
    let value = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    if let Some(host) = value("host").filter(|host| !is_loopback(host)) {
        return Some(format!("the host {host:?} is not loopback: use 127.0.0.1 or localhost"));
    }
    let origin = value("origin")?;
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let refused = !host.is_some_and(is_loopback);
    refused.then(|| format!("the emulator does not serve web pages of the origin {origin:?}"))
}

/// Returns true if the request has the token of the control address.
pub(crate) fn has_token(headers: &HeaderMap, token: &str) -> bool {
    headers.get(TOKEN_HEADER).is_some_and(|value| value.as_bytes() == token.as_bytes())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.eq_ignore_ascii_case("localhost") || matches!(name, "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_hosts_and_origins_are_admitted() {
        let refused = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("host", "127.0.0.1:4566".parse().unwrap());
            headers.insert(name, value.parse().unwrap());
            refusal(&headers).is_some()
        };
        for host in ["127.0.0.1", "127.0.0.1:1", "localhost:4566", "LOCALHOST", "[::1]:4566"] {
            assert!(!refused("host", host), "{host}");
        }
        for host in ["evil.example:4566", "localhost.evil.example", "127.0.0.1.evil.example", "bucket.localhost", ""] {
            assert!(refused("host", host), "{host}");
        }
        for origin in ["http://localhost:3000", "https://127.0.0.1"] {
            assert!(!refused("origin", origin), "{origin}");
        }
        for origin in ["http://evil.example", "null", "file://", "http://localhost.evil.example"] {
            assert!(refused("origin", origin), "{origin}");
        }
    }
}
