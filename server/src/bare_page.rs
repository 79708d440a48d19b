//! Pages outside the application, such as refusals and the redirect to a provider. They depend only on one small style
//! sheet.

use axum::response::{Html, IntoResponse, Response};
use http::{
    HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY},
};

/// Their policy: no scripts, and forms only to this server.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// What every page of this site leads to.
const FOOT: &[&str] = &[
    "<p><a href=\"/privacy\">Privacy</a></p>", // wing:data-rights
];

/// A page. `head` and `main` are markup, and any text in them has been [`escape`]d.
pub(crate) fn respond(title: &str, head: &str, main: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{head}\
         <link rel=\"stylesheet\" href=\"/bare.css\"><title>{title}</title></head>\
         <body><main><h1>{title}</h1>{main}</main><footer>{}</footer></body></html>",
        FOOT.concat(),
    );
    let headers = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Html(page)).into_response()
}

/// A small page that sends the browser on to another site. A redirect after a form's post would be subject to CSP
/// `form-action`, along the other site's whole chain of redirects.
pub(crate) fn hand_over(title: &str, link: &str, url: &str) -> Response {
    let url = escape(url);
    let refresh = format!("<meta http-equiv=\"refresh\" content=\"0;url={url}\">");
    let link = format!("<p><a href=\"{url}\">{}</a></p>", escape(link));
    let mut response = respond(title, &refresh, &link);
    response
        .headers_mut()
        .insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Text escaped for use in markup and in attributes.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
