//! What a request proves its session with, and how the authority finds that session.

use sqlx::{Database as Engine, query::QueryAs};
use time::OffsetDateTime;
use tower_sessions::session::Id;
use uuid::Uuid; // wing:clients
use wire::Scopes; // wing:clients

use super::id::IdHash;
use crate::db::Db;

/// The proof of a live session. It has no Debug, which would show a secret.
#[derive(Clone)]
pub(crate) enum Proof {
    /// The id cookie.
    Cookie(Id),
    /// An access token or a personal key.
    Bearer(Bearer), // wing:clients
}

// wing:clients
/// What an access token or a personal key has shown.
#[derive(Clone)]
pub(crate) struct Bearer {
    /// How to find its session.
    pub(crate) lookup: Lookup,
    /// What it may do.
    pub(crate) scopes: Scopes,
    /// The client that holds it; `None` for a key, which belongs to no client.
    pub(crate) client_id: Option<String>,
    /// The refresh token it was issued with, by its number in the session.
    pub(crate) generation: i64,
}
// end wing:clients

impl Proof {
    /// How the authority finds the session.
    pub(super) fn lookup(&self) -> Lookup {
        match self {
            Self::Cookie(id) => Lookup::Cookie(IdHash::of(id)),
            Self::Bearer(bearer) => bearer.lookup, // wing:clients
        }
    }

    /// The id cookie, if it is one.
    pub(super) fn id(&self) -> Option<&Id> {
        match self {
            Self::Cookie(id) => Some(id),
            Self::Bearer(_) => None, // wing:clients
        }
    }
}

/// How the authority finds a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// By the hash of its id cookie.
    Cookie(IdHash),
    // wing:clients
    /// By its public id, as long as it has this version: what an access token proves.
    Version(Uuid, i64),
    /// By its public id, whatever has changed since it was proven.
    Since(Uuid),
    /// By the hash of a personal key.
    Key(IdHash),
    // end wing:clients
}

type Query<'q, Row> = QueryAs<'q, Db, Row, <Db as Engine>::Arguments<'q>>;

impl Lookup {
    /// The condition for the session's row, as SQL over sessions `s`. [`Self::bind`] binds its parameters, and `$2` is
    /// the present time.
    pub(crate) const fn condition(&self) -> &'static str {
        match self {
            Self::Cookie(_) => "s.kind = 'browser' AND s.key_hash = $1",
            // wing:clients
            Self::Version(..) => "s.kind = 'api' AND s.id = $1 AND s.version = $3",
            Self::Since(_) => "s.kind = 'api' AND s.id = $1",
            Self::Key(_) => "s.kind = 'api' AND s.key_hash = $1",
            // end wing:clients
        }
    }

    pub(crate) fn bind<'q, Row>(&'q self, query: Query<'q, Row>, now: OffsetDateTime) -> Query<'q, Row> {
        match self {
            Self::Cookie(hash) => query.bind(hash.bytes()).bind(now),
            // wing:clients
            Self::Version(session_id, version) => query.bind(session_id).bind(now).bind(version),
            Self::Since(session_id) => query.bind(session_id).bind(now),
            Self::Key(hash) => query.bind(hash.bytes()).bind(now),
            // end wing:clients
        }
    }
}
