//! Taking over from a provider what it says of a user.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::Tx,
    error::Result,
    oauth::{OAuth, account::table::Identity},
    session::{RequestAuth, Shown},
    users::Occasion,
};

impl OAuth {
    /// Gives a user the name and the picture of a provider's account, as far as the occasion allows. Snapshots that show
    /// another name are void then.
    pub(super) async fn take_over(
        &self,
        tx: &mut Tx,
        request: &RequestAuth,
        (occasion, user_id): (fn(Uuid) -> Occasion, Uuid),
        identity: &Identity,
        now: OffsetDateTime,
    ) -> Result<()> {
        let before = Shown::before(tx, user_id).await?;
        self.0
            .users
            .upsert(tx, occasion(user_id), identity.user(), now)
            .await?;
        request
            .sessions()
            .marks()
            .refresh_unless(tx, user_id, &before)
            .await
    }
}
