//! Forms: what may be posted to server functions, and how a plain form and a script are each answered.
//!
//! server_fn answers every error with 500 and, to a browser, redirects with the error in the address.
//! Here, in one place, scripts get the true status, and browsers are led back to the form's page with a
//! [`Flash`]: the outcome, and what was typed into the fields that the form lets come back.

use std::net::IpAddr;

use app::{
    error::AppError,
    flash::{Flash, Outcome},
    forms::Endpoint,
    made_for::FOR,
    pages::{
        PUBLIC, form_at,
        paths::{HOME, SETTINGS_SECURITY},
    },
};
use auth::{ReturnTo, client::limited_address, form_texts::Typist};
use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{
        ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, REFERER, RETRY_AFTER, SET_COOKIE,
    },
};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use url::form_urlencoded;
use uuid::Uuid;

use super::{
    bodies::{NotRead, Sender},
    flash::{Flashes, user_of},
    guard::{encode, path_of, returning, see_other},
    refusals::accepts_html,
};
use crate::router::AppState;

/// server_fn's marks on its answers.
const FAILED: HeaderName = HeaderName::from_static("serverfnerror");
const REDIRECTED: HeaderName = HeaderName::from_static("serverfnredirect");

/// The most fields a form has. A field is a few bytes of the body and many of memory.
const MAX_FIELDS: usize = 64;
/// The most that is read of a body from somebody who is not signed in, in bytes.
const MAX_OF_NOBODY: usize = 64 * 1024;

/// The path of what is posted: a server function, or the start of a provider flow.
fn target(request: &Request) -> Option<&str> {
    let path = request.uri().path();
    let is_form = path.starts_with("/api/") || path.starts_with("/auth/login/");
    (*request.method() == Method::POST && is_form).then_some(path)
}

/// The most a body may weigh, in bytes.
fn limit(path: &str) -> usize {
    match path {
        "/api/login" | "/api/register" => 8 * 1024,
        "/api/update_public_data" => 300 * 1024,
        "/api/update_private_data" => 300 * 1024, // wing:private-data
        _ if path.starts_with("/auth/login/") => 8 * 1024,
        _ => 64 * 1024,
    }
}

/// Refuses what no session makes right, before anything is asked or read: what is no form, or too large.
pub(crate) async fn accept(request: Request, next: Next) -> Response {
    if let Some(path) = target(&request) {
        let headers = request.headers();
        let length = headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        match is_form(headers) {
            Err(status) => return status.into_response(),
            Ok(false) if length.is_some_and(|length| length > 0) => {
                return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
            }
            Ok(_) if length.is_some_and(|length| length > limit(path)) => {
                return StatusCode::PAYLOAD_TOO_LARGE.into_response();
            }
            Ok(_) => {}
        }
    }
    next.run(request).await
}

/// The layer, for POST to server functions and to the start of provider flows; inside the session layer.
pub(crate) async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let Some(path) = target(&request).map(str::to_owned) else {
        return next.run(request).await;
    };
    let user = user_of(&request);
    let most = match user {
        Some(_) => limit(&path),
        None => limit(&path).min(MAX_OF_NOBODY),
    };
    let sender = match user {
        Some(user) => Sender::User(user),
        None if limit(&path) == limit("/api/login") => Sender::SigningIn,
        None => Sender::Stranger,
    };
    let (parts, body) = request.into_parts();
    let from = limited_address(&parts.extensions);
    let (held, too_large) = match state.bodies.read(body, most, sender, from).await {
        Ok(held) => (Some(held), false),
        // It would be read of somebody signed in.
        Err(NotRead::TooLarge) if most < limit(&path) => (None, true),
        Err(problem) => return problem.status().into_response(),
    };
    let bytes = held.as_ref().map_or_else(Bytes::new, |held| held.bytes.clone());
    if let Err(status) = is_readable(&parts.headers, &bytes) {
        return status.into_response();
    }
    let request = Request::from_parts(parts, Body::empty());
    let form = Posted::new(&state, &path, (user, from), request.headers(), &bytes);
    let refusal = match () {
        () if too_large => Some(AppError::Unauthenticated),
        () if form.is_for_another => Some(AppError::SignedInAsAnother),
        () => None,
    };
    let is_function = path.starts_with("/api/");
    let response = match refusal {
        Some(error) if is_function => failed(error),
        Some(error) => return refused(error),
        None => {
            next.run(with_body(request, &bytes, form.is_html && is_function))
                .await
        }
    };
    drop((bytes, held));
    if !is_function {
        return response;
    }
    let mut response = if form.is_html {
        form.lead_back(&state, response).await
    } else {
        form.answer_script(&state, response).await
    };
    // What server functions answer is about a person.
    response
        .headers_mut()
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a body is a form's, with no more fields than a form has.
fn is_readable(headers: &HeaderMap, bytes: &[u8]) -> Result<(), StatusCode> {
    if !is_form(headers)? && !bytes.is_empty() {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    // Before anything is made of them.
    if bytes.iter().filter(|byte| **byte == b'&').count() >= MAX_FIELDS {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| StatusCode::BAD_REQUEST)?;
    if decodes_to_text(text) {
        Ok(())
    } else {
        Err(StatusCode::UNPROCESSABLE_ENTITY)
    }
}

/// Whether the percent-encoded bytes are UTF-8. The decoders would put U+FFFD in the place of what is not,
/// and different passwords would become the same one.
fn decodes_to_text(form: &str) -> bool {
    percent_decode_str(form).decode_utf8().is_ok()
}

/// The request as server functions read it. They answer a browser as they answer a script then: the redirect
/// is ours to make.
fn with_body(mut request: Request, bytes: &Bytes, as_script: bool) -> Request {
    // A `return_to` that is there twice is no address: one that nothing accepts takes its place.
    let body = match fields(bytes).filter(|(name, _)| name == "return_to").count() {
        0 | 1 => bytes.clone(),
        _ => {
            let kept = fields(bytes).filter(|(name, _)| name != "return_to");
            let mut form = form_urlencoded::Serializer::new(String::new());
            Bytes::from(form.extend_pairs(kept).append_pair("return_to", "//").finish())
        }
    };
    let headers = request.headers_mut();
    // Server functions read the type, too; an empty body may come without one.
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    if as_script {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    }
    headers.remove(REFERER);
    *request.body_mut() = Body::from(body);
    request
}

fn fields(bytes: &[u8]) -> impl Iterator<Item = (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)> {
    form_urlencoded::parse(bytes)
}

/// Whether the type is a form's; any other type is refused, no type is looked at later.
fn is_form(headers: &HeaderMap) -> Result<bool, StatusCode> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (None, _) => Ok(false),
        (Some(kind), None) => {
            let kind = kind.to_str().unwrap_or("");
            let essence = kind.split(';').next().unwrap_or("").trim();
            if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
                Ok(true)
            } else {
                Err(StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
        }
        (Some(_), Some(_)) => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    }
}

/// A refusal in the words of a server function.
fn failed(error: AppError) -> Response {
    let mut response = (StatusCode::INTERNAL_SERVER_ERROR, Json(error)).into_response();
    response
        .headers_mut()
        .insert(FAILED, HeaderValue::from_static("forms"));
    response
}

/// A refusal of what is no server function.
fn refused(error: AppError) -> Response {
    let mut response = StatusCode::from_u16(error.status())
        .unwrap_or_default()
        .into_response();
    response.extensions_mut().insert(error);
    response
}

/// What is kept of a form while its server function works.
struct Posted {
    /// Whether a browser sent it without JavaScript.
    is_html: bool,
    /// The server function's endpoint.
    endpoint: String,
    /// Where it leads back to: the form's page.
    page: String,
    /// What was typed into the fields that come back.
    typed: Vec<(String, String)>,
    /// Who is signed in.
    user: Option<Uuid>,
    /// Whom the form's page was made for, if anything says so.
    made_for: Option<Uuid>,
    /// Who typed it, where nobody is signed in as that person.
    unproven: Typist,
    /// Whether that is somebody else than who is signed in.
    is_for_another: bool,
    /// The flashes that wait in the browser.
    flashes: Flashes,
}

impl Posted {
    /// Posted to this path by this user, if one is signed in, from this address.
    fn new(
        state: &AppState,
        path: &str,
        (user, from): (Option<Uuid>, IpAddr),
        headers: &HeaderMap,
        bytes: &[u8],
    ) -> Self {
        let is_html = accepts_html(headers);
        let marks: Vec<_> = fields(bytes)
            .filter(|(name, _)| name == FOR)
            .map(|(_, mark)| state.auth.keys.marked(&mark))
            .collect();
        let made_for = match marks.first() {
            Some(mark) => *mark,
            // A browser whose session has ended still says whose it was.
            None if is_html && user.is_none() => state.auth.sessions.former_user(headers),
            None => None,
        };
        let form = form_at(path);
        // Of a script only a page of ours has use for it again.
        let comes_back = form
            .filter(|_| is_html || made_for.is_some())
            .map_or(&[][..], |form| form.comes_back);
        Self {
            is_html,
            endpoint: path.strip_prefix("/api/").unwrap_or(path).to_owned(),
            page: page_of(form, own_referer(headers, state.auth.public_url.origin()), bytes),
            typed: fields(bytes)
                .filter(|(name, _)| comes_back.contains(&&**name))
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
            user,
            made_for,
            unproven: Typist::Unproven(from),
            is_for_another: user.is_some() && marks.iter().any(|mark| *mark != user),
            flashes: Flashes::of(state, headers),
        }
    }

    /// Answers a script with the true status.
    async fn answer_script(mut self, state: &AppState, response: Response) -> Response {
        let (mut parts, body) = response.into_parts();
        let failed = parts.headers.remove(FAILED).is_some();
        if !failed {
            // What a page was to have again is done.
            if parts.status.is_success() && self.flashes.drop_about(&self.endpoint, self.user) {
                parts.headers.append(SET_COOKIE, self.flashes.cookie(state));
            }
            return Response::from_parts(parts, body);
        }
        // The browser's half of server_fn knows an error by its status.
        let (error, bytes) = read_error(body).await;
        parts.status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        parts
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        parts.headers.remove(CONTENT_LENGTH);
        if error == AppError::Unauthenticated && self.keep_unsent(state, self.unproven).await {
            parts.headers.append(SET_COOKIE, self.flashes.cookie(state));
        }
        Response::from_parts(parts, Body::from(bytes))
    }

    /// Answers a browser: on to where the server function leads, or back to the form's page.
    async fn lead_back(mut self, state: &AppState, response: Response) -> Response {
        let (mut parts, body) = response.into_parts();
        let failed = parts.headers.remove(FAILED).is_some();
        // A refusal of some layer between keeps its status.
        if !failed && !parts.status.is_success() {
            return Response::from_parts(parts, body);
        }
        parts.headers.remove(REDIRECTED);
        let led = parts
            .headers
            .remove(LOCATION)
            .and_then(|location| location.to_str().ok().map(str::to_owned));
        let mut location = self.page.clone();
        let is_flashed = if failed {
            let wait = parts.headers.get(RETRY_AFTER).and_then(|wait| wait.to_str().ok());
            let error = read_error(body).await.0.with_wait(wait);
            if error == AppError::ReauthRequired {
                location = returning(SETTINGS_SECURITY, &self.page);
            }
            self.flash_failure(state, error).await
        } else if let Some(led) = led {
            // Who is led elsewhere sees by that that it is done.
            location = led;
            self.flashes.drop_about(&self.endpoint, self.user)
        } else {
            self.flash(state, self.user, Outcome::Done, Vec::new(), Typist::SignedIn)
                .await;
            true
        };
        let mut answer = see_other(&location);
        if is_flashed {
            answer
                .headers_mut()
                .append(SET_COOKIE, self.flashes.cookie(state));
        }
        for (name, value) in &parts.headers {
            // What the server function said beside its answer stays: cookies, Retry-After.
            if ![CONTENT_TYPE, CONTENT_LENGTH, CACHE_CONTROL].contains(name) {
                answer.headers_mut().append(name, value.clone());
            }
        }
        answer
    }

    /// Leaves word of a failure for the form's page; whether there is any.
    async fn flash_failure(&mut self, state: &AppState, error: AppError) -> bool {
        let page = path_of(&self.page).to_owned();
        match error {
            // A sign-in comes first, on a page that comes by itself, unless this one is for everybody.
            AppError::Unauthenticated => {
                // The snapshot still says whose session it was.
                self.made_for = self.made_for.or(self.user);
                let is_kept = self.keep_unsent(state, self.unproven).await;
                if PUBLIC.contains(&page.as_str()) {
                    let outcome = Outcome::Failed(error);
                    self.flash(state, None, outcome, Vec::new(), self.unproven).await;
                    return true;
                }
                is_kept
            }
            // A confirmation comes first, on a page that may be the form's own.
            AppError::ReauthRequired if page != SETTINGS_SECURITY => {
                self.made_for = self.user;
                self.keep_unsent(state, Typist::SignedIn).await
            }
            // Two people: who is signed in is told, and who typed gets the text.
            AppError::SignedInAsAnother => {
                self.keep_unsent(state, self.unproven).await;
                let outcome = Outcome::Failed(error);
                self.flash(state, self.user, outcome, Vec::new(), Typist::SignedIn)
                    .await;
                true
            }
            error => {
                let typed = std::mem::take(&mut self.typed);
                let outcome = Outcome::Failed(error);
                self.flash(state, self.user, outcome, typed, Typist::SignedIn)
                    .await;
                true
            }
        }
    }

    /// Keeps what was typed for whom the page was made for; whether there is anything to keep.
    async fn keep_unsent(&mut self, state: &AppState, typist: Typist) -> bool {
        let typed = std::mem::take(&mut self.typed);
        if self.made_for.is_none() || typed.is_empty() {
            return false;
        }
        self.flash(state, self.made_for, Outcome::Unsent, typed, typist)
            .await;
        true
    }

    async fn flash(
        &mut self,
        state: &AppState,
        user: Option<Uuid>,
        outcome: Outcome,
        fields: Vec<(String, String)>,
        typist: Typist,
    ) {
        let flash = Flash {
            form: self.endpoint.clone(),
            outcome,
            fields,
        };
        let page = path_of(&self.page);
        self.flashes.add(state, page, user, typist, flash).await;
    }
}

/// The page a form leads back to: the one it was sent from, if the browser says so and the form is there, or
/// else its own. A `return_to` that the form carries stays in the address.
fn page_of(form: Option<&Endpoint>, referer: Option<String>, bytes: &[u8]) -> String {
    let field = |name: &str| {
        let found = fields(bytes).find(|(found, _)| found == name);
        found.map(|(_, value)| value.into_owned())
    };
    let Some(form) = form else {
        return referer.unwrap_or_else(|| HOME.to_owned());
    };
    let page = referer
        .filter(|referer| form.is_on(path_of(referer)))
        .or_else(|| form.own_page(field))
        .unwrap_or_else(|| HOME.to_owned());
    let has_return_to = page.split_once('?').is_some_and(|(_, query)| {
        form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "return_to")
    });
    match field("return_to")
        .filter(|_| !has_return_to)
        .as_deref()
        .and_then(ReturnTo::parse)
    {
        Some(return_to) => {
            let and = if page.contains('?') { '&' } else { '?' };
            format!("{page}{and}return_to={}", encode(return_to.as_str()))
        }
        None => page,
    }
}

/// The path and query of a Referer that is ours and no form's target.
fn own_referer(headers: &HeaderMap, origin: &str) -> Option<String> {
    let path = headers.get(REFERER)?.to_str().ok()?.strip_prefix(origin)?;
    // In an address browsers pass over some control characters, a tab among them: with it, `/` and `/` are `//`.
    let plain = path.starts_with('/')
        && !path.starts_with("//")
        && !path.starts_with("/api/")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    plain.then(|| path.split('#').next().unwrap_or(path).to_owned())
}

async fn read_error(body: Body) -> (AppError, Bytes) {
    let bytes = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let error = serde_json::from_slice(&bytes).unwrap_or(AppError::Internal);
    (error, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_text() {
        for text in [
            "",
            "a=b",
            "a=%C3%A9",
            "a=%c3%a9+%F0%9F%94%91",
            "a=%",
            "a=%4",
            "a=%zz",
            "a=%%41",
            "a=\u{e9}",
        ] {
            assert!(decodes_to_text(text), "{text}");
        }
        for bytes in [
            "a=%FF",
            "a=%C3",
            "a=%C3x",
            "a=%ED%A0%80",
            "%C0%80=b",
            "a=%F8%88%80%80%80",
        ] {
            assert!(!decodes_to_text(bytes), "{bytes}");
        }
    }

    #[test]
    fn only_our_own_referer_leads_back() {
        let page = |referer: &'static str| {
            let headers = [(REFERER, HeaderValue::from_static(referer))]
                .into_iter()
                .collect();
            own_referer(&headers, "https://app.example")
        };
        assert_eq!(
            page("https://app.example/login?return_to=%2Fa#x").as_deref(),
            Some("/login?return_to=%2Fa")
        );
        for other in [
            "https://evil.example/login",
            "https://app.example",
            "https://app.example.evil.example/",
            "https://app.example//evil.example",
            "https://app.example/api/login",
            "https://app.example/\\evil",
            "https://app.example/\t/evil.example",
            "https://app.example/\t\\evil.example",
            "https://app.example/a b",
        ] {
            assert_eq!(page(other), None, "{other}");
        }
    }
}
