//! Flashes in transit: sealed in a cookie, each for one page and one user. Text that a user typed waits in the
//! database, since a cookie holds little. Text that an anonymous visitor typed into the public forms fits into the
//! cookie, so that such visitors never write into the database.

use app::flash::{Flash, Outcome};
use auth::{
    RequestAuth,
    cookies::{CookieName, Cookies, Keep},
    form_texts::{self, Typist},
    keys::Purpose,
};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderValue, Method, header::SET_COOKIE};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::router::AppState;

/// How long a flash without text waits for its page, in seconds.
const LIFE: i64 = 60;
/// The largest size of the cookie; browsers drop larger ones.
const MAX_COOKIE: usize = 3800;
/// The highest number of waiting flashes: one for a form in each of a few tabs.
const MAX_WAITING: usize = 4;

/// A flash that waits for its page.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Waiting {
    until: i64,
    /// The path of the page that shows it.
    page: String,
    /// The user it is for, or any visitor if nobody was signed in.
    user: Option<Uuid>,
    /// Holds the text that an anonymous visitor typed. A user's text is in `text`.
    flash: Flash,
    text: Option<Uuid>,
}

/// The flashes of one browser.
#[derive(Debug, Default)]
pub(crate) struct Flashes(Vec<Waiting>);

impl Flashes {
    /// The flashes that a request carries.
    pub(crate) fn of(state: &AppState, headers: &HeaderMap) -> Self {
        let now = state.auth.clock.unix();
        let cookies = state.auth.cookies.read(headers);
        let waiting = cookies
            .get(CookieName::Flash)
            .and_then(|sealed| state.auth.keys.open(Purpose::Flash, sealed))
            .and_then(|json| serde_json::from_str::<Vec<Waiting>>(&json).ok())
            .unwrap_or_default();
        Self(
            waiting
                .into_iter()
                .filter(|waiting| now < waiting.until)
                .collect(),
        )
    }

    /// Adds a flash for a page, replacing an earlier one for the same page and user. Its text is kept up to the
    /// amount that `typist` may have kept for that user.
    pub(crate) async fn add(
        &mut self,
        state: &AppState,
        page: &str,
        user: Option<Uuid>,
        typist: Typist,
        mut flash: Flash,
    ) {
        let text = match user {
            Some(user) => keep(state, user, std::mem::take(&mut flash.fields), typist).await,
            None => None,
        };
        let life = if text.is_some() { form_texts::LIFE } else { LIFE };
        self.0
            .retain(|waiting| waiting.page != page || waiting.user != user);
        self.0.push(Waiting {
            until: state.auth.clock.unix() + life,
            page: page.to_owned(),
            user,
            flash,
            text,
        });
    }

    /// Drops the flashes that wait for a user about a form that has succeeded meanwhile. Returns whether there were
    /// any.
    pub(crate) fn drop_about(&mut self, form: &str, user: Option<Uuid>) -> bool {
        let before = self.0.len();
        self.0
            .retain(|waiting| waiting.flash.form != form || waiting.user != user);
        self.0.len() < before
    }

    /// Takes the flash for this page and user, with its text.
    async fn take(&mut self, state: &AppState, page: &str, user: Option<Uuid>) -> Option<Flash> {
        let is_due =
            |waiting: &Waiting| waiting.page == page && (waiting.user.is_none() || waiting.user == user);
        let at = self.0.iter().position(is_due)?;
        let kept = match (user, self.0[at].text) {
            (Some(user), Some(text)) => match state.auth.form_texts.take(user, text).await {
                Ok(fields) => fields,
                Err(error) => {
                    // It keeps waiting until the database answers.
                    tracing::warn!(
                        error = %auth::chain(&error),
                        "the texts of a form could not be read"
                    );
                    return None;
                }
            },
            _ => None,
        };
        let mut flash = self.0.remove(at).flash;
        if let Some(fields) = kept {
            flash.fields = fields;
        }
        // Without its text it has nothing to show.
        (flash.outcome != Outcome::Unsent || !flash.fields.is_empty()).then_some(flash)
    }

    /// The cookie that carries the flashes. If there are too many, the oldest are left out; if an anonymous visitor's
    /// text is too long, the text is left out.
    pub(crate) fn cookie(mut self, state: &AppState) -> HeaderValue {
        let cookies: Cookies = state.auth.cookies;
        while self.0.len() > MAX_WAITING {
            self.0.remove(0);
        }
        loop {
            let Some(until) = self.0.iter().map(|waiting| waiting.until).max() else {
                return cookies.clear(CookieName::Flash);
            };
            let sealed = serde_json::to_string(&self.0)
                .ok()
                .map(|json| state.auth.keys.seal(Purpose::Flash, &json))
                .filter(|sealed| sealed.len() <= MAX_COOKIE);
            if let Some(sealed) = sealed {
                let keep = Keep::Seconds(until - state.auth.clock.unix());
                return cookies.set(CookieName::Flash, &sealed, keep);
            }
            match &mut self.0[..] {
                [only] if !only.flash.fields.is_empty() => only.flash.fields.clear(),
                _ => drop(self.0.remove(0)),
            }
        }
    }
}

/// Keeps what a user typed. If that fails, the flash still reports what happened.
async fn keep(state: &AppState, user: Uuid, fields: Vec<(String, String)>, typist: Typist) -> Option<Uuid> {
    if fields.is_empty() {
        return None;
    }
    state
        .auth
        .form_texts
        .keep(user, fields, typist)
        .await
        .unwrap_or_else(|error| {
            tracing::warn!(
                error = %auth::chain(&error),
                "the texts of a form could not be stored"
            );
            None
        })
}

/// Gives a page its flash, once.
pub(crate) async fn layer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let is_page = *request.method() == Method::GET && !request.uri().path().starts_with("/api/");
    let has_cookie = state.auth.cookies.read(request.headers()).has(CookieName::Flash);
    if !is_page || !has_cookie {
        return next.run(request).await;
    }
    let mut flashes = Flashes::of(&state, request.headers());
    let user = user_of(&request);
    let waiting = flashes.0.len();
    let flash = flashes.take(&state, request.uri().path(), user).await;
    // Flashes for other pages keep waiting. The cookie is removed once none is left.
    let is_changed = flashes.0.len() < waiting || flashes.0.is_empty();
    if let Some(flash) = flash {
        request.extensions_mut().insert(flash);
    }
    let mut response = next.run(request).await;
    if is_changed {
        response.headers_mut().append(SET_COOKIE, flashes.cookie(&state));
    }
    response
}

/// The user who sends a request, as far as the session layer knows.
pub(crate) fn user_of(request: &Request) -> Option<Uuid> {
    let auth = request.extensions().get::<RequestAuth>()?;
    auth.session().map(|session| session.user_id)
}
