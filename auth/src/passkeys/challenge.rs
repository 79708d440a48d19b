//! Challenges: what begins with one, and what its answer takes.

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;
use wire::PasskeyOptions;

use crate::{
    auth::Auth,
    browser::hash,
    ceremonies::{self, Kind, Owner},
    error::{Error, Result},
    limits::{Action, Subject},
    session::{LiveSession, RequestAuth},
};

impl Auth {
    /// Counts a challenge that is asked for.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`]
    pub(super) fn count_challenge(&self, request: &RequestAuth) -> Result<()> {
        let address = Subject::address(request.client().limited_address());
        self.limits.take(Action::PasskeyAddress, address)
    }

    /// Keeps a challenge and the state that its answer needs. Returns what the browser needs.
    pub(super) async fn keep_challenge(
        &self,
        kind: (Kind, Owner<'_>),
        user_id: Option<Uuid>,
        (challenge, state): (&[u8], &impl Serialize),
        options: &impl Serialize,
    ) -> Result<PasskeyOptions> {
        let mut tx = self.db.begin().await?;
        let of = (&hash(challenge)[..], user_id);
        ceremonies::begin_with_challenge(&mut tx, &self.keys, kind, of, state, self.clock.now()).await?;
        tx.commit().await?;
        PasskeyOptions::of(options).map_err(Error::internal)
    }

    /// Takes the state of a challenge that was given to this session, by its hash.
    pub(super) async fn take_challenge<T: DeserializeOwned>(
        &self,
        kind: Kind,
        live: &LiveSession,
        challenge: &[u8],
    ) -> Result<Option<T>> {
        let session_id = live.session_id();
        let kind = (kind, Owner(session_id.as_bytes()));
        let taken = ceremonies::take(&self.db, &self.keys, kind, challenge, self.clock.now()).await?;
        Ok(taken
            .filter(|(of, _)| *of == Some(live.user_id()))
            .map(|(_, state)| state))
    }
}
