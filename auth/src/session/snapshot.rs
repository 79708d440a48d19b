//! The snapshot: a sealed copy of what the authority said, good for minutes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::store::IdHash;
use crate::{
    clock::from_unix,
    keys::{KeyRing, Purpose},
    wire::{AuthSession, Role},
};

/// How far ahead of its own clock an instance accepts a snapshot's end, beyond the snapshot's life:
/// one that ends later was minted by a clock too far off to be compared with the stale marks.
pub(super) const CLOCK_SLACK: i64 = 60;

/// What a snapshot says. In the cookie it is a JSON array, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub(super) session_id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) email: Option<String>,
    pub(super) role: Role,
    /// The session's absolute end, Unix seconds.
    pub(super) session_expires: i64,
    /// The session row's version when this was minted.
    pub(super) version: i64,
    /// When this snapshot ends, Unix seconds.
    pub(super) expires: i64,
    /// The hash of the id cookie it was minted beside: alone, or beside another id, it opens nothing.
    pub(super) id_hash: u128,
}

/// The same fields by position: names would be a third of the cookie.
type Sealed = (Uuid, Uuid, Option<String>, Role, i64, i64, i64, u128);

impl Snapshot {
    /// The cookie's value.
    pub(super) fn seal(&self, keys: &KeyRing) -> String {
        let fields: Sealed = (
            self.session_id,
            self.user_id,
            self.email.clone(),
            self.role,
            self.session_expires,
            self.version,
            self.expires,
            self.id_hash,
        );
        let json = serde_json::to_string(&fields).expect("plain fields are JSON");
        keys.seal(Purpose::Snapshot, &json)
    }

    /// Opens a cookie's value. `None` for everything that is not a snapshot of ours beside this id and
    /// within its time; callers then ask the authority.
    pub(super) fn open(keys: &KeyRing, sealed: &str, id: &IdHash, now: i64, ttl: i64) -> Option<Self> {
        let json = keys.open(Purpose::Snapshot, sealed)?;
        let (session_id, user_id, email, role, session_expires, version, expires, id_hash): Sealed =
            serde_json::from_str(&json).ok()?;
        let in_time = now < expires && now < session_expires && expires <= now + ttl + CLOCK_SLACK;
        (in_time && id.binds(id_hash)).then_some(Self {
            session_id,
            user_id,
            email,
            role,
            session_expires,
            version,
            expires,
            id_hash,
        })
    }
}

impl From<Snapshot> for AuthSession {
    fn from(snapshot: Snapshot) -> Self {
        Self {
            session_id: snapshot.session_id,
            user_id: snapshot.user_id,
            email: snapshot.email,
            role: snapshot.role,
            expires_at: from_unix(snapshot.session_expires),
        }
    }
}

#[cfg(test)]
mod tests {
    use tower_sessions::session::Id;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn keys() -> KeyRing {
        KeyRing::new(&[(0..32).collect::<Vec<u8>>().into()])
    }

    fn snapshot(id: &IdHash) -> Snapshot {
        Snapshot {
            session_id: Uuid::from_u128(1),
            user_id: Uuid::from_u128(2),
            email: Some(format!("{}@{}.example", "a".repeat(64), "b".repeat(180))),
            role: Role::Admin,
            session_expires: NOW + 1000,
            version: 7,
            expires: NOW + 300,
            id_hash: id.short(),
        }
    }

    #[test]
    fn opens_beside_its_own_id_only_and_weighs_under_a_kilobyte() {
        let (mine, other) = (IdHash::of(&Id(1)), IdHash::of(&Id(2)));
        let sealed = snapshot(&mine).seal(&keys());
        assert!(sealed.len() < 1024, "{}", sealed.len());
        assert_eq!(
            Snapshot::open(&keys(), &sealed, &mine, NOW, 300),
            Some(snapshot(&mine))
        );
        assert_eq!(Snapshot::open(&keys(), &sealed, &other, NOW, 300), None);
    }

    #[test]
    fn is_expired_at_the_boundary_and_refused_from_a_clock_far_ahead() {
        let id = IdHash::of(&Id(1));
        let sealed = snapshot(&id).seal(&keys());
        let opens = |now| Snapshot::open(&keys(), &sealed, &id, now, 300).is_some();
        assert!(opens(NOW + 299));
        assert!(!opens(NOW + 300));
        assert!(opens(NOW - 60));
        assert!(!opens(NOW - 61));
    }

    #[test]
    fn never_outlives_its_session() {
        let id = IdHash::of(&Id(1));
        let sealed = Snapshot {
            session_expires: NOW + 10,
            ..snapshot(&id)
        }
        .seal(&keys());
        assert!(Snapshot::open(&keys(), &sealed, &id, NOW + 9, 300).is_some());
        assert!(Snapshot::open(&keys(), &sealed, &id, NOW + 10, 300).is_none());
    }
}
