//! X's own behaviour: it returns addresses only to applications with a setting turned on, and may refuse the whole
//! response to the others.

use std::future::ready;

use futures_util::future::BoxFuture;
use http::StatusCode;
use url::Url;

use super::{
    generic::PLAIN,
    preset::{Asked, Avatar, Known, Offline, Preset, Quirks, Subject, TokenAuth, Verified},
};
use crate::{http_client::HttpError, oauth::protocol::json::Object};

/// X's preset.
pub(crate) const PRESET: Preset = Preset {
    id: "x",
    name: "X",
    endpoints: Known::Endpoints {
        authorize: "https://x.com/i/oauth2/authorize",
        token: "https://api.x.com/2/oauth2/token",
        userinfo: "https://api.x.com/2/users/me",
    },
    // `tweet.read` is needed for `users/me`, although nothing of it is used.
    scopes: &["users.read", "tweet.read", "users.email"],
    token_auth: TokenAuth::Basic,
    offline: Offline {
        scopes: &["offline.access"],
        ..Offline::UNASKED
    },
    userinfo_params: &[(
        "user.fields",
        "id,name,username,confirmed_email,profile_image_url",
    )],
    quirks: Quirks {
        instead: Some(without_email),
        complete: Some(report),
        ..Quirks::NONE
    },
    subject: Subject::Claim("/data/id"),
    email: "/data/confirmed_email",
    verified: Verified::IfPresent,
    names: &["/data/name", "/data/username"],
    avatar: Avatar::Claim(&["/data/profile_image_url"]),
    ..PLAIN
};

/// The scope that allows requesting the address, if the setting is on.
const SCOPE: &str = "users.email";
const FIELD: &str = "confirmed_email";

/// The userinfo address without the request for the user's address, if that request may be why X refused.
fn without_email(url: &str, refusal: &HttpError) -> Option<String> {
    let HttpError::Status(StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN) = refusal else {
        return None;
    };
    let mut url = Url::parse(url).ok()?;
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if !pairs.iter().any(|(_, value)| asks(value)) {
        return None;
    }
    url.query_pairs_mut()
        .clear()
        .extend_pairs(pairs.iter().map(|(name, value)| {
            let others: Vec<&str> = value.split(',').filter(|field| *field != FIELD).collect();
            (name, others.join(","))
        }));
    Some(url.into())
}

fn asks(fields: &str) -> bool {
    fields.split(',').any(|field| field == FIELD)
}

/// Logs a response without an address, if one was requested.
fn report<'a>(
    Asked { provider, .. }: Asked<'a>,
    claims: &'a mut Object,
) -> BoxFuture<'a, Result<(), String>> {
    let data = claims.get("data");
    let has_email = data
        .and_then(|data| data.get(FIELD))
        .is_some_and(|email| !email.is_null());
    if !has_email && provider.scopes.iter().any(|scope| scope == SCOPE) {
        tracing::warn!(
            provider = provider.id,
            "X sent no address: the user has none, or \"Request email from users\" is off in the app's user \
             authentication settings at X"
        );
    }
    Box::pin(ready(Ok(())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oauth::account::profile::testing::{ADA, NAME, PICTURE, assert_reads};

    #[test]
    fn the_address_is_left_out_of_the_question_where_it_may_be_refused() {
        let asked = "https://api.x.com/2/users/me?user.fields=id%2Cconfirmed_email%2Cname&x=1";
        let refused = |status| without_email(asked, &HttpError::Status(status));
        for status in [StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN] {
            assert_eq!(
                refused(status).as_deref(),
                Some("https://api.x.com/2/users/me?user.fields=id%2Cname&x=1")
            );
        }
        for status in [
            StatusCode::UNAUTHORIZED,
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::INTERNAL_SERVER_ERROR,
        ] {
            assert_eq!(refused(status), None, "{status}");
        }
        assert_eq!(without_email(asked, &HttpError::Timeout), None);
        let not_asked = "https://api.x.com/2/users/me?user.fields=id";
        assert_eq!(
            without_email(not_asked, &HttpError::Status(StatusCode::FORBIDDEN)),
            None
        );
    }

    #[test]
    fn a_profile_is_read_by_its_row() {
        assert_reads(
            &PRESET,
            json!({ "data": { "id": "2", "name": "Ada", "username": "ada", "confirmed_email": "ada@example.com", "profile_image_url": "https://img.example/a.png" } }),
            ("2", ADA, true, NAME, PICTURE),
        );
        assert_reads(
            &PRESET,
            json!({ "data": { "id": "2", "username": "ada" } }),
            ("2", None, false, Some("ada"), None),
        );
    }
}
