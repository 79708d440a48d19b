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
    proof::{Lookup, Proof},
    request::{Presented, RequestAuth, Sender},
    snapshot::Snapshot,
    table,
    watch::SlidesNothing, // wing:clients
};
use crate::{
    client::Client,
    cookies::{CookieName, RequestCookies},
    db,
    error::{Result, chain},
};

/// How long a response waits for the touch of its session: many times what a touch usually takes.
const TOUCH_WAIT: std::time::Duration = std::time::Duration::from_millis(250);

/// What a request's cookies prove by themselves.
enum Recognised {
    /// No usable id: anonymous.
    Anonymous,
    /// An id that this application never issued.
    Malformed,
    /// A live snapshot beside its id: signed in, without a query.
    Live(Id, AuthSession),
    /// A snapshot that no known mark voids. Marks may be missing, so the authority decides.
    CheckOnly(Id),
    /// An id whose snapshot is absent or void: the authority decides.
    Renew(Id),
}

/// Middleware for page and API routes (not for static files): puts a [`RequestAuth`] into the request's extensions,
/// and adds the session cookies to the response.
///
/// Returns 503 with an empty body and `Retry-After` when the authority is needed and does not respond. Nothing is
/// known in that case, so no request is let in and no session is signed out.
pub async fn session_layer(State(sessions): State<Sessions>, mut request: Request, next: Next) -> Response {
    // If the request was already recognised on its way here, use that result.
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
    /// Recognises a request. A caller that puts the result into the request's extensions saves the next
    /// [`session_layer`] the same work.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable) when the authority is needed and does not respond.
    pub async fn request(&self, headers: &HeaderMap, extensions: &Extensions) -> Result<RequestAuth> {
        let cookies = self.0.cookies.read(headers);
        let sender = Sender {
            client: Client::of(headers, extensions),
            flow_cookie: cookies.get(CookieName::Flow).map(str::to_owned),
            device_cookie: cookies.get(CookieName::Device).map(str::to_owned), // wing:second-factors
        };
        let (presented, planned) = match self.recognise(&cookies) {
            Recognised::Anonymous => (Presented::Nothing, Planned::default()),
            Recognised::Malformed => (Presented::Nothing, self.cleared_cookies()),
            Recognised::Live(id, session) => {
                (Presented::Live(Proof::Cookie(id), session), Planned::default())
            }
            Recognised::CheckOnly(id) => self.check_only(id).await?,
            Recognised::Renew(id) if SlidesNothing::applies(extensions) => self.check_only(id).await?, // wing:clients
            Recognised::Renew(id) => self.renew(id).await?,
        };
        Ok(RequestAuth::new(self.clone(), sender, presented, planned))
    }

    /// The user named by a request's snapshot, even if it is void and its session may have ended: the last user of
    /// this browser. Use it only to give that user something back once they are signed in.
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
        // Ask before looking at the marks: they are complete for the time at which this was asked.
        let current = self.0.feed.is_current();
        match self.open(cookies, &id) {
            Some(session) if current => Recognised::Live(id, session),
            Some(_) => Recognised::CheckOnly(id),
            None => Recognised::Renew(id),
        }
    }

    /// Opens the snapshot for an id, if it is live and not void.
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

    /// The whole session check of a request with a live snapshot, as the layer does it. `None` means only that the
    /// authority would have to be asked.
    pub fn check(&self, headers: &HeaderMap) -> Option<AuthSession> {
        match self.recognise(&self.0.cookies.read(headers)) {
            Recognised::Live(_, session) => Some(session),
            _ => None,
        }
    }

    /// Asks the authority and changes nothing. The snapshot is renewed when it expires.
    async fn check_only(&self, id: Id) -> Result<(Presented, Planned)> {
        match self.ask(&id, self.0.clock.now()).await? {
            Some(live) => {
                let presented = Presented::Live(Proof::Cookie(id), AuthSession::from(&live));
                Ok((presented, Planned::default()))
            }
            None => self.dead(&id).await,
        }
    }

    /// Handles an id without a session. Its cookies are cleared, unless the browser has received others meanwhile:
    /// this response may arrive after them, and would clear those.
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
        table::find(&self.0.db, &Lookup::Cookie(IdHash::of(id)), now).await
    }

    /// Asks the authority, and moves the idle end of a live session forward.
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
                    tracing::warn!(error = %chain(error), "the last use of a session was not recorded");
                }
                written.is_ok()
            });
            // If the write takes longer, it goes on without this request. The session is alive all the same, until
            // its present end; the next renewal moves that forward.
            if timeout(TOUCH_WAIT, self.0.touches.run(touch)).await == Ok(true) {
                live.idle_expires_at = idle_expires_at;
            }
        }
        let renewed = self.live_cookies(&live, &id);
        let presented = Presented::Live(Proof::Cookie(id), AuthSession::from(&live));
        Ok((presented, renewed))
    }
}
