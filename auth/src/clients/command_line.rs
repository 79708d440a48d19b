//! Registering clients, from the command line. Running servers use the same database, so every change is in force at once.

use secrecy::SecretString;
use time::Duration;
use url::Url;
use uuid::Uuid;
use wire::{Scope, Scopes};

use super::{
    DEV_APP,
    formats::Kind,
    registry::{self, Grant, Registration, check_redirect},
};
use crate::{
    audit::{Deed, History, NewEvent},
    clock::Clock,
    db::{Database, Tx},
    error::{Error, Result},
    session::{
        Ending, Lifetimes, Marks,
        table::{self, Uncollected},
    },
    users,
};

/// How long a secret is good after a newer one was made.
const OLD_SECRETS: Duration = Duration::hours(24);
/// The number of users whose sessions end in one transaction. Running servers can write between two of them.
const BATCH: i64 = 100;
/// The longest id, in bytes.
const MAX_ID: usize = 64;

/// The client to register.
#[derive(Clone, Debug, Default)]
pub struct NewClient {
    /// The name that users see.
    pub name: String,
    /// The public id; made up if absent.
    pub id: Option<String>,
    /// Whether it gets a secret.
    pub confidential: bool,
    /// Whether it belongs to the operator.
    pub first_party: bool,
    /// Whether it may ask about any token.
    pub may_introspect: bool,
    /// How it may get tokens; by a code if empty.
    pub grants: Vec<Grant>,
    /// Where the browser may be sent with a code.
    pub redirect_uris: Vec<String>,
    /// What it may ask for; the profile if empty.
    pub scopes: Vec<Scope>,
    /// The resource servers for which it may get tokens.
    pub resources: Vec<String>,
}

/// What a client needs to know of its registration.
#[derive(Debug)]
pub struct Added {
    /// The public id.
    pub client_id: String,
    /// The secret of a confidential client. It is known only now.
    pub client_secret: Option<SecretString>,
}

/// Whether a text can be the id of a client.
pub(super) fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Whether an address can name a resource server (RFC 8707 §2).
fn check_resource(address: &str) -> std::result::Result<(), &'static str> {
    let is_plain = address.len() <= 1024 && address.bytes().all(|byte| byte.is_ascii_graphic());
    match Url::parse(address) {
        Ok(url) if is_plain && url.fragment().is_none() => Ok(()),
        _ => Err("must be an absolute address of plain ASCII, without a fragment"),
    }
}

impl NewClient {
    /// The registration, with its defaults.
    ///
    /// # Errors
    /// Why these parts do not go together.
    fn registration(self, clock: &Clock) -> std::result::Result<Registration, String> {
        let name = users::clean_name(&self.name).ok_or("the name is empty or cannot be shown")?;
        if self.name.trim().chars().count() > users::MAX_NAME {
            return Err(format!(
                "the name must have at most {} characters",
                users::MAX_NAME
            ));
        }
        let id = self.id.unwrap_or_else(|| Uuid::new_v4().simple().to_string());
        if !is_id(&id) {
            return Err(format!(
                "the id must be 1 to {MAX_ID} letters, digits, `.`, `_` or `-`"
            ));
        }
        let mut grants = if self.grants.is_empty() {
            vec![Grant::AuthorizationCode]
        } else {
            self.grants
        };
        let has = |grants: &[Grant], grant| grants.contains(&grant);
        if has(&grants, Grant::AuthorizationCode) || has(&grants, Grant::DeviceCode) {
            grants.push(Grant::RefreshToken);
        } else if has(&grants, Grant::RefreshToken) {
            return Err(
                "the grant refresh_token comes with authorization_code or the device grant".to_owned(),
            );
        }
        grants.sort_by_key(|grant| *grant as u8);
        grants.dedup();
        if !self.confidential {
            if has(&grants, Grant::ClientCredentials) {
                return Err("the grant client_credentials needs --confidential".to_owned());
            }
            if self.may_introspect {
                return Err("--introspect needs --confidential".to_owned());
            }
        }
        if has(&grants, Grant::AuthorizationCode) && self.redirect_uris.is_empty() {
            return Err("the grant authorization_code needs --redirect".to_owned());
        }
        for redirect in &self.redirect_uris {
            check_redirect(redirect).map_err(|wrong| format!("the redirect {redirect:?} {wrong}"))?;
        }
        for resource in &self.resources {
            check_resource(resource).map_err(|wrong| format!("the resource {resource:?} {wrong}"))?;
        }
        let scopes: Scopes = if self.scopes.is_empty() {
            Scope::Profile.into()
        } else {
            self.scopes.into_iter().collect()
        };
        if scopes.names(Scope::App) && !self.first_party {
            return Err("the scope app needs --first-party".to_owned());
        }
        Ok(Registration {
            id,
            uuid: Uuid::new_v4(),
            name,
            confidential: self.confidential,
            first_party: self.first_party,
            may_introspect: self.may_introspect,
            grants,
            redirect_uris: self.redirect_uris,
            scopes,
            resources: self.resources,
            version: 1,
            created_at: clock.now(),
            disabled_at: None,
        })
    }

    /// The client for development: public, with every scope, by code and for devices.
    fn dev_app() -> Self {
        Self {
            name: "Development client".to_owned(),
            id: Some(DEV_APP.to_owned()),
            first_party: true,
            grants: vec![Grant::AuthorizationCode, Grant::DeviceCode],
            redirect_uris: vec![
                "http://127.0.0.1/callback".to_owned(),
                "http://[::1]/callback".to_owned(),
            ],
            scopes: Scope::ALL.to_vec(),
            ..Self::default()
        }
    }
}

/// Why a client was not registered or changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// What the operator asked for cannot be: why.
    #[error("{0}")]
    Refused(String),
    /// Of the database.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<sqlx::Error> for RegistryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Other(error.into())
    }
}

/// The registered clients, for operators.
#[derive(Clone, Debug)]
pub struct ClientRegistry {
    db: Database,
    clock: Clock,
    history: History,
    marks: Marks,
}

type Changed<T> = std::result::Result<T, RegistryError>;

impl ClientRegistry {
    /// The registry over a migrated database. `lifetimes` are those of the running servers, which decide how long an ended
    /// session must be remembered as ended.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub async fn at_command_line(db: Database, clock: Clock, lifetimes: Lifetimes) -> Result<Self> {
        db.agree_on_time(&clock).await?;
        let marks = Marks::new(clock.clone(), lifetimes.snapshot);
        // Its users are told nothing: what it does only takes access away.
        let history = History::new(clock.clone());
        Ok(Self {
            db,
            clock,
            history,
            marks,
        })
    }

    /// Registers a client.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub async fn add(&self, new: NewClient) -> Changed<Added> {
        if new.id.as_deref() == Some(DEV_APP) {
            return Err(RegistryError::Refused(format!("the id {DEV_APP} is taken")));
        }
        let registration = new.registration(&self.clock).map_err(RegistryError::Refused)?;
        let mut tx = self.db.begin().await?;
        match registry::insert(&mut tx, &registration).await {
            Err(Error::InvalidInput(why)) => return Err(RegistryError::Refused(why.to_owned())),
            other => other?,
        }
        let client_secret = if registration.confidential {
            Some(self.another_secret(&mut tx, &registration.id).await?)
        } else {
            None
        };
        tx.commit().await?;
        Ok(Added {
            client_id: registration.id,
            client_secret,
        })
    }

    /// All clients, the oldest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub async fn list(&self) -> Result<Vec<Registration>> {
        registry::all(&self.db).await
    }

    /// Gives a client another secret. Its older ones are good for another day, or with `now` not any more.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub async fn rotate(&self, id: &str, now: bool) -> Changed<Added> {
        let registration = self.find(id).await?;
        if registration.disabled_at.is_some() {
            return Err(RegistryError::Refused(format!("{id} has been revoked")));
        }
        if !registration.confidential {
            return Err(RegistryError::Refused(format!(
                "{id} is a public client, which has no secret"
            )));
        }
        let mut tx = self.db.begin().await?;
        let end = self.clock.now() + if now { Duration::ZERO } else { OLD_SECRETS };
        sqlx::query(
            "UPDATE client_secrets SET expires_at = $2 WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)",
        )
        .bind(id)
        .bind(end)
        .execute(&mut *tx)
        .await?;
        if now {
            self.void_own_tokens(&mut tx, &registration).await?;
        }
        let secret = self.another_secret(&mut tx, id).await?;
        tx.commit().await?;
        Ok(Added {
            client_id: registration.id,
            client_secret: Some(secret),
        })
    }

    /// Revokes a client: it gets nothing any more, and its sessions end everywhere. Returns their number.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub async fn revoke(&self, id: &str) -> Changed<usize> {
        let registration = self.find(id).await?;
        let mut tx = self.db.begin().await?;
        sqlx::query("UPDATE clients SET disabled_at = coalesce(disabled_at, $2) WHERE id = $1")
            .bind(id)
            .bind(self.clock.now())
            .execute(&mut *tx)
            .await?;
        self.void_own_tokens(&mut tx, &registration).await?;
        table::take_back_grants(&mut tx, &Uncollected::Client(id)).await?;
        tx.commit().await?;
        // From here on it begins no session, since it is read again in the transaction that would.
        self.end_sessions(&registration).await
    }

    /// Revokes a client, and deletes it with all data that it keeps of users: another client of the same id must not read
    /// it. Returns the number of its sessions.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub async fn remove(&self, id: &str) -> Changed<usize> {
        let ended = self.revoke(id).await?;
        let mut tx = self.db.begin().await?;
        // The client first: a request that writes its data holds it.
        for statement in [
            "DELETE FROM clients WHERE id = $1",
            "DELETE FROM user_data WHERE client_id = $1 AND client_id <> ''",
        ] {
            sqlx::query(statement).bind(id).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(ended)
    }

    async fn find(&self, id: &str) -> Changed<Registration> {
        registry::find(&self.db, id)
            .await?
            .ok_or_else(|| RegistryError::Refused(format!("there is no client {id}")))
    }

    async fn another_secret(&self, tx: &mut Tx, id: &str) -> Result<SecretString> {
        let (secret, hash) = Kind::Secret.mint();
        registry::add_secret(tx, id, hash, self.clock.now()).await?;
        Ok(secret)
    }

    /// Voids the tokens with which a client acts for itself.
    async fn void_own_tokens(&self, tx: &mut Tx, registration: &Registration) -> Result<()> {
        let version: i64 =
            sqlx::query_scalar("UPDATE clients SET version = version + 1 WHERE id = $1 RETURNING version")
                .bind(&registration.id)
                .fetch_one(&mut **tx)
                .await?;
        self.marks.void(tx, registration.uuid, version).await
    }

    async fn end_sessions(&self, registration: &Registration) -> Changed<usize> {
        let (mut all, mut after) = (0, Uuid::nil());
        loop {
            // In the order of ids, so that two concurrent runs lock the same users in the same order.
            let batch: Vec<Uuid> = sqlx::query_scalar(
                "SELECT DISTINCT user_id FROM sessions WHERE client_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3",
            )
            .bind(&registration.id)
            .bind(after)
            .bind(BATCH)
            .fetch_all(self.db.read())
            .await?;
            let Some(last) = batch.last() else {
                return Ok(all);
            };
            after = *last;
            let which = batch.iter().map(|user_id| Ending::OfClient {
                user_id: *user_id,
                client_id: registration.id.clone(),
            });
            let mut tx = self.db.begin().await?;
            let event = NewEvent::system_event(Deed::ClientRevoked).note(&registration.name);
            all += self
                .marks
                .end_noted(&mut tx, which.collect(), event, &self.history)
                .await?;
            tx.commit().await?;
        }
    }
}

/// Makes sure that [`DEV_APP`] is registered as this program knows it.
pub(super) async fn ensure_dev_app(db: &Database, clock: &Clock) -> Result<()> {
    if registry::find(db, DEV_APP).await?.is_some() {
        return Ok(());
    }
    let registration = NewClient::dev_app()
        .registration(clock)
        .map_err(Error::internal)?;
    let mut tx = db.begin().await?;
    match registry::insert(&mut tx, &registration).await {
        Ok(()) => Ok(tx.commit().await?),
        // Another server has just done it.
        Err(Error::InvalidInput(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    fn registered(new: NewClient) -> std::result::Result<Registration, String> {
        new.registration(&Clock::manual(OffsetDateTime::UNIX_EPOCH))
    }

    fn web() -> NewClient {
        NewClient {
            name: "Web".to_owned(),
            redirect_uris: vec!["https://web.example/cb".to_owned()],
            ..NewClient::default()
        }
    }

    #[test]
    fn a_client_is_registered_for_little_unless_more_is_asked_for() {
        let web = registered(web()).unwrap();
        assert_eq!(web.grants, [Grant::AuthorizationCode, Grant::RefreshToken]);
        assert_eq!(web.scopes, Scope::Profile.into());
        assert!(is_id(&web.id) && !web.confidential && !web.first_party && !web.may_introspect);
        let dev = registered(NewClient::dev_app()).unwrap();
        assert_eq!(
            dev.grants,
            [Grant::AuthorizationCode, Grant::RefreshToken, Grant::DeviceCode]
        );
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let wrong = [
            NewClient {
                name: " ".to_owned(),
                ..web()
            },
            NewClient {
                id: Some("a b".to_owned()),
                ..web()
            },
            NewClient {
                id: Some(String::new()),
                ..web()
            },
            NewClient {
                id: Some("a".repeat(65)),
                ..web()
            },
            NewClient {
                redirect_uris: Vec::new(),
                ..web()
            },
            NewClient {
                redirect_uris: vec!["http://web.example/cb".to_owned()],
                ..web()
            },
            NewClient {
                grants: vec![Grant::ClientCredentials],
                ..web()
            },
            NewClient {
                grants: vec![Grant::RefreshToken],
                ..web()
            },
            NewClient {
                may_introspect: true,
                ..web()
            },
            NewClient {
                scopes: vec![Scope::App],
                ..web()
            },
            NewClient {
                resources: vec!["/api".to_owned()],
                ..web()
            },
            NewClient {
                resources: vec!["https://api.example/#x".to_owned()],
                ..web()
            },
        ];
        for new in wrong {
            let shown = format!("{new:?}");
            assert!(registered(new).is_err(), "{shown}");
        }
    }
}
