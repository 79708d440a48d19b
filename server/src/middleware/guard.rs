//! The guards: whether a user may see a page is decided before any of it is rendered.

use app::{
    flash::Flash,
    pages::{
        ANONYMOUS, PUBLIC,
        paths::{LOGIN, SETTINGS},
    },
};
use auth::{ReturnTo, form_texts::Typist, oauth::FlowError};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    Method, Uri,
    header::{CACHE_CONTROL, LOCATION, SET_COOKIE},
};

use super::{
    csp::PAGE_CACHING,
    flash::{self, Flashes},
};
use crate::router::AppState;

/// Redirects anonymous visitors to the login page, and signed-in users away from it. In all other cases the page
/// itself answers. Protected pages are never stored.
pub(crate) async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let path = request.uri().path();
    let is_page = request
        .extensions()
        .get::<MatchedPath>()
        .is_some_and(|route| state.pages.contains(route.as_str()));
    // A visitor who mistypes an address of the settings meant one of them.
    let protected = !PUBLIC.contains(&path) && (is_page || is_below(SETTINGS, path));
    let user = flash::user_of(&request);
    if protected && user.is_none() {
        return see_other(&returning(LOGIN, asked(request.uri())));
    }
    if ANONYMOUS.contains(&path) && user.is_some() {
        let query = request.uri().query().unwrap_or("");
        let leads_to = return_to(query);
        let mut answer = see_other(leads_to.as_str());
        // A provider's callback failed. The page that this leads to shows what the login page would have shown.
        if let Some(error) = provider_error(query).filter(|_| path == LOGIN) {
            let mut flashes = Flashes::of(&state, request.headers());
            let page = path_of(leads_to.as_str());
            let flash = Flash::of_provider(error);
            flashes.add(&state, page, user, Typist::SignedIn, flash).await;
            answer.headers_mut().append(SET_COOKIE, flashes.cookie(&state));
        }
        return answer;
    }
    let mut response = next.run(request).await;
    if protected {
        response.headers_mut().insert(CACHE_CONTROL, PAGE_CACHING);
    }
    response
}

/// An address without its query.
pub(crate) fn path_of(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or(address)
}

/// Whether a path is `path`, or is below it.
pub(super) fn is_below(path: &str, asked: &str) -> bool {
    asked
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A redirect with an empty body.
pub(crate) fn see_other(location: &str) -> Response {
    match HeaderValue::try_from(location) {
        Ok(location) => (
            StatusCode::SEE_OTHER,
            [
                (LOCATION, location),
                (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ],
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The address of a page that leads back to `here` afterwards. If `here` is too long for that, its query is dropped:
/// encoded, the address would be too long to request.
pub(crate) fn returning(page: &str, here: &str) -> String {
    let here = match here.split_once('?') {
        Some((path, _)) if here.len() > ReturnTo::MAX_BYTES => path,
        _ => here,
    };
    format!("{page}?return_to={}", encode(here))
}

/// The path and query of the request.
pub(crate) fn asked(uri: &Uri) -> &str {
    uri.path_and_query().map_or(uri.path(), |asked| asked.as_str())
}

/// Percent-encodes a query's value.
pub(crate) fn encode(text: &str) -> String {
    serde_urlencoded::to_string([("", text)])
        .unwrap_or_default()
        .split_off(1)
}

/// Where a page's `return_to` leads. If it is doubled, it is not an address, and neither copy is used.
fn return_to(query: &str) -> ReturnTo {
    match &values(query, "return_to")[..] {
        [] => ReturnTo::or_default(None),
        [value] => ReturnTo::or_default(Some(value)),
        _ => ReturnTo::or_default(Some("//")),
    }
}

/// The reason why a provider's callback failed, if the query has it exactly once and the code is known.
fn provider_error(query: &str) -> Option<FlowError> {
    match &values(query, "error")[..] {
        [code] => FlowError::from_code(code),
        _ => None,
    }
}

/// All values of a name in a query.
fn values(query: &str, name: &str) -> Vec<String> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    pairs
        .into_iter()
        .filter_map(|(found, value)| (found == name).then_some(value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_to_is_encoded_once_and_read_back() {
        assert_eq!(
            encode("/settings/public?a=1&b=%2F"),
            "%2Fsettings%2Fpublic%3Fa%3D1%26b%3D%252F"
        );
        let query = format!("return_to={}", encode("/settings/public?a=1&b=%2F"));
        assert_eq!(return_to(&query).as_str(), "/settings/public?a=1&b=%2F");
    }

    #[test]
    fn doubled_is_no_address() {
        assert_eq!(return_to("return_to=/a&return_to=/a").as_str(), "/");
        assert_eq!(return_to("x=1").as_str(), "/profile");
    }
}
