//! From a code to an identity: the token request, the ID token, userinfo. All talk with a provider that a
//! callback brings about happens here, after its flow is used up and before anything is written.

use oauth2::{RedirectUrl, TokenResponse};
use serde_json::Value;

use crate::{
    email::Email,
    oauth::{
        account::{profile, table::Identity, tokens::Tokens},
        flow::table::Flow,
        protocol::{
            discovery::Endpoints,
            id_token::Origin,
            json::{self, Object},
            token, userinfo,
        },
        providers::{preset::Userinfo, provider::Provider},
        state::{Configured, OAuth},
    },
};

/// The person a code was given for.
pub(super) struct Identified {
    pub(super) identity: Identity,
    /// When the person signed in at the provider, in Unix seconds, if the ID token says so.
    pub(super) signed_in_at: Option<i64>,
}

impl OAuth {
    /// Finds out for whom a code was given; `user` is Apple's form field.
    ///
    /// # Errors
    /// The cause, for the log.
    pub(super) async fn identify(
        &self,
        configured: &Configured,
        endpoints: &Endpoints,
        flow: &Flow,
        code: String,
        user: Option<&str>,
    ) -> Result<Identified, String> {
        let Configured {
            provider, discovery, ..
        } = configured;
        let now = self.0.clock.unix();
        let redirect_uri =
            RedirectUrl::new(self.redirect_uri(provider)).map_err(|_| "our own address is not a URL")?;
        let client = token::client(provider, endpoints, redirect_uri);
        let answer = token::exchange(
            &self.0.http,
            provider,
            client,
            code,
            flow.pkce_verifier.clone(),
            now,
        )
        .await?;
        let access_token = answer.access_token().secret();
        let id_token = match &answer.id_token {
            Some(id_token) if provider.is_oidc() => {
                let nonce = flow.nonce.as_deref();
                let origin = Origin::Flow { nonce };
                Some(
                    discovery
                        .verify(endpoints, id_token, access_token, origin)
                        .await?,
                )
            }
            _ => None,
        };
        let signed_in_at = id_token.as_ref().and_then(auth_time);
        let mut claims = self.claims(provider, endpoints, id_token, access_token).await?;
        if let Some(name_in_form) = provider.preset.quirks.name_in_form
            && !json::has(&claims, "name")
            && let Some(name) = user.and_then(name_in_form)
        {
            claims.insert("name".to_owned(), name.into());
        }
        let claims = Value::Object(claims);
        let profile = profile::read(provider.preset, &claims)?;
        let identity = Identity {
            provider: provider.id.clone(),
            issuer: provider.vouching(),
            subject: profile.subject,
            email: profile.email.as_ref().map(Email::as_str).map(str::to_owned),
            email_verified: profile.email_verified,
            name: profile.name,
            avatar_url: profile.avatar_url,
            profile: profile::kept(claims),
            tokens: Tokens::of(&answer, now),
        };
        Ok(Identified {
            identity,
            signed_in_at,
        })
    }

    /// The ID token's claims with userinfo's, as far as the row wants them.
    async fn claims(
        &self,
        provider: &Provider,
        endpoints: &Endpoints,
        id_token: Option<Object>,
        access_token: &str,
    ) -> Result<Object, String> {
        let wanted = match provider.preset.userinfo {
            Userinfo::Required | Userinfo::Wanted => true,
            Userinfo::IfNoEmail => id_token.as_ref().is_none_or(|claims| !json::has(claims, "email")),
            Userinfo::Never => false,
        };
        let url = endpoints.userinfo.as_deref().filter(|_| wanted);
        let (Some(url), Some(id_token)) = (url, &id_token) else {
            return match (id_token, url) {
                (Some(claims), _) => Ok(claims),
                (None, Some(url)) => userinfo::fetch(&self.0.http, provider, url, access_token).await,
                (None, None) => Err("there is no way to identify the user".to_owned()),
            };
        };
        match userinfo::fetch(&self.0.http, provider, url, access_token).await {
            // Another person's access token would bring that person's claims (OpenID Connect Core §5.3.2).
            Ok(claims) if claims.get("sub") != id_token.get("sub") => {
                Err("userinfo: it is for another user".to_owned())
            }
            Ok(claims) => Ok(profile::merge(id_token.clone(), claims)),
            Err(cause) if provider.preset.userinfo == Userinfo::Required => Err(cause),
            Err(cause) => {
                tracing::warn!(
                    provider = provider.id,
                    cause,
                    "a sign-in continues without userinfo"
                );
                Ok(id_token.clone())
            }
        }
    }
}

/// The `auth_time` of an ID token (OpenID Connect Core §2). What is there and cannot be read is as good as very
/// old: it vouches for nothing.
fn auth_time(claims: &Object) -> Option<i64> {
    let seconds = match claims.get("auth_time")? {
        Value::Null => return None,
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    Some(
        seconds
            .filter(|at| at.is_finite())
            .map_or(i64::MIN, |at| at as i64),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_read_as_far_as_its_meaning_is_certain() {
        let read = |value: Value| auth_time(&[("auth_time".to_owned(), value)].into_iter().collect());
        assert_eq!(auth_time(&Object::new()), None);
        assert_eq!(read(Value::Null), None);
        for good in [json!(1_800_000_000), json!(1_800_000_000.9), json!("1800000000")] {
            assert_eq!(read(good.clone()), Some(1_800_000_000), "{good}");
        }
        for odd in [
            json!("yesterday"),
            json!(true),
            json!([1]),
            json!({}),
            json!("NaN"),
            json!(""),
        ] {
            assert_eq!(read(odd.clone()), Some(i64::MIN), "{odd}");
        }
    }
}
