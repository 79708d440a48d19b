//! A session id, or another secret, as it is stored.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tower_sessions::session::Id;

/// The SHA-256 of a session id or another secret, stored instead of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdHash([u8; 32]);

impl std::fmt::Debug for IdHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdHash(..)")
    }
}

impl IdHash {
    /// Hashes an id.
    pub fn of(id: &Id) -> Self {
        Self(Sha256::digest(id.0.to_le_bytes()).into())
    }

    // wing:clients
    /// Hashes another secret: a text such as a personal key.
    pub(crate) fn of_text(secret: &str) -> Self {
        Self::of_secret(secret.as_bytes())
    }
    // end wing:clients

    // wing:clients,mail
    /// Hashes the bytes of another secret.
    pub(crate) fn of_secret(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }
    // end wing:clients,mail

    /// The whole hash: `sessions.key_hash`.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The first 16 bytes, which bind a snapshot to its id.
    pub(super) fn short(&self) -> [u8; 16] {
        let mut short = [0; 16];
        short.copy_from_slice(&self.0[..16]);
        short
    }

    /// Whether a snapshot with this short hash was created for this id.
    pub(super) fn binds(&self, short: &[u8; 16]) -> bool {
        self.short().ct_eq(short).into()
    }
}
