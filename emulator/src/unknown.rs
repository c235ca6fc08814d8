//! Services that the emulator does not model: it answers 501 in the protocol of the caller.

use http::HeaderMap;
use uuid::Uuid;

use crate::json;
use crate::wire::{self, HttpResponse};

pub(crate) const CODE: &str = "NotImplemented";

/// Returns the 501 in the protocol that the request's headers show.
pub(crate) fn not_modeled(headers: &HeaderMap, operation: &str) -> HttpResponse {
    let message = format!("the emulator does not model {operation}");
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if value("smithy-protocol") == "rpc-v2-cbor" {
        let headers = [("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")];
        return wire::response(501, &headers, cbor(&message));
    }
    if value("content-type").starts_with("application/x-www-form-urlencoded") {
        return query_error(501, CODE, &message);
    }
    json::exception(501, CODE, &message)
}

/// Returns an error of the query protocol, which STS, SNS and IAM have.
pub(crate) fn query_error(status: u16, code: &str, message: &str) -> HttpResponse {
    let id = Uuid::new_v4();
    let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error>", escaped(message));
    let body = format!("<ErrorResponse>{error}<RequestId>{id}</RequestId></ErrorResponse>");
    wire::response(status, &[("content-type", "text/xml"), ("x-amzn-requestid", &id.to_string())], body)
}

/// Returns the map of `__type` and `message` in CBOR.
fn cbor(message: &str) -> Vec<u8> {
    let text = |text: &str| {
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        let [high, low] = length.to_be_bytes();
        let text = &text.as_bytes()[..length.into()];
        [&[0x79, high, low], text].concat() // a text string with a length of two bytes
    };
    [vec![0xa2], text("__type"), text(CODE), text("message"), text(message)].concat()
}

/// Returns a text with the special characters of XML escaped.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
