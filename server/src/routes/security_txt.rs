//! `/.well-known/security.txt` (RFC 9116): whom to tell about a vulnerability.

use auth::Auth;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use time::{Duration, Time, format_description::well_known::Rfc3339};

use crate::config::SecurityContacts;

/// Its address.
pub(crate) const PATH: &str = "/.well-known/security.txt";

/// For how long a reader may rely on it. The RFC recommends less than a year.
const VALID: Duration = Duration::days(180);

/// The file.
pub(crate) async fn get(State((auth, contacts)): State<(Auth, SecurityContacts)>) -> Response {
    // Whole days, so that the file does not change with each request.
    let expires = (auth.clock.now() + VALID).replace_time(Time::MIDNIGHT);
    let Ok(expires) = expires.format(&Rfc3339) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let contacts: String = contacts.iter().map(|url| format!("Contact: {url}\n")).collect();
    let canonical = auth.public_url.join(PATH);
    let text = format!("{contacts}Expires: {expires}\nPreferred-Languages: en\nCanonical: {canonical}\n");
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=86400"),
    ];
    (headers, text).into_response()
}
