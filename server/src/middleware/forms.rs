//! Forms: what may be posted to server functions, and how plain forms and scripts are each answered.
//!
//! server_fn answers every error with 500 and redirects a browser with the error in the address. This module, and no
//! other, sends scripts the true status and leads browsers back to the form's page with a [`Flash`]: the outcome, and
//! the text of the fields that the form lets come back.

use std::{net::IpAddr, time::Duration};

use app::pages::settings::picture::UPLOAD_PICTURE; // wing:pictures
use app::{
    error::AppError,
    flash::{Flash, Outcome},
    forms::Endpoint,
    forms::ShownOnce, // wing:clients,second-factors
    made_for::FOR,
    pages::{
        PUBLIC,
        form_at,
        paths::AUTHORIZE, // wing:clients
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
use http::header::CONTENT_DISPOSITION; // wing:data-rights
use http::response; // wing:clients,second-factors
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{
        ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, REFERER, RETRY_AFTER, SET_COOKIE,
    },
};
use http_body_util::BodyExt;
use http_body_util::Collected; // wing:clients,second-factors
use percent_encoding::percent_decode_str;
use serde_json::Value; // wing:clients,second-factors
use url::form_urlencoded;
use uuid::Uuid;

use super::multipart; // wing:pictures
use super::{
    bodies::{self, NotRead, Sender},
    flash::{Flashes, user_of},
    guard::{encode, path_of, returning, see_other},
    refusals::accepts_html,
};
use crate::bare_page::{self, escape}; // wing:clients,second-factors
use crate::router::AppState;

/// The headers with which server_fn marks its answers.
const FAILED: HeaderName = HeaderName::from_static("serverfnerror");
const REDIRECTED: HeaderName = HeaderName::from_static("serverfnredirect");

/// The highest number of fields in a form. A field is a few bytes of the body, but many in memory.
const MAX_FIELDS: usize = 64;
/// The largest body that is read from an anonymous visitor, in bytes.
const MAX_OF_NOBODY: usize = 64 * 1024;

/// The path that is posted to: a server function, the start of a provider flow, or a decision on a client.
fn target(request: &Request) -> Option<&str> {
    let path = request.uri().path();
    let is_form = path.starts_with("/api/") || path.starts_with("/auth/login/");
    let is_form = is_form || path == AUTHORIZE; // wing:clients
    (*request.method() == Method::POST && is_form).then_some(path)
}

/// The largest body for this path, in bytes.
fn limit(path: &str) -> usize {
    match path {
        "/api/login" | "/api/register" => 8 * 1024,
        // wing:mail
        "/api/forgot_password"
        | "/api/reset_password"
        | "/api/undo_email_change"
        | "/api/send_sign_in_code"
        | "/api/sign_in_with_code"
        | "/api/finish_registration"
        | "/api/claim_address" => 8 * 1024,
        // end wing:mail
        "/api/start_passkey_sign_in" | "/api/passkey_sign_in" => 8 * 1024, // wing:passkeys
        "/api/update_public_data" => 300 * 1024,
        "/api/update_private_data" => 300 * 1024, // wing:private-data
        AUTHORIZE => 8 * 1024,                    // wing:clients
        UPLOAD_PICTURE => multipart::MAX_FORM,    // wing:pictures
        _ if path.starts_with("/auth/login/") => 8 * 1024,
        _ => 64 * 1024,
    }
}

/// The time that the request's form has to arrive, beyond what any request has.
pub(super) fn time_to_arrive(request: &Request) -> Duration {
    target(request).map_or(Duration::ZERO, |path| bodies::more_time(limit(path)))
}

// wing:pictures
/// Whether a form at this path has a file.
fn has_file(path: &str) -> bool {
    path == UPLOAD_PICTURE
}
// end wing:pictures

/// Refuses what no session could make acceptable, before any lookup or read: a body that is not a form, or is too
/// large.
pub(crate) async fn accept(request: Request, next: Next) -> Response {
    if let Some(path) = target(&request) {
        let headers = request.headers();
        let length = headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let is_form = is_form(headers);
        // wing:pictures
        let is_form = if has_file(path) {
            multipart::is_multipart(headers)
        } else {
            is_form
        };
        // end wing:pictures
        match is_form {
            Err(status) => return status.into_response(),
            // wing:pictures
            // The browser is led back to its page, as with any file that is no picture.
            Ok(true) if has_file(path) => {}
            // end wing:pictures
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

/// The layer for POST to all these paths. It is inside the session layer.
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
        Some(user) if has_file(&path) => Sender::Uploading(user), // wing:pictures
        Some(user) => Sender::User(user),
        None if limit(&path) == limit("/api/login") => Sender::SigningIn,
        None => Sender::Stranger,
    };
    let (parts, body) = request.into_parts();
    let from = limited_address(&parts.extensions);
    let (held, not_read) = match state.bodies.read(body, most, sender, from).await {
        Ok(held) => (Some(held), None),
        // It would be read from a signed-in user.
        Err(NotRead::TooLarge) if most < limit(&path) => (None, Some(AppError::Unauthenticated)),
        // wing:pictures
        // The file can be chosen again. Leading back from any other form would lose what was typed into it.
        Err(problem) if has_file(&path) => (None, Some(AppError::from_status(problem.status().as_u16()))),
        // end wing:pictures
        Err(problem) => return problem.status().into_response(),
    };
    let bytes = held.as_ref().map_or_else(Bytes::new, |held| held.bytes.clone());
    // wing:pictures
    let (parts, bytes) = if has_file(&path) && not_read.is_none() {
        match multipart::take_apart(parts, bytes).await {
            Ok(taken_apart) => taken_apart,
            Err(status) => return status.into_response(),
        }
    } else {
        (parts, bytes)
    };
    // end wing:pictures
    if not_read.is_none()
        && let Err(status) = is_readable(&parts.headers, &bytes)
    {
        return status.into_response();
    }
    let request = Request::from_parts(parts, Body::empty());
    let form = Posted::new(&state, &path, (user, from), request.headers(), &bytes);
    let refusal = not_read.or(form.is_for_another.then_some(AppError::SignedInAsAnother));
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
    // The answers of server functions are about one user.
    response
        .headers_mut()
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether the body is a form, with no more than [`MAX_FIELDS`] fields.
fn is_readable(headers: &HeaderMap, bytes: &[u8]) -> Result<(), StatusCode> {
    if !is_form(headers)? && !bytes.is_empty() {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    // Checked before the fields are decoded.
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

/// Whether the percent-encoded bytes are UTF-8. The decoders would replace invalid bytes with U+FFFD, and different
/// passwords would become the same one.
fn decodes_to_text(form: &str) -> bool {
    percent_decode_str(form).decode_utf8().is_ok()
}

/// The request as server functions read it. They then answer a browser as they answer a script: this module creates
/// the redirect.
fn with_body(mut request: Request, bytes: &Bytes, as_script: bool) -> Request {
    // A doubled `return_to` is not an address. It is replaced by one that is never accepted.
    let body = match fields(bytes).filter(|(name, _)| name == "return_to").count() {
        0 | 1 => bytes.clone(),
        _ => {
            let kept = fields(bytes).filter(|(name, _)| name != "return_to");
            let mut form = form_urlencoded::Serializer::new(String::new());
            Bytes::from(form.extend_pairs(kept).append_pair("return_to", "//").finish())
        }
    };
    let headers = request.headers_mut();
    // Server functions read the type too, and an empty body may come without one.
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

/// Whether the type is that of a form. Any other type is refused, and no type is looked at later.
pub(crate) fn is_form(headers: &HeaderMap) -> Result<bool, StatusCode> {
    match media_type(headers)? {
        None => Ok(false),
        Some(essence) if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") => Ok(true),
        Some(_) => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    }
}

/// The type of a body, without its parameters. Two types are refused.
pub(crate) fn media_type(headers: &HeaderMap) -> Result<Option<&str>, StatusCode> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (None, _) => Ok(None),
        (Some(kind), None) => {
            let kind = kind.to_str().unwrap_or("");
            Ok(Some(kind.split(';').next().unwrap_or("").trim()))
        }
        (Some(_), Some(_)) => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    }
}

/// A refusal in the format of a server function.
fn failed(error: AppError) -> Response {
    let mut response = (StatusCode::INTERNAL_SERVER_ERROR, Json(error)).into_response();
    response
        .headers_mut()
        .insert(FAILED, HeaderValue::from_static("forms"));
    response
}

// wing:data-rights,pictures
/// The same for a handler that is no server function, but stands where one could.
pub(crate) fn refused_like_a_function(error: &auth::Error) -> Response {
    let mut response = failed(AppError::from(error));
    if let auth::Error::TooManyAttempts { retry_after } = error {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(*retry_after.max(&1)));
    }
    response
}
// end wing:data-rights,pictures

/// A refusal at a path that is not a server function.
fn refused(error: AppError) -> Response {
    let mut response = StatusCode::from_u16(error.status())
        .unwrap_or_default()
        .into_response();
    response.extensions_mut().insert(error);
    response
}

/// What is kept of a form while its server function runs.
struct Posted {
    /// Whether a browser sent it without JavaScript.
    is_html: bool,
    /// The server function's endpoint.
    endpoint: String,
    /// The form's page, where the browser is led back to.
    page: String,
    /// The text of the fields that come back.
    typed: Vec<(String, String)>,
    /// What its answer shows once.
    shown_once: Option<ShownOnce>, // wing:clients,second-factors
    /// The signed-in user.
    user: Option<Uuid>,
    /// The user for whom the form's page was made, if known.
    made_for: Option<Uuid>,
    /// The typist of the text, while nobody is signed in as that user.
    unproven: Typist,
    /// Whether the page was made for another user than the signed-in one.
    is_for_another: bool,
    /// The flashes that wait in the browser.
    flashes: Flashes,
}

impl Posted {
    /// A form posted to this path, from this address, by this user if one is signed in.
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
            // A browser whose session has ended still carries the id of its user.
            None if is_html && user.is_none() => state.auth.sessions.former_user(headers),
            None => None,
        };
        let form = form_at(path);
        // A script has use for its text again only if it runs on one of our pages.
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
            shown_once: form.and_then(|form| form.shown_once), // wing:clients,second-factors
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
            // The form has succeeded, so its page no longer needs the text.
            if parts.status.is_success() && self.flashes.drop_about(&self.endpoint, self.user) {
                parts.headers.append(SET_COOKIE, self.flashes.cookie(state));
            }
            return Response::from_parts(parts, body);
        }
        // server_fn's code in the browser recognises an error by its status.
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

    /// Answers a browser: redirects to where the server function leads, or back to the form's page.
    async fn lead_back(mut self, state: &AppState, response: Response) -> Response {
        let (mut parts, body) = response.into_parts();
        let failed = parts.headers.remove(FAILED).is_some();
        // A refusal from a layer in between keeps its status.
        if !failed && !parts.status.is_success() {
            return Response::from_parts(parts, body);
        }
        // wing:data-rights
        // The browser keeps a file, and stays on the page.
        if parts.headers.contains_key(CONTENT_DISPOSITION) {
            return Response::from_parts(parts, body);
        }
        // end wing:data-rights
        parts.headers.remove(REDIRECTED);
        let led = parts
            .headers
            .remove(LOCATION)
            .and_then(|location| location.to_str().ok().map(str::to_owned));
        // wing:clients,second-factors
        if let Some(shown) = self.shown_once.filter(|_| !failed) {
            return self.show_once(state, shown, parts, body).await;
        }
        // end wing:clients,second-factors
        let mut location = self.page.clone();
        let is_flashed = if failed {
            let wait = parts.headers.get(RETRY_AFTER).and_then(|wait| wait.to_str().ok());
            let error = read_error(body).await.0.with_wait(wait);
            if error == AppError::ReauthRequired {
                location = returning(SETTINGS_SECURITY, &self.page);
            }
            match led {
                // It goes on elsewhere, and says there what is missing.
                Some(led) => {
                    location = led;
                    false
                }
                None => self.flash_failure(state, error).await,
            }
        } else if let Some(led) = led {
            // A user who is led to another page can see from this that the form succeeded.
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
            // The other headers of the server function's answer stay: cookies, Retry-After.
            if ![CONTENT_TYPE, CONTENT_LENGTH, CACHE_CONTROL].contains(name) {
                answer.headers_mut().append(name, value.clone());
            }
        }
        answer
    }

    // wing:clients,second-factors
    /// Answers a browser with a page that shows a secret of the answer.
    async fn show_once(
        mut self,
        state: &AppState,
        shown: ShownOnce,
        answered: response::Parts,
        body: Body,
    ) -> Response {
        let bytes = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let secrets = match answer.get(shown.member) {
            Some(Value::Array(several)) => &several[..],
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        let secrets: String = secrets
            .iter()
            .filter_map(Value::as_str)
            .map(|secret| format!("<p><code>{}</code></p>", escape(secret)))
            .collect();
        let main = format!(
            "<p>{}</p>{secrets}<p><a href=\"{}\">Go back</a></p>",
            escape(shown.advice),
            escape(&self.page),
        );
        let mut page = bare_page::respond(shown.title, "", &main);
        let headers = page.headers_mut();
        // Other headers stay, such as cookies.
        for (name, value) in &answered.headers {
            if ![CONTENT_TYPE, CONTENT_LENGTH, CACHE_CONTROL].contains(name) {
                headers.append(name, value.clone());
            }
        }
        if self.flashes.drop_about(&self.endpoint, self.user) {
            headers.append(SET_COOKIE, self.flashes.cookie(state));
        }
        page
    }
    // end wing:clients,second-factors

    /// Leaves a flash about a failure for the form's page. Returns whether there is one.
    async fn flash_failure(&mut self, state: &AppState, error: AppError) -> bool {
        let page = path_of(&self.page).to_owned();
        match error {
            // A sign-in comes first, on a page that appears without a flash, unless this page is public.
            AppError::Unauthenticated => {
                // The snapshot still holds the user of the session.
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
            // Two users: the signed-in one gets the error, and the one who typed gets the text.
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

    /// Keeps the text for the user for whom the page was made. Returns whether there is anything to keep.
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

/// The page that a form leads back to: the page it was sent from, if the browser names it and the form is on it;
/// otherwise the form's own page. A `return_to` in the form stays in the address.
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
    // wing:mail
    // A page with a token does not name itself in the Referer.
    if let Some((name, token)) = form.token.and_then(|name| Some((name, field(name)?))) {
        return format!("{}?{name}={}", path_of(&page), encode(&token));
    }
    // end wing:mail
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

/// The path and query of a Referer from our origin that is not the target of a form.
fn own_referer(headers: &HeaderMap, origin: &str) -> Option<String> {
    let path = headers.get(REFERER)?.to_str().ok()?.strip_prefix(origin)?;
    // In addresses, browsers ignore some control characters such as the tab: with one between them, `/` and `/` are
    // `//`.
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
