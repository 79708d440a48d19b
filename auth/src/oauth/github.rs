//! What only GitHub does: the addresses are in a list of their own.
//!
//! `/user` has only the address somebody chose to show, verified or not. So the list is always read, and
//! of it only the address that is both primary and verified counts: the first of the rest may be anybody's.

use http::StatusCode;
use serde::Deserialize;

use super::http::{Http, HttpError};

#[derive(Debug, Deserialize)]
struct Address {
    email: String,
    #[serde(default)]
    primary: bool,
    #[serde(default)]
    verified: bool,
}

/// Reads the list. Without the permission to (a GitHub App may lack it) there is no address.
pub(super) async fn verified_primary_email(
    http: &Http,
    url: &str,
    token: &str,
) -> Result<Option<String>, String> {
    match http.get_with_token(url, token).await {
        Ok(list) => choose(&list),
        Err(HttpError::Status(StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)) => Ok(None),
        Err(error) => Err(format!("list of addresses: {error}")),
    }
}

fn choose(list: &[u8]) -> Result<Option<String>, String> {
    let list: Vec<Address> =
        serde_json::from_slice(list).map_err(|_| "list of addresses: not what GitHub answers".to_owned())?;
    Ok(list
        .into_iter()
        .find(|address| address.primary && address.verified)
        .map(|address| address.email))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_primary_and_verified_address_counts() {
        let chosen = |list: &str| choose(list.as_bytes()).unwrap();
        let list = r#"[{"email":"a@x.example","primary":false,"verified":true,"visibility":null},
                       {"email":"b@x.example","primary":true,"verified":true,"visibility":"private"}]"#;
        assert_eq!(chosen(list).as_deref(), Some("b@x.example"));
        assert_eq!(
            chosen(
                r#"[{"email":"a@x.example","primary":true,"verified":false},{"email":"b@x.example","verified":true}]"#
            ),
            None
        );
        assert_eq!(chosen("[]"), None);
        for bad in [
            "{}",
            "",
            r#"[{"email":"a@x.example","primary":"true","verified":1}]"#,
        ] {
            assert!(choose(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
