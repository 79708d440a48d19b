//! Tokens a provider's API has refused, and renewals that bring an old ID token along.

use std::sync::Arc;

use auth::{Error, LiveSession, keys::Purpose};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::oauth::{
    idp::{Endpoint, Gate, Reply},
    keys::Signer,
    support::{World, person},
};
use crate::support::{TestApp, until};

/// Ada, who signed in with this access token and, if there is one, this refresh token.
struct Ada {
    world: World,
    live: LiveSession,
}

impl Ada {
    async fn with(refresh: Option<&str>) -> Self {
        let world = World::new().await;
        world.acme.script(|script| {
            script.answer = json!({ "access_token": "access-one", "refresh_token": refresh });
        });
        let browser = world.signed_in("acme", &person("ada")).await;
        let live = browser.live().await;
        world
            .acme
            .script(|script| script.answer = json!({ "access_token": "access-two" }));
        world.acme.forget_asked();
        Self { world, live }
    }

    async fn after_401(&self, refused: &str) -> Result<String, Error> {
        after_401(&self.world.app, &self.live, refused).await
    }

    async fn token(&self) -> Result<String, Error> {
        let token = self
            .world
            .app
            .auth
            .oauth
            .provider_token(&self.live, "acme")
            .await?;
        Ok(token.expose_secret().to_owned())
    }

    async fn refresh_token(&self) -> Option<String> {
        let opened = self.world.app.token(Purpose::ProviderToken, "refresh_token");
        opened.await.flatten()
    }

    fn requests(&self) -> usize {
        self.world.acme.count(Endpoint::Token)
    }
}

async fn after_401(app: &TestApp, live: &LiveSession, refused: &str) -> Result<String, Error> {
    let refused = SecretString::from(refused);
    let oauth = &app.auth.oauth;
    let token = oauth.provider_token_after_401(live, "acme", &refused).await?;
    Ok(token.expose_secret().to_owned())
}

#[tokio::test]
async fn a_refused_token_is_renewed_in_the_midst_of_its_life() {
    let ada = Ada::with(Some("refresh-one")).await;
    assert_eq!(ada.token().await.unwrap(), "access-one");
    assert_eq!(ada.requests(), 0);
    assert_eq!(ada.after_401("access-one").await.unwrap(), "access-two");
    assert_eq!(ada.requests(), 1);
    assert_eq!(ada.token().await.unwrap(), "access-two");
    // A caller that was refused the old one a moment later gets the new one without a request to the provider.
    assert_eq!(ada.after_401("access-one").await.unwrap(), "access-two");
    assert_eq!(ada.requests(), 1);
    assert_eq!(ada.refresh_token().await.as_deref(), Some("refresh-one"));
}

#[tokio::test]
async fn twenty_concurrent_refusals_share_one_renewal() {
    let ada = Ada::with(Some("refresh-one")).await;
    let gate = Gate::closed();
    ada.world.acme.reply(Endpoint::Token, Reply::Held(gate.clone()));
    let asking: Vec<_> = (0..20)
        .map(|_| {
            let (app, live) = (ada.world.app.clone(), ada.live.clone());
            tokio::spawn(async move { after_401(&app, &live, "access-one").await })
        })
        .collect();
    until(|| ada.requests() > 0).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    gate.open();
    for one in asking {
        assert_eq!(one.await.unwrap().unwrap(), "access-two");
    }
    assert_eq!(ada.requests(), 1);
}

#[tokio::test]
async fn a_refused_token_that_cannot_be_renewed_asks_for_a_new_sign_in() {
    let ada = Ada::with(None).await;
    assert!(matches!(
        ada.after_401("access-one").await,
        Err(Error::SignInAtProvider)
    ));
    assert_eq!(ada.requests(), 0);
    // Withdrawn at the provider, which is why it was refused.
    let ada = Ada::with(Some("refresh-one")).await;
    ada.world.acme.withdraw();
    assert!(matches!(
        ada.after_401("access-one").await,
        Err(Error::SignInAtProvider)
    ));
    assert_eq!(ada.refresh_token().await, None);
    // A provider that is down costs no token.
    let ada = Ada::with(Some("refresh-one")).await;
    ada.world.acme.reply(Endpoint::Token, Reply::json(503, json!({})));
    let answer = ada.after_401("access-one").await;
    assert!(matches!(answer, Err(Error::ProviderUnavailable(_))), "{answer:?}");
    assert_eq!(ada.refresh_token().await.as_deref(), Some("refresh-one"));
}

#[tokio::test]
async fn an_id_token_that_is_merely_old_costs_no_refresh_token() {
    for (replaced, days) in [(false, 0), (false, 1), (true, 1)] {
        let ada = Ada::with(Some("refresh-one")).await;
        let (app, acme) = (&ada.world.app, &ada.world.acme);
        let signed_in_at = acme.now();
        app.advance(3600 + 86_400 * days);
        acme.script(|script| {
            script.answer = json!({ "access_token": "access-two", "refresh_token": "refresh-two" });
            // That of the sign-in once more, beside another access token.
            script.claims = json!({ "iat": signed_in_at, "exp": signed_in_at + 300 });
            script.claims["at_hash"] = script.signer.at_hash("access-one").into();
            if replaced {
                let new = Arc::new(Signer::es256("key-2"));
                script.jwks = json!({ "keys": [new.jwk] });
            }
        });
        assert_eq!(ada.token().await.unwrap(), "access-two", "{replaced} {days}");
        assert_eq!(ada.refresh_token().await.as_deref(), Some("refresh-two"));
        assert_eq!(ada.requests(), 1);
    }
}

#[tokio::test]
async fn an_old_id_token_is_still_about_the_same_person_and_from_the_same_provider() {
    for changes in [
        json!({ "sub": "grace-at-idp" }),
        json!({ "iss": "https://other.example" }),
        json!({ "aud": "other-client" }),
    ] {
        let ada = Ada::with(Some("refresh-one")).await;
        let signed_in_at = ada.world.acme.now();
        ada.world.app.advance(3600);
        ada.world.acme.script(|script| {
            script.claims = json!({ "iat": signed_in_at, "exp": signed_in_at + 300 });
            crate::oauth::keys::patch(&mut script.claims, &changes);
        });
        assert!(
            matches!(ada.token().await, Err(Error::SignInAtProvider)),
            "{changes}"
        );
        assert_eq!(ada.refresh_token().await, None, "{changes}");
    }
    // Nor is a forged one taken for an old one, nor a new one whose key is unknown.
    for (forged, kept) in [(true, None), (false, Some("refresh-one"))] {
        let ada = Ada::with(Some("refresh-one")).await;
        let signed_in_at = ada.world.acme.now();
        ada.world.app.advance(3600);
        ada.world.acme.script(|script| {
            if forged {
                script.claims = json!({ "iat": signed_in_at, "exp": signed_in_at + 300 });
                script.signer = Arc::new(Signer::es256("key-1"));
            } else {
                script.signer = Arc::new(Signer::es256("unknown"));
            }
        });
        assert!(ada.token().await.is_err());
        assert_eq!(ada.refresh_token().await.as_deref(), kept, "{forged}");
    }
}
