//! The `clients` table: which clients there are, and what each may do. Operators register them at the command line.

use sqlx::FromRow;
use time::OffsetDateTime;
use url::Url;
use uuid::Uuid;
use wire::Scopes;

use crate::{
    db::{Database, Expired, HOLD_SHARED, Tx},
    error::{Error, Result},
    public_url::is_loopback,
    session::IdHash,
};

/// Secrets that were rotated out.
pub(super) const EXPIRED_SECRETS: Expired = Expired {
    table: "client_secrets",
    key: "hash",
    when: "expires_at <= $1",
};

/// How a client gets tokens, by the value of `grant_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// By a code that a browser brings (RFC 6749 §4.1).
    AuthorizationCode,
    /// By a refresh token (RFC 6749 §6).
    RefreshToken,
    /// By a code that the user types into another device (RFC 8628).
    DeviceCode,
    /// By the client's own secret, for itself (RFC 6749 §4.4).
    ClientCredentials,
}

impl Grant {
    /// Every grant.
    pub const ALL: &[Self] = &[
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::DeviceCode,
        Self::ClientCredentials,
    ];

    /// The value of `grant_type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// The grant with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|grant| grant.name() == name)
    }
}

/// A registered client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The public id. No secret.
    pub id: String,
    /// What stale marks name.
    pub(crate) uuid: Uuid,
    /// The name that users see.
    pub name: String,
    /// Whether it has a secret.
    pub confidential: bool,
    /// Whether it belongs to the operator.
    pub first_party: bool,
    /// Whether it may ask about any token.
    pub may_introspect: bool,
    /// How it may get tokens.
    pub grants: Vec<Grant>,
    /// Where the browser may be sent with a code.
    pub redirect_uris: Vec<String>,
    /// What it may ask for.
    pub scopes: Scopes,
    /// The resource servers for which it may get tokens.
    pub resources: Vec<String>,
    /// Rises when its own tokens are voided.
    pub(crate) version: i64,
    /// When it was registered.
    pub created_at: OffsetDateTime,
    /// When it was revoked.
    pub disabled_at: Option<OffsetDateTime>,
}

#[derive(FromRow)]
pub(super) struct Row {
    id: String,
    uuid: Uuid,
    name: String,
    confidential: bool,
    first_party: bool,
    may_introspect: bool,
    grants: String,
    redirect_uris: String,
    scopes: String,
    resources: String,
    version: i64,
    created_at: OffsetDateTime,
    disabled_at: Option<OffsetDateTime>,
}

pub(super) const COLUMNS: &str = "id, uuid, name, confidential, first_party, may_introspect, grants, redirect_uris, \
                                  scopes, resources, version, created_at, disabled_at";

/// A column that holds a list of words.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

impl From<Row> for Registration {
    fn from(row: Row) -> Self {
        Self {
            grants: words(&row.grants).filter_map(Grant::from_name).collect(),
            redirect_uris: words(&row.redirect_uris).map(str::to_owned).collect(),
            scopes: Scopes::known_in(&row.scopes),
            resources: words(&row.resources).map(str::to_owned).collect(),
            id: row.id,
            uuid: row.uuid,
            name: row.name,
            confidential: row.confidential,
            first_party: row.first_party,
            may_introspect: row.may_introspect,
            version: row.version,
            created_at: row.created_at,
            disabled_at: row.disabled_at,
        }
    }
}

impl Registration {
    /// Whether it is registered for this grant.
    pub fn may(&self, grant: Grant) -> bool {
        self.grants.contains(&grant)
    }

    /// Whether the browser may be sent to this address: one of the registered ones, byte for byte. The port of a loopback
    /// address is free (RFC 8252 §7.3).
    pub(super) fn redirects_to(&self, address: &str) -> bool {
        self.redirect_uris.iter().any(|registered| {
            registered == address
                || (is_loopback_redirect(registered)
                    && is_loopback_redirect(address)
                    && without_port(registered) == without_port(address))
        })
    }
}

/// The two hosts at which a native application listens for its answer. `localhost` is not among them: what it stands for is
/// a matter of configuration (RFC 8252 §8.3).
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// A loopback address in parts: the origin without a port, and the rest.
fn loopback_parts(address: &str) -> Option<(&'static str, &str)> {
    LOOPBACK.iter().find_map(|origin| {
        let rest = address.strip_prefix(origin)?;
        let rest = match rest.strip_prefix(':') {
            None => rest,
            Some(rest) => {
                let digits = rest.len() - rest.trim_start_matches(|char: char| char.is_ascii_digit()).len();
                let (port, rest) = rest.split_at(digits);
                // A leading zero is another spelling of the same port, which browsers would change.
                if port.starts_with('0') || port.parse::<u16>().is_err() {
                    return None;
                }
                rest
            }
        };
        (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((*origin, rest))
    })
}

fn is_loopback_redirect(address: &str) -> bool {
    loopback_parts(address).is_some() && is_plain_redirect(address)
}

fn without_port(address: &str) -> Option<(&'static str, &str)> {
    loopback_parts(address)
}

/// Whether an address can be registered as a redirect: https, a loopback address, or a private scheme with a dot.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub(super) fn check_redirect(address: &str) -> std::result::Result<(), &'static str> {
    if !is_plain_redirect(address) {
        return Err(
            "must be an address of plain ASCII, without a user name, a fragment, `;`, `'` or white space",
        );
    }
    let url = Url::parse(address).map_err(|_| "is not an absolute address")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or password");
    }
    if !address.starts_with(url.scheme()) {
        return Err("must have its scheme in lower case");
    }
    if matches!(url.scheme(), "http" | "https") && !is_spelled_as_browsers_do(address, &url) {
        return Err("must name its host as browsers spell it, in lower case and without a default port");
    }
    match url.scheme() {
        "https" if is_localhost(&url) => Err("must name 127.0.0.1 or [::1], not localhost"),
        "https" => Ok(()),
        "http" if loopback_parts(address).is_some() => Ok(()),
        "http" if is_loopback(&url) => Err("must begin with http://127.0.0.1 or http://[::1]"),
        "http" => Err("must be https, except on loopback"),
        // A scheme without a dot could be anyone's (RFC 8252 §7.1).
        scheme if scheme.contains('.') => Ok(()),
        _ => Err("must have the scheme https, or a private scheme with a dot, such as com.example.app"),
    }
}

/// Whether the origin of an address stays the same, byte for byte, when a browser goes there. People see it as it is
/// registered.
fn is_spelled_as_browsers_do(address: &str, url: &Url) -> bool {
    address
        .strip_prefix(&url.origin().ascii_serialization())
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// Whether the host is this machine by name, also with the dot of the root.
fn is_localhost(url: &Url) -> bool {
    let host = url.host_str().unwrap_or("");
    let host = host.strip_suffix('.').unwrap_or(host);
    host == "localhost" || host.ends_with(".localhost")
}

fn is_plain_redirect(address: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"#;'\"<>\\^`{|}".contains(&byte);
    !address.is_empty() && address.len() <= 1024 && address.bytes().all(is_plain) && !has_userinfo(address)
}

/// Whether the authority of an address has a user name. Browsers drop an empty one, so a comparison of bytes would be
/// about another address.
fn has_userinfo(address: &str) -> bool {
    let rest = address.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or("").contains('@')
}

/// The client with this id, revoked or not.
pub(super) async fn find(db: &Database, id: &str) -> Result<Option<Registration>> {
    let row: Option<Row> = sqlx::query_as(&format!("SELECT {COLUMNS} FROM clients WHERE id = $1"))
        .bind(id)
        .fetch_optional(db.read())
        .await?;
    Ok(row.map(Registration::from))
}

/// All clients, the oldest first.
pub(super) async fn all(db: &Database) -> Result<Vec<Registration>> {
    let rows: Vec<Row> = sqlx::query_as(&format!("SELECT {COLUMNS} FROM clients ORDER BY created_at, id"))
        .fetch_all(db.read())
        .await?;
    Ok(rows.into_iter().map(Registration::from).collect())
}

/// The client that a token of its own names by this version, if it may still use it.
pub(super) async fn at_version(db: &Database, uuid: Uuid, version: i64) -> Result<Option<Registration>> {
    let row: Option<Row> = sqlx::query_as(&format!(
        "SELECT {COLUMNS} FROM clients WHERE uuid = $1 AND version = $2 AND disabled_at IS NULL"
    ))
    .bind(uuid)
    .bind(version)
    .fetch_optional(db.read())
    .await?;
    Ok(row.map(Registration::from))
}

#[derive(FromRow)]
struct WithProof {
    #[sqlx(flatten)]
    row: Row,
    proven: bool,
}

/// The client with this id, and whether this is the hash of a secret of its, in one query. `None` if it is unknown or
/// revoked.
pub(super) async fn with_proof(
    db: &Database,
    id: &str,
    secret: Option<IdHash>,
    now: OffsetDateTime,
) -> Result<Option<(Registration, bool)>> {
    let found: Option<WithProof> = sqlx::query_as(&format!(
        "SELECT {COLUMNS}, EXISTS (
             SELECT 1 FROM client_secrets s
             WHERE s.client_id = clients.id AND s.hash = $2 AND (s.expires_at IS NULL OR s.expires_at > $3)
         ) AS proven
         FROM clients WHERE id = $1 AND disabled_at IS NULL"
    ))
    .bind(id)
    .bind(secret.map(|hash| hash.bytes().to_vec()))
    .bind(now)
    .fetch_optional(db.read())
    .await?;
    Ok(found.map(|found| (found.row.into(), found.proven)))
}

/// Keeps a client from being revoked or removed until the transaction ends. Returns whether it is registered.
pub(super) async fn hold(tx: &mut Tx, id: &str) -> Result<bool> {
    let held: Option<String> = sqlx::query_scalar(&format!(
        "SELECT id FROM clients WHERE id = $1 AND disabled_at IS NULL{HOLD_SHARED}"
    ))
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(held.is_some())
}

/// Writes a new client.
///
/// # Errors
/// [`Error::InvalidInput`] if the id is taken.
pub(super) async fn insert(tx: &mut Tx, new: &Registration) -> Result<()> {
    let joined = |list: &[String]| list.join(" ");
    let grants: Vec<String> = new.grants.iter().map(|grant| grant.name().to_owned()).collect();
    let inserted = sqlx::query(&format!(
        "INSERT INTO clients ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL)"
    ))
    .bind(&new.id)
    .bind(new.uuid)
    .bind(&new.name)
    .bind(new.confidential)
    .bind(new.first_party)
    .bind(new.may_introspect)
    .bind(joined(&grants))
    .bind(joined(&new.redirect_uris))
    .bind(new.scopes.to_string())
    .bind(joined(&new.resources))
    .bind(new.version)
    .bind(new.created_at)
    .execute(&mut **tx)
    .await;
    match inserted {
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(cause)) if cause.is_unique_violation() => {
            Err(Error::InvalidInput("a client with this id exists already"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes a secret of a client.
pub(super) async fn add_secret(tx: &mut Tx, id: &str, hash: IdHash, now: OffsetDateTime) -> Result<()> {
    sqlx::query("INSERT INTO client_secrets (hash, client_id, created_at) VALUES ($1, $2, $3)")
        .bind(hash.bytes())
        .bind(id)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered(redirects: &[&str]) -> Registration {
        Registration {
            id: "app".to_owned(),
            uuid: Uuid::nil(),
            name: "App".to_owned(),
            confidential: false,
            first_party: false,
            may_introspect: false,
            grants: Vec::new(),
            redirect_uris: redirects.iter().map(|uri| (*uri).to_owned()).collect(),
            scopes: Scopes::default(),
            resources: Vec::new(),
            version: 1,
            created_at: OffsetDateTime::UNIX_EPOCH,
            disabled_at: None,
        }
    }

    #[test]
    fn a_redirect_is_compared_byte_for_byte_except_for_a_loopback_port() {
        let app = registered(&[
            "https://app.example/cb?a=1",
            "http://127.0.0.1/cb",
            "http://[::1]:8080/cb",
            "com.example.app:/cb",
        ]);
        for good in [
            "https://app.example/cb?a=1",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:1/cb",
            "http://127.0.0.1:65535/cb",
            "http://[::1]/cb",
            "http://[::1]:9/cb",
            "com.example.app:/cb",
        ] {
            assert!(app.redirects_to(good), "{good}");
        }
        for bad in [
            "https://app.example/cb",
            "https://app.example/cb?a=1&b=2",
            "https://app.example:443/cb?a=1",
            "https://APP.example/cb?a=1",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:08/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:1/cb/",
            "http://127.0.0.1:1@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1/cb#x",
            "http://127.0.0.2/cb",
            "http://localhost/cb",
            "https://127.0.0.1/cb",
            "com.example.app:/other",
            "",
        ] {
            assert!(!app.redirects_to(bad), "{bad}");
        }
    }

    #[test]
    fn only_addresses_that_reach_the_client_can_be_registered() {
        for good in [
            "https://app.example/cb",
            "https://app.example",
            "http://127.0.0.1/callback",
            "http://[::1]:7000/callback?x=1",
            "com.example.app:/cb",
        ] {
            assert_eq!(check_redirect(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "/cb",
            "app.example/cb",
            "http://app.example/cb",
            "http://localhost/cb",
            "https://localhost/cb",
            "https://localhost./cb",
            "https://app.localhost/cb",
            "https://APP.example/cb",
            "https://app.example:443/cb",
            "https://127.1/cb",
            "HTTPS://app.example/cb",
            "http://127.0.0.1:80/cb",
            "Com.Example.App:/cb",
            "http://127.0.0.2/cb",
            "https://user@app.example/cb",
            "https://@app.example/cb",
            "https://app.example/cb#fragment",
            "https://app.example/c b",
            "https://app.example/cb;x",
            "https://app.example/'cb",
            "https://app.example/c\u{e9}",
            "myapp:/cb",
            "javascript:alert(1)",
            "data:text/html,x",
        ] {
            assert!(check_redirect(bad).is_err(), "{bad}");
        }
    }
}
