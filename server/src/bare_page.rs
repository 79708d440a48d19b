//! Pages outside the application: refusals, the way to a provider, the development provider. They depend
//! on nothing but one small style sheet.

use axum::response::{Html, IntoResponse, Response};
use http::{
    HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY},
};

/// Their policy: no script, and forms to ourselves.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// A page. `head` and `main` are markup; whatever else went into them was [`escape`]d.
pub(crate) fn respond(title: &str, head: &str, main: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{head}\
         <link rel=\"stylesheet\" href=\"/bare.css\"><title>{title}</title></head>\
         <body><main><h1>{title}</h1>{main}</main></body></html>"
    );
    let headers = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Html(page)).into_response()
}

/// Text as it may stand in markup and in attributes.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
