//! The page on which a person is chosen or invented.

use axum::response::{Html, IntoResponse};
use http::{
    HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY},
};

use super::{Asked, people::PEOPLE};

/// The page's own policy: no script, no style of ours, and its form leads back to the application.
const POLICY: &str = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(super) fn choose(asked: &Asked) -> impl IntoResponse + use<> {
    (
        [
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ],
        Html(markup(asked, false)),
    )
}

pub(super) fn markup(asked: &Asked, invalid: bool) -> String {
    let mut hidden = String::new();
    for (name, value) in [
        ("client_id", asked.client_id.as_str()),
        ("redirect_uri", &asked.redirect_uri),
        ("response_type", &asked.response_type),
        ("state", &asked.state),
        ("code_challenge", &asked.code_challenge),
        ("code_challenge_method", &asked.code_challenge_method),
        ("nonce", asked.nonce.as_deref().unwrap_or("")),
    ] {
        hidden.push_str(&format!(
            "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
            escape(value)
        ));
    }
    let form = |content: &str| {
        format!("<form method=\"post\" action=\"/dev/idp/authorize\">{hidden}{content}</form>")
    };
    let people: String = PEOPLE
        .iter()
        .map(|(name, email)| {
            form(&format!(
                "<input type=\"hidden\" name=\"email\" value=\"{email}\"><input type=\"hidden\" name=\"name\" value=\"{name}\">\
                 <p><button>{name} ({email})</button></p>"
            ))
        })
        .collect();
    let other = form(
        "<p><label>E-mail <input type=\"email\" name=\"email\" required></label></p>\
         <p><label>Name <input type=\"text\" name=\"name\"></label></p><p><button>Continue</button></p>",
    );
    let cancel = form("<p><button name=\"cancel\" value=\"1\">Cancel</button></p>");
    let alert = if invalid {
        "<p role=\"alert\">This is not an e-mail address.</p>"
    } else {
        ""
    };
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>Development identity provider</title></head><body><main>\
         <h1>Who do you want to be?</h1>\
         <p>This is the development identity provider. Release builds do not contain it.</p>\
         {alert}{people}<h2>Somebody else</h2>{other}{cancel}</main></body></html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
