//! Sending what is in the outbox, in the background of every instance.

use std::{pin::pin, time::Duration};

use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Mail, Way,
    memory::Delivered,
    outbox::{CLAIM, Claimed, Fate},
    smtp::Failure,
};
use crate::error::{Result, chain};

/// The number of mails that an instance sends at once.
const AT_ONCE: usize = 4;
/// How often an instance looks for mails of others that were left behind, and for those to be tried again.
const PERIOD: Duration = Duration::from_secs(5);
/// The wait after the database could not be asked. It doubles each time, up to a minute.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(60);
/// The time that mails under way have to finish when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

impl Mail {
    /// Sends mails until told to stop. No failure ends it: what could not be done is tried again.
    pub async fn run(&self, stop: CancellationToken) {
        if !self.is_on() {
            return;
        }
        let mut tries = JoinSet::new();
        let mut retry = FIRST_RETRY;
        loop {
            let wait = match self.begin_tries(&mut tries).await {
                Ok(()) => {
                    retry = FIRST_RETRY;
                    PERIOD
                }
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "the outbox could not be read");
                    let wait = retry;
                    retry = (retry * 2).min(LAST_RETRY);
                    wait
                }
            };
            if tries.is_empty()
                && let Some((_, Way::Smtp(smtp))) = &self.0.way
            {
                smtp.hang_up().await;
            }
            let end = self.0.clock.after(wait);
            let mut period = pin!(end.reached());
            tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = tries.join_next(), if !tries.is_empty() => {}
                () = self.0.wake.notified() => {}
                () = &mut period => {}
            }
        }
        // What does not finish belongs to this instance for less than a minute, and then to any.
        drop(timeout(DRAIN, async { while tries.join_next().await.is_some() {} }).await);
    }

    /// Sends all mails that are due, and returns when each has been tried once. For tests, whose clock stands still.
    ///
    /// # Errors
    /// Of the database.
    pub async fn send_due(&self) -> Result<()> {
        let mut tries = JoinSet::new();
        loop {
            self.begin_tries(&mut tries).await?;
            if tries.join_next().await.is_none() {
                return Ok(());
            }
        }
    }

    /// Begins to send as many of the mails that are due as may be under way.
    async fn begin_tries(&self, tries: &mut JoinSet<()>) -> Result<()> {
        let free = AT_ONCE.saturating_sub(tries.len());
        if free == 0 || !self.is_on() {
            return Ok(());
        }
        for row in self.claim(free).await? {
            let mail = self.clone();
            tries.spawn(async move { mail.try_once(row).await });
        }
        Ok(())
    }

    async fn try_once(&self, row: Claimed) {
        let (fate, failure) = match self.deliver(&row).await {
            Ok(()) => (Fate::Sent, None),
            Err(failure @ Failure::Refused(_)) => (Fate::GivenUp, Some(failure)),
            Err(failure @ Failure::Later(_)) => (Fate::Later, Some(failure)),
        };
        let Some(fate) = self.settle_patiently(&row, fate).await else {
            return;
        };
        // wing:data-rights
        if row.is_last()
            && fate != Fate::Later
            && let Err(error) = self.0.db.settle().await
        {
            tracing::warn!(error = %chain(&error), "an address that was deleted is not overwritten yet");
        }
        // end wing:data-rights
        let (id, kind, tries) = (row.id, row.kind.as_str(), row.tries);
        let error = failure.as_ref().map(|failure| failure.to_string());
        match fate {
            Fate::Sent if row.is_none() => {}
            Fate::Sent => tracing::info!(mail = %id, kind, tries, "a mail was sent"),
            Fate::Later => tracing::warn!(mail = %id, kind, tries, error, "a mail could not be sent yet"),
            Fate::GivenUp => {
                self.count_failed(1);
                tracing::error!(mail = %id, kind, tries, error, "a mail was given up");
            }
        }
    }

    async fn deliver(&self, row: &Claimed) -> std::result::Result<(), Failure> {
        let Some(recipient) = row.recipient.as_deref().filter(|_| !row.is_none()) else {
            return Ok(());
        };
        let Some(letter) = row.open(self) else {
            // With the key it can be sent after all.
            return Err(Failure::Later(
                "the mail cannot be opened: its key is not in SESSION_SECRET".to_owned(),
            ));
        };
        match &self.0.way {
            Some((from, Way::Smtp(smtp))) => smtp.send(from, recipient, &letter).await,
            Some((_, Way::Memory(mailbox))) => {
                mailbox.put(Delivered {
                    id: row.id,
                    at: self.0.clock.now().into(),
                    to: recipient.to_owned(),
                    subject: letter.subject,
                    text: letter.text,
                    html: letter.html,
                });
                let url = self.0.public_url.join(mailbox.shown_at());
                tracing::info!(url, "there is a new mail");
                Ok(())
            }
            None => Err(Failure::Later("mail is off".to_owned())),
        }
    }

    /// Records what became of a row. If the database does not take it (it is down, or its disk is full), this is tried
    /// again for as long as the row belongs to this instance: a mail that was sent would be sent again otherwise.
    async fn settle_patiently(&self, row: &Claimed, fate: Fate) -> Option<Fate> {
        let patience = CLAIM.unsigned_abs();
        let settling = async {
            loop {
                match self.settle(row, fate).await {
                    Ok(fate) => return fate,
                    Err(error) => {
                        tracing::warn!(mail = %row.id, error = %chain(&error), "what became of a mail was not recorded");
                        sleep(FIRST_RETRY).await;
                    }
                }
            }
        };
        timeout(patience, settling).await.ok()
    }
}
