//! Every check of a password goes through here: limits, the check itself, the history.

use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use super::hash::{Attempts, Checked, PasswordHash};
use crate::{
    audit::{Deed, NewEvent},
    auth::Auth,
    client::Client,
    db::Database,
    email::{self, Email},
    error::{Error, Result, chain},
    limits::{Action, Attempt, Refused, Subject},
    networks::{KNOWN_FOR, Network},
    session::LiveSession,
};

/// The longest text that is counted like an address, in characters.
const MAX_KEY: usize = 254;

/// Whose password is checked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose<'a> {
    /// The user with this address, if there is one.
    Address(&'a str),
    /// The signed-in user.
    Session(&'a LiveSession),
}

/// The purpose of a check, as the history shows it if the password is wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    SignIn,
    Confirm,
    ChangePassword,
}

impl Purpose {
    const fn failed(self) -> Deed {
        match self {
            Self::SignIn => Deed::SignInFailed,
            Self::Confirm => Deed::ConfirmFailed,
            Self::ChangePassword => Deed::ChangePasswordFailed,
        }
    }

    const fn log_line(self) -> &'static str {
        match self {
            Self::SignIn => "a sign-in with a password failed",
            Self::Confirm => "a confirmation with a password failed",
            Self::ChangePassword => "a change of a password failed",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Confirm => "confirm",
            Self::ChangePassword => "change_password",
        }
    }
}

/// A password that was right.
#[derive(Debug)]
pub(crate) struct Right {
    pub(crate) user_id: Uuid,
    pub(crate) stored: PasswordHash,
    /// Whether the hash should be replaced by a new one.
    pub(crate) is_outdated: bool,
}

/// What must be known before a password is checked.
#[derive(Default, sqlx::FromRow)]
struct Known {
    user_id: Option<Uuid>,
    password_hash: Option<String>,
    from_known_network: bool,
}

/// One row in any case, for the same work. The time taken must not show whether there is such a user, even if the
/// limit then refuses the attempt.
const BY_EMAIL: &str = "SELECT u.id AS user_id, CASE WHEN u.disabled_at IS NULL THEN u.password_hash END AS password_hash,
            EXISTS (SELECT 1 FROM sign_in_networks n
                    WHERE n.user_id = coalesce(u.id, $2) AND n.network = $3 AND n.last_at > $4) AS from_known_network
     FROM (SELECT CAST($1 AS TEXT) AS email) asked LEFT JOIN users u ON u.email = asked.email";

const BY_ID: &str = "SELECT u.id AS user_id, u.password_hash,
            EXISTS (SELECT 1 FROM sign_in_networks n
                    WHERE n.user_id = u.id AND n.network = $2 AND n.last_at > $3) AS from_known_network
     FROM users u WHERE u.id = $1 AND u.disabled_at IS NULL";

impl Whose<'_> {
    /// The subject of the account's window. A text that is not an address is counted as it is: it must look like
    /// any unknown account.
    fn key(&self, email: Option<&Email>) -> Subject {
        match (self, email) {
            (_, Some(email)) => Subject::Email(email.as_str().to_owned()),
            (Self::Address(text), None) => Subject::Email(email::trim(text).chars().take(MAX_KEY).collect()),
            (Self::Session(live), None) => Subject::User(live.user_id()),
        }
    }

    fn email(&self) -> Option<Email> {
        match self {
            Self::Address(text) => text.parse().ok(),
            Self::Session(live) => live.email()?.parse().ok(),
        }
    }

    async fn known(
        &self,
        db: &Database,
        email: Option<&Email>,
        network: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Known> {
        let query = match self {
            Self::Address(_) => sqlx::query_as(BY_EMAIL)
                .bind(email.map(Email::as_str))
                .bind(Uuid::nil()),
            Self::Session(live) => sqlx::query_as(BY_ID).bind(live.user_id()),
        };
        let known = query
            .bind(network)
            .bind(now - KNOWN_FOR)
            .fetch_optional(db.read())
            .await?;
        Ok(known.unwrap_or_default())
    }
}

impl Auth {
    /// Checks a password: counts the attempt against the client's address and against the account, compares, and
    /// records failures in the history. `visit` is an attempt that counts in addition, whether the password is
    /// right or wrong. `None` if it is wrong, after the same work for every reason.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`], [`Error::Busy`], [`Error::Unavailable`]
    pub(crate) async fn check_password(
        &self,
        purpose: Purpose,
        whose: Whose<'_>,
        client: &Client,
        typed: &SecretString,
        visit: Attempt,
    ) -> Result<Option<Right>> {
        let address = client.limited_address();
        let by_address = self
            .limits
            .attempt(Action::SignInFailedAddress, &Subject::address(address))?;
        let email = whose.email();
        let network = client.ip.map(Network::of);
        let shown = network.as_ref().map(Network::to_string);
        let known = whose
            .known(&self.db, email.as_ref(), shown.as_deref(), self.clock.now())
            .await?;
        // wing:mail
        let is_locked = match (purpose, &email) {
            (Purpose::SignIn, Some(email)) => self.mail.is_locked(self.db.read(), email).await?,
            _ => false,
        };
        // end wing:mail
        let (action, subject) = match (whose.key(email.as_ref()), network) {
            (Subject::Email(email), Some(network)) if known.from_known_network => {
                (Action::SignInKnownNetwork, Subject::EmailFrom(email, network))
            }
            (key, _) => (Action::SignInAccount, key),
        };
        let by_account = match self.limits.attempt(action, &subject) {
            Ok(attempt) => attempt,
            Err(refused) => {
                // It has already cost a query.
                visit.counts();
                return Err(self.refused(refused, action, purpose, known.user_id, client));
            }
        };
        let attempts = Attempts {
            checks: vec![visit],
            failures: vec![by_address, by_account],
        };
        let stored = known.password_hash.map(PasswordHash::stored);
        // wing:mail
        // Without the hash, the right password is a wrong one, after the same work.
        let stored = stored.filter(|_| !is_locked);
        // end wing:mail
        let checked = self
            .passwords
            .verify(typed, stored.clone(), address, attempts)
            .await?;
        match (known.user_id, stored, checked) {
            (Some(user_id), Some(stored), Checked::Right | Checked::RightAsTyped) => Ok(Some(Right {
                user_id,
                is_outdated: checked == Checked::RightAsTyped || stored.is_outdated(),
                stored,
            })),
            (user_id, ..) => {
                let user = user_id.map(tracing::field::display);
                let ip = client.ip.map(tracing::field::display);
                tracing::info!(user, ip, "{}", purpose.log_line());
                self.note(user_id, purpose.failed(), "", client);
                // wing:mail
                if let (Purpose::SignIn, Some(email)) = (purpose, email) {
                    self.count_failure(email, client);
                }
                // end wing:mail
                Ok(None)
            }
        }
    }

    /// Counts what a signed-in user does with their password, whether it is right or wrong.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`]
    pub(crate) fn visit(
        &self,
        action: Action,
        purpose: Purpose,
        live: &LiveSession,
        client: &Client,
    ) -> Result<Attempt> {
        let user_id = live.user_id();
        self.limits
            .attempt(action, &Subject::User(user_id))
            .map_err(|refused| self.refused(refused, action, purpose, Some(user_id), client))
    }

    /// Logs a refusal and records it in the history: once per window, however many there are.
    fn refused(
        &self,
        refused: Refused,
        action: Action,
        purpose: Purpose,
        user_id: Option<Uuid>,
        client: &Client,
    ) -> Error {
        if refused.is_first {
            let user = user_id.map(tracing::field::display);
            let (ip, purpose) = (client.ip.map(tracing::field::display), purpose.name());
            tracing::info!(user, ip, purpose, ?action, "too many attempts at an account");
            self.note(user_id, Deed::TooManyAttempts, purpose, client);
        }
        refused.into()
    }

    // wing:mail
    /// Counts a failure to sign in with an address, without waiting for it: the response must not show whether there was
    /// more to do, for the one that locks the address.
    fn count_failure(&self, email: Email, client: &Client) {
        let (auth, client) = (self.clone(), client.clone());
        self.detached.spawn(async move {
            let counted: Result<()> = async {
                let mut tx = auth.db.begin().await?;
                auth.mail.count_failure(&mut tx, &email, &client).await?;
                Ok(tx.commit().await?)
            }
            .await;
            if let Err(error) = counted {
                tracing::warn!(error = %chain(&error), "a failure to sign in was not counted");
            }
        });
    }
    // end wing:mail

    /// Records an event in the history of a user, if there is one, without waiting for it: the response must not
    /// take longer for an account that exists. The limits bound how often this can happen.
    fn note(&self, user_id: Option<Uuid>, deed: Deed, note: &'static str, client: &Client) {
        let Some(user_id) = user_id else { return };
        let (auth, client) = (self.clone(), client.clone());
        self.detached.spawn(async move {
            let written: Result<()> = async {
                let mut tx = auth.db.begin().await?;
                NewEvent::of(user_id, deed)
                    .note(note)
                    .from(&client)
                    .record(&mut tx, &auth.history)
                    .await?;
                Ok(tx.commit().await?)
            }
            .await;
            if let Err(error) = written {
                tracing::warn!(error = %chain(&error), ?deed, %user_id, "an event was not written to the history");
            }
        });
    }
}
