//! GitHub's own behaviour: the addresses are in a separate list.
//!
//! `/user` has only the address that the user chose to show, verified or not. So the list is always read, and only
//! the address that is both primary and verified counts: any other address may belong to someone else.

use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode, header::LINK};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{
    generic::PLAIN,
    preset::{Asked, Avatar, Known, Preset, Quirks, TokenAuth, Verified},
};
use crate::http_client::{Http, HttpError};
use crate::oauth::protocol::json::Object;

/// GitHub's preset.
pub(crate) const PRESET: Preset = Preset {
    id: "github",
    name: "GitHub",
    endpoints: Known::Endpoints {
        authorize: "https://github.com/login/oauth/authorize",
        token: "https://github.com/login/oauth/access_token",
        userinfo: "https://api.github.com/user",
    },
    urls: &[EMAILS],
    scopes: &["read:user", "user:email"],
    token_auth: TokenAuth::Post,
    quirks: Quirks {
        complete: Some(complete),
        ..Quirks::NONE
    },
    // `github.rs` puts it there, from the list of addresses: `/user` has only the public one.
    email: "/verified_primary_email",
    verified: Verified::IfPresent,
    names: &["/name", "/login"],
    avatar: Avatar::Claim(&["/avatar_url"]),
    // GitHub has no stronger parameter than the choice of an account, neither here nor where a preset asks for
    // consent: the person at a browser that is signed in at GitHub confirms with a click.
    fresh: &[("prompt", "select_account")],
    ..PLAIN
};

/// The variable for the address of the list, if it is not beside userinfo.
const EMAILS: &str = "EMAILS_URL";
/// The highest number of pages that are read, and the highest number of addresses that GitHub puts on a page.
const PAGES: u32 = 10;
const PER_PAGE: &str = "100";

#[derive(Debug, Deserialize)]
struct Address {
    email: Option<String>,
    primary: Option<bool>,
    verified: Option<bool>,
}

/// Adds the address.
fn complete<'a>(asked: Asked<'a>, claims: &'a mut Object) -> BoxFuture<'a, Result<(), String>> {
    Box::pin(async move {
        let list = asked
            .provider
            .url(EMAILS)
            .unwrap_or_else(|| format!("{}/emails", asked.url.trim_end_matches('/')));
        let email = verified_primary_email(asked.http, &list, asked.access_token).await?;
        claims.insert(
            "verified_primary_email".to_owned(),
            email.map_or(Value::Null, Value::String),
        );
        Ok(())
    })
}

/// Reads the list, page by page. Without the permission to read it, which a GitHub App may lack, there is no address.
async fn verified_primary_email(http: &Http, url: &str, token: &str) -> Result<Option<String>, String> {
    for page in 1..=PAGES {
        match http.get_json(&page_of(url, page)?, token).await {
            Ok(answer) => match choose(answer.body())? {
                None if has_next(answer.headers()) => {}
                chosen => return Ok(chosen),
            },
            Err(HttpError::Status(StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)) => return Ok(None),
            Err(error) => return Err(format!("list of addresses: {error}")),
        }
    }
    Ok(None)
}

/// The address of a page. It is built here: if the response decided where the next page is, the token would be sent
/// wherever the response says.
fn page_of(url: &str, page: u32) -> Result<String, String> {
    let mut url = Url::parse(url).map_err(|_| "list of addresses: its address is not a URL")?;
    url.query_pairs_mut()
        .append_pair("per_page", PER_PAGE)
        .append_pair("page", &page.to_string());
    Ok(url.into())
}

/// Whether a `Link` header refers to a next page.
fn has_next(headers: &HeaderMap) -> bool {
    let links = headers
        .get_all(LINK)
        .iter()
        .filter_map(|value| value.to_str().ok());
    links
        .flat_map(|value| value.split([',', ';']))
        .any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"))
}

fn choose(list: &[u8]) -> Result<Option<String>, String> {
    let list: Vec<Address> =
        serde_json::from_slice(list).map_err(|_| "list of addresses: not in GitHub's format".to_owned())?;
    Ok(list
        .into_iter()
        .find(|address| address.primary == Some(true) && address.verified == Some(true))
        .and_then(|address| address.email))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use http::HeaderValue;

    use super::*;
    use crate::oauth::account::profile::testing::{ADA, PICTURE, assert_reads};

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
        let with_nulls = r#"[{"email":null,"primary":null,"verified":null},{"email":"x@x.example","primary":null,"verified":true},
                             {"email":"b@x.example","primary":true,"verified":true}]"#;
        assert_eq!(chosen(with_nulls).as_deref(), Some("b@x.example"));
        assert_eq!(
            page_of("https://ghe.example/api/v3/user/emails", 2).unwrap(),
            "https://ghe.example/api/v3/user/emails?per_page=100&page=2"
        );
        for bad in [
            "{}",
            "",
            r#"[{"email":"a@x.example","primary":"true","verified":1}]"#,
        ] {
            assert!(choose(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_profile_is_read_by_its_row() {
        assert_reads(
            &PRESET,
            json!({
                "id": 583_231, "login": "ada", "name": null, "email": "public@example.com", "avatar_url": "https://img.example/a.png",
                "verified_primary_email": "ada@example.com",
            }),
            ("583231", ADA, true, Some("ada"), PICTURE),
        );
    }

    #[test]
    fn a_next_page_is_announced_by_a_link() {
        let next = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(LINK, HeaderValue::from_static(value));
            }
            has_next(&headers)
        };
        assert!(next(&[
            "<https://api.github.com/user/emails?page=2>; rel=\"next\", <https://x.example>; rel=\"last\""
        ]));
        assert!(next(&[
            "<https://x.example>; rel=\"prev\"",
            "<https://x.example>; rel=next"
        ]));
        assert!(!next(&[]) && !next(&["<https://x.example/next>; rel=\"prev\"", "garbage; next"]));
    }
}
