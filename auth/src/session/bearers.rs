//! What sessions offer to requests that are recognised by something else than cookies.

use uuid::Uuid;
use wire::AuthSession;

use super::{
    Sessions,
    confirmations::Confirmations,
    cookies::Planned,
    proof::{Bearer, Proof},
    request::{Presented, RequestAuth, Sender},
};
use crate::client::Client;

impl Sessions {
    /// Whether it is certain that no stale mark is missing.
    pub(crate) fn feed_is_current(&self) -> bool {
        self.0.feed.is_current()
    }

    /// The longest life of what is sealed to be used without a query, in seconds; 0 before the database was asked.
    pub(crate) fn longest_token(&self) -> i64 {
        self.0.lifetimes.snapshot.min(self.0.marks.longest_life())
    }

    /// The request of a user, whose session was proven by a token or a key. Its cookies do not count.
    pub(crate) fn request_by_bearer(
        &self,
        client: Client,
        bearer: Bearer,
        session: AuthSession,
    ) -> RequestAuth {
        self.0.confirmations.note(session.session_id, bearer.generation);
        self.request_without_cookies(client, Presented::Live(Proof::Bearer(bearer), session))
    }

    /// A request of nobody, whose cookies do not count.
    pub(crate) fn anonymous_request(&self, client: Client) -> RequestAuth {
        self.request_without_cookies(client, Presented::Nothing)
    }

    fn request_without_cookies(&self, client: Client, presented: Presented) -> RequestAuth {
        let sender = Sender {
            client,
            flow_cookie: None,
            device_cookie: None, // wing:second-factors
        };
        RequestAuth::new(self.clone(), sender, presented, Planned::default())
    }

    /// Stops the stale feed, as if its connection hung.
    #[cfg(test)]
    pub(crate) fn hang_feed(&self) {
        self.0.feed.hang();
    }

    /// The uses of refresh tokens.
    pub(crate) fn confirmations(&self) -> &Confirmations {
        &self.0.confirmations
    }
}

impl super::Marks {
    /// Voids what names `id` below a version, in the caller's transaction, and everywhere once it is committed.
    pub(crate) async fn void(&self, tx: &mut crate::db::Tx, id: Uuid, min_version: i64) -> crate::Result<()> {
        let mark = super::stale::Mark {
            session_id: id,
            min_version,
        };
        self.write(tx, &[mark]).await
    }
}
