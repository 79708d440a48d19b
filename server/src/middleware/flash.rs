//! Flashes on their way: sealed in a cookie, each for one page and for one person. What a person typed waits
//! in the database, since a cookie holds little; what a stranger typed into the forms for strangers fits, and
//! no stranger writes into the database.

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

/// How long a flash waits for its page, in seconds, if no text waits with it.
const LIFE: i64 = 60;
/// The most a cookie may hold; browsers drop larger ones.
const MAX_COOKIE: usize = 3800;
/// The most flashes that wait at once: one for a form in each of a few tabs.
const MAX_WAITING: usize = 4;

/// A flash that waits for its page.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Waiting {
    until: i64,
    /// The path of the page that shows it.
    page: String,
    /// Whom it is for; anybody, if nobody was signed in.
    user: Option<Uuid>,
    /// With the text of a stranger; that of a user is `text`.
    flash: Flash,
    text: Option<Uuid>,
}

/// The flashes of one browser.
#[derive(Debug, Default)]
pub(crate) struct Flashes(Vec<Waiting>);

impl Flashes {
    /// Those a request brings along.
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

    /// Adds one for a page, in the place of an earlier one for the same page and person.
    /// Its text is kept as far as `typist` may have some kept for that person.
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

    /// Drops what waits for a person about a form: it was done meanwhile. Whether anything did.
    pub(crate) fn drop_about(&mut self, form: &str, user: Option<Uuid>) -> bool {
        let before = self.0.len();
        self.0
            .retain(|waiting| waiting.flash.form != form || waiting.user != user);
        self.0.len() < before
    }

    /// Takes the one for this page and person, with its text.
    async fn take(&mut self, state: &AppState, page: &str, user: Option<Uuid>) -> Option<Flash> {
        let is_due =
            |waiting: &Waiting| waiting.page == page && (waiting.user.is_none() || waiting.user == user);
        let at = self.0.iter().position(is_due)?;
        let kept = match (user, self.0[at].text) {
            (Some(user), Some(text)) => match state.auth.form_texts.take(user, text).await {
                Ok(fields) => fields,
                Err(error) => {
                    // It goes on waiting, for a database that answers.
                    tracing::warn!(
                        error = %auth::chain(&error),
                        "what was typed could not be read"
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
        // Without its text there is nothing to say.
        (flash.outcome != Outcome::Unsent || !flash.fields.is_empty()).then_some(flash)
    }

    /// The cookie that carries them: the oldest is left out where there are too many, and what a stranger
    /// typed if it is too much.
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

/// Keeps what a user typed. Without it the flash says what happened all the same.
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
                "what was typed could not be kept"
            );
            None
        })
}

/// Hands a page its flash, once.
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
    // What waits for another page goes on waiting; a cookie in which nothing does is removed.
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

/// Who sends a request, as far as the session layer knows.
pub(crate) fn user_of(request: &Request) -> Option<Uuid> {
    let auth = request.extensions().get::<RequestAuth>()?;
    auth.session().map(|session| session.user_id)
}
