//! The rules of HTTP on ranges that `ServeDir` does not implement.

use axum::{body::Body, extract::Request, middleware::Next, response::Response};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, IF_RANGE, LAST_MODIFIED, RANGE},
};

use crate::routes::events::EVENT_STREAM; // wing:clients

/// Below this size, in bytes, compression is not worth its headers.
const WORTH_COMPRESSING: u64 = 256;

/// Serves one range of bytes, to GET, of the same version of the file that the client already has a part of. In all
/// other cases it serves the whole file, as a server always may (RFC 9110 §14.2).
pub(crate) async fn ranges(mut request: Request, next: Next) -> Response {
    if *request.method() != Method::GET || !request.headers().get(RANGE).is_some_and(is_one_range) {
        request.headers_mut().remove(RANGE);
    }
    let condition = request.headers().get(IF_RANGE).cloned();
    let Some(condition) = condition.filter(|_| request.headers().contains_key(RANGE)) else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    let mut whole = Request::from_parts(parts.clone(), Body::empty());
    whole.headers_mut().remove(RANGE);
    let response = next.clone().run(Request::from_parts(parts, body)).await;
    // Dates must match exactly (§13.1.5): parts of an older and a newer version make a broken file.
    let unchanged = response.headers().get(LAST_MODIFIED) == Some(&condition);
    match response.status() {
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if !unchanged => {
            next.run(whole).await
        }
        _ => response,
    }
}

/// Whether the request asks for one range of bytes. Other units must be ignored, and several ranges may be.
fn is_one_range(value: &HeaderValue) -> bool {
    let unit = value.as_bytes().get(..6);
    unit.is_some_and(|unit| unit.eq_ignore_ascii_case(b"bytes=")) && !value.as_bytes().contains(&b',')
}

/// Whether a response is compressed for clients that accept it. Decided by its headers alone, so that HEAD gets the
/// same answer as GET.
pub(crate) fn is_compressed(
    _: StatusCode,
    _: http::Version,
    headers: &HeaderMap,
    _: &http::Extensions,
) -> bool {
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let kind = kind
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    // wing:clients
    // A compressor would hold events back until it has enough of them.
    if kind == EVENT_STREAM.as_bytes() {
        return false;
    }
    // end wing:clients
    let is_text = kind.starts_with(b"text/")
        || [&b"json"[..], b"xml", b"javascript", b"wasm"]
            .iter()
            .any(|suffix| kind.ends_with(suffix));
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    is_text && length.is_none_or(|length| length >= WORTH_COMPRESSING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_range_of_bytes_is_understood() {
        for (value, understood) in [
            ("bytes=0-4", true),
            ("Bytes=-4", true),
            ("bytes=0-1,3-4", false),
            ("items=0-4", false),
            ("bytes", false),
            ("", false),
        ] {
            assert_eq!(
                is_one_range(&HeaderValue::from_static(value)),
                understood,
                "{value}"
            );
        }
    }
}
