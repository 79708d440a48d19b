//! Recovery codes: ten of them, each good for one sign-in without the authenticator app.

use rand::{RngCore, rngs::OsRng};
use uuid::Uuid;

use crate::{browser::hash, db::Tx, error::Result};

/// The number of codes a user gets.
const CODES: usize = 10;
/// The number of characters of a code: 120 bits, so that a plain hash is enough.
const LENGTH: usize = 24;
/// The characters between two hyphens.
const GROUP: usize = 4;
/// Crockford's base32: no character looks like another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A new code, in groups.
fn random() -> String {
    let mut bytes = [0; LENGTH];
    OsRng.fill_bytes(&mut bytes);
    let mut code = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at % GROUP == 0 {
            code.push('-');
        }
        code.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    code
}

/// The code as it is hashed, however it was typed. `None` if it cannot be one.
fn normal(typed: &str) -> Option<String> {
    let code: String = typed
        .chars()
        .filter(|char| !char.is_whitespace() && *char != '-')
        .map(|char| match char.to_ascii_uppercase() {
            'I' | 'L' => '1',
            'O' => '0',
            other => other,
        })
        .collect();
    let is_whole = code.len() == LENGTH && code.bytes().all(|byte| ALPHABET.contains(&byte));
    is_whole.then_some(code)
}

/// Gives a user new codes in place of all earlier ones.
pub(super) async fn replace(tx: &mut Tx, user_id: Uuid) -> Result<Vec<String>> {
    remove(tx, user_id).await?;
    let codes: Vec<String> = (0..CODES).map(|_| random()).collect();
    for code in &codes {
        sqlx::query("INSERT INTO recovery_codes (hash, user_id) VALUES ($1, $2)")
            .bind(&hash(code.replace('-', ""))[..])
            .bind(user_id)
            .execute(&mut **tx)
            .await?;
    }
    Ok(codes)
}

/// Removes a user's codes.
pub(super) async fn remove(tx: &mut Tx, user_id: Uuid) -> Result<()> {
    sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1")
        .bind(user_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Uses a code up. Returns whether it was one of the user's.
pub(super) async fn use_code(tx: &mut Tx, user_id: Uuid, typed: &str) -> Result<bool> {
    let Some(code) = normal(typed) else {
        return Ok(false);
    };
    let used = sqlx::query("DELETE FROM recovery_codes WHERE hash = $1 AND user_id = $2")
        .bind(&hash(&code)[..])
        .bind(user_id)
        .execute(&mut **tx)
        .await?;
    Ok(used.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_same_however_it_is_typed() {
        let code = random();
        assert_eq!(code.len(), LENGTH + 5);
        let plain = code.replace('-', "");
        for typed in [
            code.clone(),
            code.to_lowercase(),
            plain.clone(),
            code.replace('-', " "),
            format!("  {code}\n"),
            code.replace('0', "o").replace('1', "l"),
            code.replace('1', "I"),
        ] {
            assert_eq!(normal(&typed).as_deref(), Some(plain.as_str()), "{typed}");
        }
        for bad in [
            "",
            "0",
            &plain[1..],
            &format!("{plain}0"),
            &plain.replace(&plain[..1], "U"),
        ] {
            assert_eq!(normal(bad), None, "{bad}");
        }
        assert_ne!(random(), random());
    }
}
