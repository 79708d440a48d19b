//! Signing in with a provider: the start, the callback, and Apple's callback.

use auth::{
    Auth, Error, RequestAuth, ReturnTo,
    client::limited_address,
    limits::{Action, Subject},
    oauth::{Finished, Intent, Stop, WayBack, Wish},
};
use axum::{
    Extension, Form,
    body::Body,
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, Method,
    header::{ALLOW, CACHE_CONTROL, REFERRER_POLICY, SET_COOKIE},
    request::Parts,
};

use crate::{
    bare_page::hand_over,
    middleware::{
        bodies::Sender,
        guard::{encode, returning, see_other},
    },
    router::AppState,
    routes::refuse,
};
use app::pages::paths::{LOGIN, PROFILE, SETTINGS_ACCOUNTS, SETTINGS_SECURITY};

/// The largest body that a provider may post, in bytes: code, state and Apple's `user`.
pub(crate) const MAX_REPOST: usize = 32 * 1024;

/// The fields of the form of a provider's button.
#[derive(serde::Deserialize)]
pub(crate) struct StartForm {
    #[serde(default)]
    return_to: Option<String>,
    #[serde(default)]
    intent: Option<String>,
    #[serde(default)]
    remember: Option<String>,
}

impl StartForm {
    /// The request in the form. `None` if it cannot be understood.
    fn wish(&self) -> Option<Wish<'_>> {
        Some(Wish {
            intent: Intent::from_form(self.intent.as_deref())?,
            return_to: self.return_to.as_deref(),
            remember: match self.remember.as_deref() {
                None | Some("") => false,
                Some(text) => text.parse().ok()?,
            },
        })
    }
}

/// `POST /auth/login/{provider}`: stores a flow, and sends the browser to the provider.
pub(crate) async fn start(
    State(auth): State<Auth>,
    Path(provider): Path<String>,
    Extension(request): Extension<RequestAuth>,
    Form(form): Form<StartForm>,
) -> Response {
    let client = request.client();
    if let Err(error) = auth
        .limits
        .take(Action::StartAddress, Subject::address(client.limited_address()))
    {
        return refuse(&error);
    }
    let Some(wish) = form.wish() else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    match auth.oauth.start(&provider, wish, &request).await {
        Ok(started) => {
            let mut page = hand_over("Signing in", "Continue to the provider", &started.authorize_url);
            page.headers_mut().append(SET_COOKIE, started.flow_cookie);
            page
        }
        Err(Stop::Error(error)) if matches!(*error, Error::ReauthRequired) => {
            see_other(&returning(SETTINGS_SECURITY, SETTINGS_ACCOUNTS))
        }
        Err(Stop::Error(error)) if matches!(*error, Error::NotSignedIn) => {
            let page = match wish.intent {
                Intent::Confirm => SETTINGS_SECURITY,
                Intent::SignIn | Intent::Link => SETTINGS_ACCOUNTS,
            };
            see_other(&returning(LOGIN, page))
        }
        Err(stop) => stopped(stop),
    }
}

/// `GET /auth/callback/{provider}`: the provider has sent the browser back.
pub(crate) async fn finish(
    State(auth): State<Auth>,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
    Extension(request): Extension<RequestAuth>,
    method: Method,
) -> Response {
    // axum routes HEAD to the GET handler, but a HEAD must not use up the flow.
    if method == Method::HEAD {
        return only_get();
    }
    let client = request.client();
    if let Err(error) = auth.limits.take(
        Action::CallbackAddress,
        Subject::address(client.limited_address()),
    ) {
        return refuse(&error);
    }
    let query = query.unwrap_or_default();
    let mut response = match auth.oauth.finish(&provider, &query, &request).await {
        Ok(Finished::Done(way_back)) => done(&way_back),
        // wing:second-factors
        Ok(Finished::HalfWay(way_back)) => {
            let return_to = way_back.return_to.as_ref().map(ReturnTo::as_str);
            see_other(&app::pages::signed_in::second_factor(return_to))
        }
        // end wing:second-factors
        Ok(Finished::AlreadySignedIn) => see_other(PROFILE),
        Err(stop) => {
            if let Stop::Failed { error, .. } = &stop {
                let ip = client.ip.map(tracing::field::display);
                tracing::info!(
                    ip,
                    error = error.code(),
                    provider,
                    "a sign-in with a provider failed"
                );
            }
            stopped(stop)
        }
    };
    // The address holds a code: it must not be stored, nor passed on as a referrer (RFC 9700 §4.2.4).
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// `POST /auth/callback/{provider}`, for providers that post their answer (Apple). Such a request is cross-site and
/// carries none of our cookies. Redirecting the browser to the GET address brings them back.
pub(crate) async fn repost(
    State(state): State<AppState>,
    Path(provider): Path<String>,
    parts: Parts,
    body: Body,
) -> Response {
    let from = limited_address(&parts.extensions);
    let held = match state.bodies.read(body, MAX_REPOST, Sender::Returning, from).await {
        Ok(held) => held,
        Err(problem) => return problem.status().into_response(),
    };
    let Ok(body) = std::str::from_utf8(&held.bytes) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match state.auth.oauth.repost(&provider, body) {
        Ok(location) => see_other(&location),
        Err(stop) => stopped(stop),
    }
}

/// Where a successful flow leads.
fn done(way_back: &WayBack) -> Response {
    let usual = match way_back.intent {
        Intent::SignIn => PROFILE,
        Intent::Link => SETTINGS_ACCOUNTS,
        Intent::Confirm => SETTINGS_SECURITY,
    };
    see_other(way_back.return_to.as_ref().map_or(usual, ReturnTo::as_str))
}

fn stopped(stop: Stop) -> Response {
    match stop {
        Stop::UnknownProvider => StatusCode::NOT_FOUND.into_response(),
        Stop::NotByForm => only_get(),
        Stop::Busy => {
            tracing::warn!("too many callbacks are waiting for their providers");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Stop::Failed { error, way_back, .. } => failed(error.code(), &way_back),
        Stop::Error(error) => refuse(&error),
    }
}

fn only_get() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET")]).into_response()
}

fn failed(code: &str, way_back: &WayBack) -> Response {
    let return_to = way_back.return_to.as_ref().map(ReturnTo::as_str);
    let return_to = match way_back.intent {
        // A user who connects an account stays on that page.
        Intent::Link => return see_other(&format!("{SETTINGS_ACCOUNTS}?error={code}")),
        Intent::SignIn => return_to,
        // The login page redirects a signed-in user, and the reason goes along.
        Intent::Confirm => return_to.or(Some(SETTINGS_SECURITY)),
    };
    match return_to {
        None => see_other(&format!("{LOGIN}?error={code}")),
        Some(return_to) => see_other(&format!("{LOGIN}?error={code}&return_to={}", encode(return_to))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_provider_is_503() {
        assert_eq!(stopped(Stop::Busy).status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
