//! Hands a flash from its sealed cookie to the page, once.

use app::flash::Flash;
use auth::{
    cookies::{CookieName, Keep},
    keys::Purpose,
};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, Method, header::SET_COOKIE};

use crate::router::AppState;

/// How long a flash waits for its page, in seconds.
const LIFE: i64 = 60;
/// The most a cookie may hold; browsers drop larger ones.
const MAX_COOKIE: usize = 3800;

/// Opens the cookie for a page and clears it.
pub(crate) async fn layer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let cookies = state.auth.cookies;
    let page = *request.method() == Method::GET && !request.uri().path().starts_with("/api/");
    let sealed = cookies
        .read(request.headers())
        .get(CookieName::Flash)
        .filter(|_| page);
    let Some(sealed) = sealed else {
        return next.run(request).await;
    };
    let flash = state
        .auth
        .keys
        .open(Purpose::Flash, sealed)
        .and_then(|json| serde_json::from_str::<(i64, Flash)>(&json).ok())
        .filter(|(until, _)| state.auth.clock.unix() < *until);
    if let Some((_, flash)) = flash {
        request.extensions_mut().insert(flash);
    }
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .append(SET_COOKIE, cookies.clear(CookieName::Flash));
    response
}

/// The cookie that carries a flash; what was typed is left out if it is too much for one.
pub(crate) fn cookie(state: &AppState, mut flash: Flash) -> Option<HeaderValue> {
    let until = state.auth.clock.unix() + LIFE;
    for _ in 0..2 {
        let json = serde_json::to_string(&(until, &flash)).ok()?;
        let sealed = state.auth.keys.seal(Purpose::Flash, &json);
        if sealed.len() <= MAX_COOKIE {
            return Some(
                state
                    .auth
                    .cookies
                    .set(CookieName::Flash, &sealed, Keep::Seconds(LIFE)),
            );
        }
        flash.fields.clear();
    }
    None
}
