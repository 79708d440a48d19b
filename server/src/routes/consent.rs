//! Where a client asks for access to a user's account: what happens before the page is rendered, and the user's decision.

use app::{
    error::AppError,
    pages::paths::{AUTHORIZE, LOGIN, SETTINGS_SECURITY},
};
use auth::{
    Auth, Error, RequestAuth,
    clients::{Authorization, Fault, Refusal},
};
use axum::{
    Extension,
    body::Bytes,
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, Method,
    header::{AUTHORIZATION, RETRY_AFTER},
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::form_urlencoded;

use super::refuse;
use crate::{
    bare_page::{self, escape, hand_over},
    middleware::{
        flash::user_of,
        guard::{asked, returning, see_other},
    },
    router::AppState,
};

/// The longest path with query, in bytes. A longer one would not lead back here after a sign-in.
const MAX_ADDRESS: usize = auth::ReturnTo::MAX_BYTES;
const TOO_LONG: &str = "The address that the application uses is too long.";

/// The characters that are escaped in a value. They are as few as possible, so that the address of a request is no longer
/// than the one that the client sent.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'\\');

/// Checks what a client asks for before anything else, so that a sign-in comes only before a page. The page receives what
/// it shows with its request.
pub(crate) async fn layer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_page || request.uri().path() != AUTHORIZE {
        return next.run(request).await;
    }
    if asked(request.uri()).len() > MAX_ADDRESS {
        return misled(TOO_LONG);
    }
    let clients = &state.auth.clients;
    let query = request.uri().query().unwrap_or("");
    let authorization = match clients.authorization(query.as_bytes()).await {
        Ok(authorization) => authorization,
        Err(Fault::ToClient(location)) => return see_other(&location),
        Err(Fault::Unsafe(why)) => return misled(why),
        Err(Fault::Refused(refusal)) => return refused(refusal),
    };
    if let Some(user) = user_of(&request) {
        if let Err(error) = clients.count_consent(user) {
            return refuse(&error);
        }
        request.extensions_mut().insert(authorization.consent());
    }
    next.run(request).await
}

/// The form of the page: the user allows or denies what the client asks for.
pub(crate) async fn decide(
    State(auth): State<Auth>,
    Extension(request): Extension<RequestAuth>,
    headers: HeaderMap,
    form: Bytes,
) -> Response {
    // A token or a key could otherwise begin sessions that outlive it.
    if headers.contains_key(AUTHORIZATION) {
        let mut response = StatusCode::FORBIDDEN.into_response();
        response.extensions_mut().insert(AppError::NotByToken);
        return response;
    }
    let authorization = match auth.clients.authorization(&form).await {
        Ok(authorization) => authorization,
        Err(Fault::ToClient(location)) => return back("the application", &location),
        Err(Fault::Unsafe(why)) => return misled(why),
        Err(Fault::Refused(refusal)) => return refused(refusal),
    };
    let page = address(&authorization);
    if page.len() > MAX_ADDRESS {
        return misled(TOO_LONG);
    }
    match decided(&auth, &request, &authorization, &form).await {
        Ok(location) => back(&authorization.consent().client_name, &location),
        Err(Error::NotSignedIn) => see_other(&returning(LOGIN, &page)),
        Err(Error::ReauthRequired) => see_other(&returning(SETTINGS_SECURITY, &page)),
        Err(error) => refuse(&error),
    }
}

/// The address that brings the user's decision to the client.
async fn decided(
    auth: &Auth,
    request: &RequestAuth,
    authorization: &Authorization,
    form: &[u8],
) -> Result<String, Error> {
    let decision = form_urlencoded::parse(form).find(|(name, _)| name == "decision");
    let refusal = match decision.as_ref().map(|(_, decision)| &**decision) {
        Some("allow") => return auth.clients.allow(request, authorization).await,
        Some("deny") => Refusal::AccessDenied,
        _ => Refusal::InvalidRequest("The form has no decision."),
    };
    auth.clients.deny(request, authorization, refusal).await
}

/// The address of the page that asks for the same.
fn address(authorization: &Authorization) -> String {
    let parameters = authorization.consent().parameters.into_iter();
    let pairs: Vec<String> = parameters
        .map(|(name, value)| {
            let value = utf8_percent_encode(&value, ESCAPED).to_string();
            format!("{name}={}", value.replace("%20", "+"))
        })
        .collect();
    format!("{AUTHORIZE}?{}", pairs.join("&"))
}

/// Sends the browser back to the client.
fn back(client: &str, location: &str) -> Response {
    hand_over("One moment…", &format!("Go back to {client}"), location)
}

/// The page for a request whose answer belongs nowhere.
fn misled(why: &'static str) -> Response {
    let main = format!(
        "<p>{}</p><p>Go back to the application and try again. If this page appears again, tell its developer.</p>",
        escape(why)
    );
    let page = bare_page::respond("This link does not work", "", &main);
    (StatusCode::BAD_REQUEST, page).into_response()
}

fn refused(refusal: Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match refusal {
        Refusal::TooMany(wait) => (status, [(RETRY_AFTER, wait.to_string())]).into_response(),
        _ => status.into_response(),
    }
}
