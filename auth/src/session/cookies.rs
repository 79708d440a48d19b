//! Creates and writes every session cookie.

use http::{
    HeaderMap, HeaderValue,
    header::{CACHE_CONTROL, SET_COOKIE},
};
use strum::VariantArray; // wing:data-rights
use tower_sessions::session::Id;
use uuid::Uuid;

use super::{Sessions, id::IdHash, live::LiveSession, snapshot::Snapshot, stale::Marks};
use crate::cookies::{CookieName, Keep};

/// The session cookies of a response.
#[derive(Default)]
pub(super) struct Planned {
    cookies: Vec<HeaderValue>,
    /// The session that they open, and its version.
    opens: Option<(Uuid, i64)>,
}

impl Planned {
    pub(super) fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }

    // wing:second-factors,mail,passkeys
    /// Adds a cookie that goes with them.
    pub(super) fn add(&mut self, cookie: HeaderValue) {
        self.cookies.push(cookie);
    }
    // end wing:second-factors,mail,passkeys

    /// The cookies, or an empty list if they are void by now.
    pub(super) fn unless_void(self, marks: &Marks) -> Vec<HeaderValue> {
        match self.opens {
            Some((session_id, version)) if marks.voids(&session_id, version) => Vec::new(),
            _ => self.cookies,
        }
    }
}

/// Adds session cookies to a response.
pub(super) fn write(cookies: Vec<HeaderValue>, headers: &mut HeaderMap) {
    if cookies.is_empty() {
        return;
    }
    // A response that carries a secret must not be stored. A `Cache-Control` that is already set is left alone.
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie);
    }
}

impl Sessions {
    /// Both cookies of a live session.
    pub(super) fn live_cookies(&self, live: &LiveSession, id: &Id) -> Planned {
        let keep = self.keep(live);
        let snapshot = self.mint(live, &IdHash::of(id));
        let cookies = vec![
            self.0.cookies.set(CookieName::Id, &id.to_string(), keep),
            self.0.cookies.set(CookieName::Auth, &snapshot, keep),
        ];
        Planned {
            cookies,
            opens: Some((live.session_id, live.version)),
        }
    }

    /// Removes both cookies.
    pub(super) fn cleared_cookies(&self) -> Planned {
        self.without(&[CookieName::Id, CookieName::Auth])
    }

    /// Removes both cookies and the flow cookie.
    pub(super) fn signed_out_cookies(&self) -> Planned {
        self.without(&[CookieName::Id, CookieName::Auth, CookieName::Flow])
    }

    // wing:data-rights
    /// Removes every cookie.
    pub(super) fn no_cookies(&self) -> Planned {
        self.without(CookieName::VARIANTS)
    }
    // end wing:data-rights

    fn without(&self, names: &[CookieName]) -> Planned {
        Planned {
            cookies: names.iter().map(|name| self.0.cookies.clear(*name)).collect(),
            opens: None,
        }
    }

    fn mint(&self, live: &LiveSession, id: &IdHash) -> String {
        let ttl = self
            .0
            .lifetimes
            .snapshot(live.remember)
            .min(self.0.marks.longest_life());
        Snapshot {
            session_id: live.session_id,
            user_id: live.user_id,
            shown: live.shown.clone(),
            session_expires: live.expires_at.unix_timestamp(),
            version: live.version,
            issued: live.as_of,
            expires: (live.as_of + ttl)
                .min(live.expires_at.unix_timestamp())
                .min(live.idle_expires_at.unix_timestamp()),
            id_hash: id.short(),
        }
        .seal(&self.0.keys)
    }

    /// How long the browser keeps a session's cookies.
    fn keep(&self, live: &LiveSession) -> Keep {
        if live.remember {
            Keep::Seconds(live.expires_at.unix_timestamp() - self.0.clock.unix())
        } else {
            Keep::BrowserSession
        }
    }
}
