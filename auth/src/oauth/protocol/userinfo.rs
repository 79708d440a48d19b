//! Userinfo: the claims of the person to whom an access token belongs.

use secrecy::ExposeSecret;
use url::Url;

use crate::http_client::Http;
use crate::oauth::{
    protocol::json::{self, Object},
    providers::{
        preset::Asked,
        provider::{ClientSecret, Provider},
    },
};

/// Asks for the claims, with whatever the provider's row adds to the question.
pub(crate) async fn fetch(
    http: &Http,
    provider: &Provider,
    url: &str,
    token: &str,
) -> Result<Object, String> {
    let quirks = provider.preset.quirks;
    let asked = address(provider, url, token)?;
    let mut text = http.get_with_token(&asked, token).await;
    if let (Some(instead), Err(refusal)) = (quirks.instead, &text)
        && let Some(other) = instead(&asked, refusal)
    {
        text = http.get_with_token(&other, token).await;
    }
    let mut claims = json::object(&text.map_err(|error| format!("userinfo: {error}"))?)
        .map_err(|cause| format!("userinfo: the response {cause}"))?;
    if let Some(complete) = quirks.complete {
        let asked = Asked {
            http,
            provider,
            url,
            access_token: token,
        };
        complete(asked, &mut claims).await?;
    }
    Ok(claims)
}

fn address(provider: &Provider, url: &str, token: &str) -> Result<String, String> {
    let row = provider.preset;
    let proof = match (row.quirks.proof, &provider.secret) {
        (Some(proof), ClientSecret::Text(secret)) => Some(proof(secret.expose_secret(), token)),
        _ => None,
    };
    if row.userinfo_params.is_empty() && proof.is_none() {
        return Ok(url.to_owned());
    }
    let mut url = Url::parse(url).map_err(|_| "userinfo: its address is not a URL")?;
    url.query_pairs_mut()
        .extend_pairs(row.userinfo_params)
        .extend_pairs(proof);
    Ok(url.into())
}

// wing:facebook+github+x
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
// end wing:facebook+github+x
