//! The session layer: recognises a request before anything is rendered or changed.

use std::sync::atomic::Ordering;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{Extensions, HeaderMap, StatusCode, header::RETRY_AFTER};
use time::{Duration, OffsetDateTime};
use tokio::time::timeout;
use tower_sessions::session::Id;
use uuid::Uuid;
use wire::AuthSession;

use super::{
    Sessions,
    cookies::{self, Planned},
    former,
    id::IdHash,
    live::LiveSession,
    request::{Presented, RequestAuth, Sender},
    snapshot::Snapshot,
    table,
};
use crate::{
    client::Client,
    cookies::{CookieName, RequestCookies},
    db,
    error::{Result, chain},
};

/// How long an answer waits for the touch of its session: many times as long as one takes.
const TOUCH_WAIT: std::time::Duration = std::time::Duration::from_millis(250);

/// What a request's cookies are worth by themselves.
enum Recognised {
    /// No usable id: anonymous.
    Anonymous,
    /// An id that never was one of ours.
    Malformed,
    /// A live snapshot beside its id: signed in, without a query.
    Live(Id, AuthSession),
    /// A snapshot nothing is known against; but marks may be missing, so the authority decides.
    CheckOnly(Id),
    /// An id whose snapshot is absent or void: the authority decides.
    Renew(Id),
}

/// Middleware for page and API routes (not for static files): puts [`RequestAuth`] into the request's
/// extensions, and adds the session cookies to the response.
///
/// Returns 503 with an empty body and `Retry-After` when the authority is needed and does not answer:
/// nothing is known then, so nobody is let in and nobody is signed out.
pub async fn session_layer(State(sessions): State<Sessions>, mut request: Request, next: Next) -> Response {
    // A request that was recognised on its way here is not recognised twice.
    let auth = match request.extensions().get::<RequestAuth>() {
        Some(auth) => auth.clone(),
        None => match sessions.request(request.headers(), request.extensions()).await {
            Ok(auth) => auth,
            Err(error) => return unavailable(&error),
        },
    };
    request.extensions_mut().insert(auth.clone());
    let mut response = next.run(request).await;
    if !response.status().is_server_error()
        && let Err(error) = auth.save_data().await
    {
        response = unavailable(&error);
    }
    cookies::write(auth.take_planned(), response.headers_mut());
    response
}

fn unavailable(error: &crate::Error) -> Response {
    tracing::error!(
        error = %chain(error),
        "the authority does not answer"
    );
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")]).into_response()
}

impl Sessions {
    /// Recognises a request. A caller that puts the result into the request's extensions spares the next
    /// [`session_layer`] the same work.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable) when the authority is needed and does not answer.
    pub async fn request(&self, headers: &HeaderMap, extensions: &Extensions) -> Result<RequestAuth> {
        let cookies = self.0.cookies.read(headers);
        let sender = Sender {
            client: Client::of(headers, extensions),
            flow_cookie: cookies.get(CookieName::Flow).map(str::to_owned),
        };
        let (presented, planned) = match self.recognise(&cookies) {
            Recognised::Anonymous => (Presented::Nothing, Planned::default()),
            Recognised::Malformed => (Presented::Nothing, self.cleared_cookies()),
            Recognised::Live(id, session) => (Presented::Live(id, session), Planned::default()),
            Recognised::CheckOnly(id) => self.check_only(id).await?,
            Recognised::Renew(id) => self.renew(id).await?,
        };
        Ok(RequestAuth::new(self.clone(), sender, presented, planned))
    }

    /// Whom a request's snapshot names, though it is void and its session may have ended: who was here last.
    /// Good for handing them something back once they are signed in, and for nothing else.
    pub fn former_user(&self, headers: &HeaderMap) -> Option<Uuid> {
        let cookies = self.0.cookies.read(headers);
        let id = cookies.get(CookieName::Id)?.parse::<Id>().ok()?;
        let sealed = cookies.get(CookieName::Auth)?;
        Snapshot::read(&self.0.keys, sealed, &IdHash::of(&id)).map(|snapshot| snapshot.user_id)
    }

    fn recognise(&self, cookies: &RequestCookies<'_>) -> Recognised {
        let Some(id) = cookies.get(CookieName::Id) else {
            return Recognised::Anonymous;
        };
        let Ok(id) = id.parse::<Id>() else {
            return Recognised::Malformed;
        };
        // Before the marks are looked at: they are complete for the time at which this was asked.
        let current = self.0.feed.is_current();
        match self.open(cookies, &id) {
            Some(session) if current => Recognised::Live(id, session),
            Some(_) => Recognised::CheckOnly(id),
            None => Recognised::Renew(id),
        }
    }

    /// Opens the snapshot beside an id, if it is live and not void.
    fn open(&self, cookies: &RequestCookies<'_>, id: &Id) -> Option<AuthSession> {
        let sealed = cookies.get(CookieName::Auth)?;
        let now = self.0.clock.unix();
        Snapshot::open(
            &self.0.keys,
            sealed,
            &IdHash::of(id),
            now,
            self.0.lifetimes.snapshot,
        )
        .filter(|snapshot| !self.0.marks.voids(&snapshot.session_id, snapshot.version))
        .map(AuthSession::from)
    }

    /// The whole session check of a request with a live snapshot, as the layer does it. `None` says only
    /// that the authority would have to be asked.
    pub fn check(&self, headers: &HeaderMap) -> Option<AuthSession> {
        match self.recognise(&self.0.cookies.read(headers)) {
            Recognised::Live(_, session) => Some(session),
            _ => None,
        }
    }

    /// Asks the authority, and changes nothing: the snapshot's own end will.
    async fn check_only(&self, id: Id) -> Result<(Presented, Planned)> {
        match self.ask(&id, self.0.clock.now()).await? {
            Some(live) => Ok((Presented::Live(id, AuthSession::from(&live)), Planned::default())),
            None => self.dead(&id).await,
        }
    }

    /// An id without a session. Its cookies are cleared, unless the browser has got others meanwhile: this
    /// answer may reach it after them, and would clear those.
    async fn dead(&self, id: &Id) -> Result<(Presented, Planned)> {
        let now = self.0.clock.now();
        Ok(
            match former::session_of(&self.0.db, &IdHash::of(id), now).await? {
                Some(session_id) => (Presented::Former(session_id), Planned::default()),
                None => (Presented::Nothing, self.cleared_cookies()),
            },
        )
    }

    pub(super) async fn ask(&self, id: &Id, now: OffsetDateTime) -> Result<Option<LiveSession>> {
        self.0.authority_reads.fetch_add(1, Ordering::Relaxed);
        table::find(&self.0.db, &IdHash::of(id), now).await
    }

    /// Asks the authority, and slides the idle end of a session that is alive.
    async fn renew(&self, id: Id) -> Result<(Presented, Planned)> {
        let now = self.0.clock.now();
        let Some(mut live) = self.ask(&id, now).await? else {
            return self.dead(&id).await;
        };
        let lifetimes = &self.0.lifetimes;
        let unless_since = now - Duration::seconds(lifetimes.touch_after(live.remember));
        if live.last_seen_at <= unless_since {
            let idle_expires_at = live
                .expires_at
                .min(now + Duration::seconds(lifetimes.idle(live.remember)));
            let (db, touched) = (self.0.db.clone(), live.clone());
            let touch = db::patiently(async move {
                let written = table::touch(&db, &touched, now, unless_since, idle_expires_at).await;
                if let Err(error) = &written {
                    tracing::warn!(error = %chain(error), "a touch was not written");
                }
                written.is_ok()
            });
            // What is not written soon goes on without this request. The session is alive all the same, until the
            // end it had; the next renewal slides that.
            if timeout(TOUCH_WAIT, self.0.touches.run(touch)).await == Ok(true) {
                live.idle_expires_at = idle_expires_at;
            }
        }
        let renewed = self.live_cookies(&live, &id);
        Ok((Presented::Live(id, AuthSession::from(&live)), renewed))
    }
}
