//! The snapshot: a sealed copy of what the authority returned, valid for minutes.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use uuid::Uuid;
use wire::AuthSession;

use super::{
    id::IdHash,
    shown::{SealedShown, Shown},
};
use crate::{
    clock::from_unix,
    keys::{KeyRing, Purpose},
};

/// How far ahead of its own clock an instance accepts a snapshot's beginning. If it begins later, the clock that
/// issued it was too far off for its end to mean anything.
pub(super) const CLOCK_SLACK: i64 = 60;

/// Whether something sealed may be used without a query: it begins at `issued`, ends at `end`, and lives no longer than
/// `ttl`, after which this instance forgets stale marks. All in seconds.
pub(crate) fn is_in_time(issued: i64, end: i64, now: i64, ttl: i64) -> bool {
    issued <= now + CLOCK_SLACK && now < issued + ttl && now < end
}

/// The contents of a snapshot. In the cookie they are a sealed JSON array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) session_id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) shown: Shown,
    /// The session's absolute end, Unix seconds.
    pub(super) session_expires: i64,
    /// The session row's version as it was read.
    pub(super) version: i64,
    /// When the authority was asked for these contents, in Unix seconds. A process may be suspended between reading
    /// and sealing, and that does not make what it read any newer.
    pub(super) issued: i64,
    /// When this snapshot ends, Unix seconds.
    pub(super) expires: i64,
    /// The hash of the id cookie it was issued with. Alone, or with another id, it opens nothing.
    pub(super) id_hash: [u8; 16],
}

/// The same fields by position: the three of sixteen bytes as one text, and times relative to `issued`.
/// All of it is encoded, decoded and authenticated with each request. Names, hyphens and full dates would add half
/// to that cost.
type Sealed<'a, Text> = (&'a str, SealedShown<Text>, i64, i64, i64, i64);

impl Snapshot {
    /// The cookie's value.
    pub(super) fn seal(&self, keys: &KeyRing) -> String {
        let bytes = [
            *self.session_id.as_bytes(),
            *self.user_id.as_bytes(),
            self.id_hash,
        ]
        .concat();
        let ids = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let fields: Sealed<'_, &str> = (
            &ids,
            self.shown.sealed(),
            self.version,
            self.issued,
            self.expires - self.issued,
            self.session_expires - self.issued,
        );
        let json = serde_json::to_string(&fields).expect("plain fields are JSON");
        keys.seal(Purpose::Snapshot, &json)
    }

    /// Opens a cookie's value. Returns `None` for anything but our own snapshot, issued with this id and not
    /// expired; callers then ask the authority. No snapshot is accepted for longer than this instance's own `ttl`,
    /// after which it forgets stale marks, whatever `ttl` the issuing instance had.
    pub(super) fn open(keys: &KeyRing, sealed: &str, id: &IdHash, now: i64, ttl: i64) -> Option<Self> {
        let snapshot = Self::read(keys, sealed, id)?;
        let Self {
            issued,
            expires,
            session_expires,
            ..
        } = snapshot;
        is_in_time(issued, expires.min(session_expires), now, ttl).then_some(snapshot)
    }

    /// Reads our own snapshot issued with this id, whether or not it has expired: it shows what once was true.
    pub(super) fn read(keys: &KeyRing, sealed: &str, id: &IdHash) -> Option<Self> {
        let json = keys.open(Purpose::Snapshot, sealed)?;
        let (ids, shown, version, issued, life, session_life): Sealed<'_, String> =
            serde_json::from_str(&json).ok()?;
        let mut bytes = [0; 48];
        let length = BASE64_URL_SAFE_NO_PAD.decode_slice(ids, &mut bytes).ok()?;
        let (session_id, rest) = bytes[..length].split_first_chunk::<16>()?;
        let (user_id, rest) = rest.split_first_chunk::<16>()?;
        let id_hash: [u8; 16] = rest.try_into().ok()?;
        let (expires, session_expires) = (issued.checked_add(life)?, issued.checked_add(session_life)?);
        id.binds(&id_hash).then(|| Self {
            session_id: Uuid::from_bytes(*session_id),
            user_id: Uuid::from_bytes(*user_id),
            shown: shown.into(),
            session_expires,
            version,
            issued,
            expires,
            id_hash,
        })
    }
}

impl From<Snapshot> for AuthSession {
    fn from(snapshot: Snapshot) -> Self {
        let expires_at = from_unix(snapshot.session_expires);
        snapshot
            .shown
            .session(snapshot.session_id, snapshot.user_id, expires_at)
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
            shown: Shown {
                email: Some(format!("{}@{}.example", "a".repeat(64), "b".repeat(180))),
                email_verified: true,
                name: Some("\u{1f98a}".repeat(40)),
                role: wire::Role::Admin,
                picture: Some(Uuid::from_u128(3)), // wing:pictures
            },
            session_expires: NOW + 1000,
            version: 7,
            issued: NOW,
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
    fn lives_no_longer_than_the_instance_that_opens_it_remembers_marks() {
        let id = IdHash::of(&Id(1));
        let sealed = snapshot(&id).seal(&keys());
        assert!(Snapshot::open(&keys(), &sealed, &id, NOW + 59, 60).is_some());
        assert!(Snapshot::open(&keys(), &sealed, &id, NOW + 60, 60).is_none());
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
