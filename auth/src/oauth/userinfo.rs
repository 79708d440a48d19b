//! Userinfo: the claims of whom an access token belongs to.

use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

use super::{
    facebook, github,
    http::Http,
    json::{self, Object},
    preset::Quirk,
    provider::{ClientSecret, Provider},
    x,
};

/// Asks for the claims, with whatever the provider's row adds to the question.
pub(super) async fn fetch(
    http: &Http,
    provider: &Provider,
    url: &str,
    token: &str,
) -> Result<Object, String> {
    let quirk = provider.preset.quirk;
    let asked = address(provider, url, token)?;
    let mut text = http.get_with_token(&asked, token).await;
    if let (Quirk::XEmail, Err(refusal)) = (quirk, &text)
        && let Some(less) = x::without_email(&asked, refusal)
    {
        text = http.get_with_token(&less, token).await;
    }
    let mut claims = json::object(&text.map_err(|error| format!("userinfo: {error}"))?)
        .map_err(|cause| format!("userinfo: the answer {cause}"))?;
    if quirk == Quirk::XEmail {
        x::report(provider, &claims);
    }
    if quirk == Quirk::GithubEmails {
        let list = provider
            .emails
            .clone()
            .unwrap_or_else(|| format!("{}/emails", url.trim_end_matches('/')));
        let email = github::verified_primary_email(http, &list, token).await?;
        claims.insert(
            "verified_primary_email".to_owned(),
            email.map_or(Value::Null, Value::String),
        );
    }
    Ok(claims)
}

fn address(provider: &Provider, url: &str, token: &str) -> Result<String, String> {
    let row = provider.preset;
    let proof = match (row.quirk, &provider.secret) {
        (Quirk::AppSecretProof, ClientSecret::Text(secret)) => {
            Some(facebook::appsecret_proof(secret.expose_secret(), token))
        }
        _ => None,
    };
    if row.userinfo_params.is_empty() && proof.is_none() {
        return Ok(url.to_owned());
    }
    let mut url = Url::parse(url).map_err(|_| "userinfo: its address is not a URL")?;
    url.query_pairs_mut()
        .extend_pairs(row.userinfo_params)
        .extend_pairs(proof.as_deref().map(|proof| ("appsecret_proof", proof)));
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::from_vars;

    #[test]
    fn rows_add_their_parameters() {
        let asked = |id: &str, url: &str| {
            let prefix = id.to_uppercase();
            let pairs = [
                (format!("{prefix}_CLIENT_ID"), "c"),
                (format!("{prefix}_CLIENT_SECRET"), "s"),
            ];
            let provider = from_vars(&pairs.into_iter().collect(), &mut Vec::new()).remove(0);
            address(&provider, url, "token").unwrap()
        };
        assert_eq!(
            asked("github", "https://x.example/user"),
            "https://x.example/user"
        );
        let facebook = asked("facebook", "https://graph.facebook.com/me");
        assert!(facebook.starts_with(
            "https://graph.facebook.com/me?fields=id%2Cname%2Cemail%2Cpicture&appsecret_proof="
        ));
        assert!(asked("x", "https://api.x.com/2/users/me").contains("?user.fields=id%2Cname"));
    }
}
