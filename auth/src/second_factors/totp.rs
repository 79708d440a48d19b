//! Codes of an authenticator app (RFC 6238): six digits, SHA-1, a new one every 30 seconds, as every app has them.

use rand::{RngCore, rngs::OsRng};
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use totp_rs::{Builder, Secret, Totp};
use uuid::Uuid;

use crate::{
    db::Tx,
    error::{Error, Result},
    keys::{KeyRing, Place, Purpose},
};

/// The secret that an app shares with this server: 160 bits, as base32.
#[derive(Clone)]
pub(super) struct AppSecret(SecretString);

impl AppSecret {
    pub(super) fn random() -> Self {
        let mut bytes = [0; 20];
        OsRng.fill_bytes(&mut bytes);
        Self(Secret::new_stack(bytes).to_base32().into())
    }

    pub(super) fn from_base32(text: &str) -> Self {
        Self(text.into())
    }

    pub(super) fn base32(&self) -> &str {
        self.0.expose_secret()
    }

    fn totp(&self, issuer: &str, account: &str) -> Result<Totp> {
        let secret =
            Secret::try_from_base32(self.base32()).map_err(|error| Error::internal(format!("{error:?}")))?;
        // A colon parts the two in the address.
        let part = |text: &str| text.replace(':', " ");
        Builder::new()
            .with_secret(secret)
            .with_issuer(Some(part(issuer)))
            .with_account_name(part(account))
            .build()
            .map_err(|error| Error::internal(format!("{error:?}")))
    }

    /// The address that an app reads from a QR code.
    pub(super) fn uri(&self, issuer: &str, account: &str) -> Result<String> {
        self.totp(issuer, account)?
            .to_url()
            .map_err(|error| Error::internal(format!("{error:?}")))
    }

    /// The time step whose code this is: the present one, or one beside it, since clocks differ.
    pub(super) fn step_of(&self, code: &str, now: OffsetDateTime) -> Result<Option<i64>> {
        let Ok(at) = u64::try_from(now.unix_timestamp()) else {
            return Ok(None);
        };
        let step = self.totp("-", "-")?.check(code, at);
        Ok(step.and_then(|step| i64::try_from(step).ok()))
    }
}

/// A secret opens for its user only.
fn place(user_id: Uuid) -> Place {
    Place::new("totp.secret", &[user_id.as_bytes()])
}

/// Seals a secret for its user.
pub(super) fn seal(keys: &KeyRing, user_id: Uuid, secret: &AppSecret) -> String {
    keys.seal_at(Purpose::TotpSecret, &place(user_id), secret.base32())
}

/// Opens a user's secret. `None` if its key is gone.
pub(super) fn open(keys: &KeyRing, user_id: Uuid, sealed: &str) -> Option<AppSecret> {
    let opened = keys.open_at(Purpose::TotpSecret, &place(user_id), sealed)?;
    Some(AppSecret(opened.into()))
}

/// Sets up a user's app in place of the former one. The code of this step has been used.
pub(super) async fn store(
    tx: &mut Tx,
    keys: &KeyRing,
    user_id: Uuid,
    (secret, step): (&AppSecret, i64),
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO totp (user_id, secret, last_step, confirmed_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id) DO UPDATE
         SET secret = excluded.secret, last_step = excluded.last_step, confirmed_at = excluded.confirmed_at",
    )
    .bind(user_id)
    .bind(seal(keys, user_id, secret))
    .bind(step)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Removes a user's app. Returns whether there was one.
pub(super) async fn remove(tx: &mut Tx, user_id: Uuid) -> Result<bool> {
    let removed = sqlx::query("DELETE FROM totp WHERE user_id = $1")
        .bind(user_id)
        .execute(&mut **tx)
        .await?;
    Ok(removed.rows_affected() == 1)
}

/// Whether a user has an app.
pub(super) async fn is_on(tx: &mut Tx, user_id: Uuid) -> Result<bool> {
    Ok(
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM totp WHERE user_id = $1)")
            .bind(user_id)
            .fetch_one(&mut **tx)
            .await?,
    )
}

// wing:mail
/// Whether a user has an app that was set up at this time or later.
pub(super) async fn is_on_since(tx: &mut Tx, user_id: Uuid, since: OffsetDateTime) -> Result<bool> {
    Ok(
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM totp WHERE user_id = $1 AND confirmed_at >= $2)")
            .bind(user_id)
            .bind(since)
            .fetch_one(&mut **tx)
            .await?,
    )
}
// end wing:mail

/// Uses a code, once: neither it nor an earlier one is good again (RFC 6238 §5.2). Returns whether it was good. A secret
/// whose key is gone has no codes; recovery codes still work.
pub(super) async fn use_code(
    tx: &mut Tx,
    keys: &KeyRing,
    user_id: Uuid,
    code: &str,
    now: OffsetDateTime,
) -> Result<bool> {
    let sealed: Option<String> = sqlx::query_scalar("SELECT secret FROM totp WHERE user_id = $1")
        .bind(user_id)
        .fetch_optional(&mut **tx)
        .await?;
    let Some(secret) = sealed.and_then(|sealed| open(keys, user_id, &sealed)) else {
        return Ok(false);
    };
    let Some(step) = secret.step_of(code, now)? else {
        return Ok(false);
    };
    let used = sqlx::query("UPDATE totp SET last_step = $2 WHERE user_id = $1 AND last_step < $2")
        .bind(user_id)
        .bind(step)
        .execute(&mut **tx)
        .await?;
    Ok(used.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the secret "12345678901234567890", SHA-1, of which six digits are shown here.
    const RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn codes_are_those_of_the_standard_in_their_step_and_the_ones_beside_it() {
        let secret = AppSecret::from_base32(RFC);
        let step = |code: &str, at: i64| {
            let at = OffsetDateTime::from_unix_timestamp(at).unwrap();
            secret.step_of(code, at).unwrap()
        };
        for (at, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(step(code, at), Some(at / 30), "{at}");
            assert_eq!(step(code, at + 30), Some(at / 30), "{at}");
            assert_eq!(step(code, at - 30), Some(at / 30), "{at}");
            assert_eq!(step(code, at + 90), None, "{at}");
        }
        for bad in ["", "28708", "2870820", "28708a", "-87082"] {
            assert_eq!(step(bad, 59), None, "{bad}");
        }
    }

    #[test]
    fn an_app_reads_the_address_and_no_name_can_change_its_parts() {
        let secret = AppSecret::from_base32(RFC);
        let uri = secret
            .uri("app.example:8443", "a:b&secret=x@example.com")
            .unwrap();
        let url = url::Url::parse(&uri).unwrap();
        assert_eq!((url.scheme(), url.host_str()), ("otpauth", Some("totp")));
        assert_eq!(url.path().matches(':').count(), 1);
        let of = |name: &str| {
            let found: Vec<_> = url.query_pairs().filter(|(known, _)| known == name).collect();
            assert_eq!(found.len(), 1, "{uri}");
            found[0].1.to_string()
        };
        assert_eq!(
            (of("secret").as_str(), of("issuer").as_str()),
            (RFC, "app.example 8443")
        );
        let random = AppSecret::random();
        assert_eq!(random.base32().len(), 32);
        assert_ne!(random.base32(), AppSecret::random().base32());
    }
}
