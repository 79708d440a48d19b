//! Calling a provider in a person's name: fresh tokens, renewed once and never lost.

use app::error::AppError;
use auth::{Error, LiveSession, keys::Purpose};
use http::StatusCode;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::oauth::{
    idp::{Endpoint, Gate, Idp, Reply},
    support::{PLACES, World, person},
};
use crate::support::{Browser, Log, TestApp, until};

async fn ask(app: &TestApp, live: &LiveSession, provider: &str) -> Result<String, Error> {
    let token = app.auth.oauth.provider_token(live, provider).await?;
    Ok(token.expose_secret().to_owned())
}

/// What the provider sends from now on.
pub fn send(idp: &Idp, access: &str, refresh: Option<&str>) {
    let mut answer = json!({ "access_token": access });
    if let Some(refresh) = refresh {
        answer["refresh_token"] = refresh.into();
    }
    idp.script(|script| script.answer = answer);
}

async fn stored(app: &TestApp, column: &'static str) -> Option<String> {
    let opened = app.token(Purpose::ProviderToken, column).await?;
    Some(opened.expect("it is sealed with our key"))
}

/// Ada, signed in with tokens that live for an hour.
struct Ada {
    world: World,
    browser: Browser,
    live: LiveSession,
}

impl Ada {
    async fn new() -> Self {
        Self::with(Some("refresh-one"), &[]).await
    }

    async fn with(refresh: Option<&str>, vars: &[(&str, &str)]) -> Self {
        let world = World::with(vars).await;
        send(&world.acme, "access-one", refresh);
        let browser = world.signed_in("acme", &person("ada")).await;
        let live = browser.live().await;
        world.acme.forget_asked();
        Self { world, browser, live }
    }

    /// The same an hour later, with a token response for callers then.
    async fn later(access: &str, refresh: Option<&str>) -> Self {
        let ada = Self::new().await;
        ada.world.app.advance(3600);
        send(&ada.world.acme, access, refresh);
        ada
    }

    async fn token(&self) -> Result<String, Error> {
        ask(&self.world.app, &self.live, "acme").await
    }

    fn requests(&self) -> usize {
        self.world.token_requests()
    }
}

#[track_caller]
fn assert_must_sign_in(answer: Result<String, Error>) {
    let error = answer.expect_err("there is nothing to renew it with");
    assert!(matches!(error, Error::SignInAtProvider), "{error}");
    let error = AppError::from(error);
    assert_eq!((error.status(), error.code()), (409, "sign_in_at_provider"));
}

#[track_caller]
fn assert_unavailable(answer: Result<String, Error>, what: &str) {
    let error = answer.expect_err(what);
    assert!(matches!(error, Error::ProviderUnavailable(_)), "{what}: {error}");
    assert_eq!(AppError::from(error).status(), 503);
}

#[tokio::test]
async fn a_token_is_used_until_its_last_minute_and_then_renewed() {
    let ada = Ada::new().await;
    let world = &ada.world;
    send(&world.acme, "access-two", Some("refresh-two"));
    world.app.advance(3600 - 61);
    assert_eq!(ada.token().await.unwrap(), "access-one");
    assert_eq!(world.acme.everything().len(), 0);

    world.app.advance(1);
    assert_eq!(ada.token().await.unwrap(), "access-two");
    let requests = world.acme.asked(Endpoint::Token);
    let [request] = &requests[..] else {
        panic!("{requests:?}")
    };
    let form: Vec<_> = ["grant_type", "refresh_token"]
        .map(|name| request.form[name].as_str())
        .into();
    assert_eq!(form, ["refresh_token", "refresh-one"]);
    // Nothing is asked for that was not granted before.
    assert_eq!(request.form.len(), 2, "{:?}", request.form);
    let credentials = ("acme-client".to_owned(), "acme secret:+%&".to_owned());
    assert_eq!(request.basic(), Some(credentials));
    assert_eq!(world.acme.count(Endpoint::Userinfo), 0);

    assert_eq!(
        stored(&world.app, "access_token").await.as_deref(),
        Some("access-two")
    );
    assert_eq!(
        stored(&world.app, "refresh_token").await.as_deref(),
        Some("refresh-two")
    );
    world.app.advance(3600 - 61);
    assert_eq!(ada.token().await.unwrap(), "access-two");
    assert_eq!(ada.requests(), 1);
    // The provider takes the first one no more, so this is the second.
    send(&world.acme, "access-three", Some("refresh-three"));
    world.app.advance(1);
    assert_eq!(ada.token().await.unwrap(), "access-three");
    world
        .app
        .assert_counts(&[("users", 1), ("accounts", 1), ("sessions", 1)])
        .await;
}

#[tokio::test]
async fn an_answer_without_a_refresh_token_keeps_the_old_one() {
    let ada = Ada::later("access-two", None).await;
    let sealed = ada.world.app.text("SELECT refresh_token FROM accounts").await;
    assert_eq!(ada.token().await.unwrap(), "access-two");
    assert_eq!(
        stored(&ada.world.app, "refresh_token").await.as_deref(),
        Some("refresh-one")
    );
    // Under today's key: a secret that is rotated out takes no token with it that is still in use.
    assert_ne!(
        ada.world.app.text("SELECT refresh_token FROM accounts").await,
        sealed
    );
    ada.world.app.advance(3600);
    send(&ada.world.acme, "access-three", None);
    assert_eq!(ada.token().await.unwrap(), "access-three");
}

#[tokio::test]
async fn a_token_without_an_end_is_never_renewed() {
    let ada = Ada::new().await;
    ada.world
        .app
        .sql("UPDATE accounts SET token_expires_at = NULL")
        .await;
    ada.world.app.advance(36_000);
    assert_eq!(ada.token().await.unwrap(), "access-one");
    assert_eq!(ada.requests(), 0);
}

#[tokio::test]
async fn twenty_concurrent_callers_share_one_renewal() {
    let ada = Ada::later("access-two", Some("refresh-two")).await;
    let gate = Gate::closed();
    ada.world.acme.reply(Endpoint::Token, Reply::Held(gate.clone()));
    let asking: Vec<_> = (0..20)
        .map(|_| {
            let (app, live) = (ada.world.app.clone(), ada.live.clone());
            tokio::spawn(async move { ask(&app, &live, "acme").await })
        })
        .collect();
    until(|| ada.requests() > 0).await;
    // Callers still on the way join, and any that would ask the provider too do so now.
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(ada.requests(), 1);
    gate.open();
    for one in asking {
        assert_eq!(one.await.unwrap().unwrap(), "access-two");
    }
    assert_eq!(ada.requests(), 1);
}

#[tokio::test]
async fn a_caller_beyond_the_limit_is_refused_at_once() {
    let ada = Ada::later("access-two", Some("refresh-two")).await;
    let crowd = ada.world.crowd("acme", PLACES).await;
    assert_unavailable(ada.token().await, "there is no place to wait in");
    assert_eq!(ada.requests(), 0);
    drop(crowd);
    // Until they have left.
    let detached = ada.world.app.auth.detached.clone();
    detached.drain(std::time::Duration::from_secs(30)).await;
    assert_eq!(ada.token().await.unwrap(), "access-two");
}

#[tokio::test]
async fn twenty_concurrent_callers_fail_with_one_request() {
    let ada = Ada::later("access-two", None).await;
    let gate = Gate::closed();
    ada.world.acme.withdraw();
    ada.world.acme.reply(Endpoint::Token, Reply::Held(gate.clone()));
    let asking: Vec<_> = (0..20)
        .map(|_| {
            let (app, live) = (ada.world.app.clone(), ada.live.clone());
            tokio::spawn(async move { ask(&app, &live, "acme").await })
        })
        .collect();
    until(|| ada.requests() > 0).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    gate.open();
    for one in asking {
        assert_must_sign_in(one.await.unwrap());
    }
    assert_eq!(ada.requests(), 1);
}

#[tokio::test]
async fn renewed_tokens_are_stored_although_the_caller_went_away() {
    let ada = Ada::later("access-two", Some("refresh-two")).await;
    let gate = Gate::closed();
    ada.world.acme.reply(Endpoint::Token, Reply::Held(gate.clone()));
    let (app, live) = (ada.world.app.clone(), ada.live.clone());
    let asking = tokio::spawn(async move { ask(&app, &live, "acme").await });
    until(|| ada.requests() == 1).await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    gate.open();
    assert_eq!(ada.token().await.unwrap(), "access-two");
    assert_eq!(
        stored(&ada.world.app, "refresh_token").await.as_deref(),
        Some("refresh-two")
    );
    assert_eq!(ada.requests(), 1);
}

/// Two processes over one database use the same refresh token. The provider takes it once.
#[tokio::test]
async fn two_processes_lose_no_token_whichever_stores_first() {
    for refused_first in [true, false] {
        let ada = Ada::later("access-two", Some("refresh-two")).await;
        let acme = &ada.world.acme;
        let (acme_url, vars) = (acme.origin().to_owned(), ["acme-client", "acme secret:+%&"]);
        let other = ada
            .world
            .app
            .restarted(&[
                ("AUTH_PROVIDERS", "acme"),
                ("ACME_ISSUER", &acme_url),
                ("ACME_CLIENT_ID", vars[0]),
                ("ACME_CLIENT_SECRET", vars[1]),
            ])
            .await;
        let (first_gate, second_gate) = (Gate::closed(), Gate::closed());
        let ask_in = |app: &TestApp| {
            let (app, live) = (app.clone(), ada.live.clone());
            tokio::spawn(async move { ask(&app, &live, "acme").await })
        };
        acme.reply(Endpoint::Token, Reply::Held(first_gate.clone()));
        let granted = ask_in(&ada.world.app);
        until(|| ada.requests() == 1).await;
        acme.reply(Endpoint::Token, Reply::Held(second_gate.clone()));
        let refused = ask_in(&other);
        until(|| ada.requests() == 2).await;
        if refused_first {
            second_gate.open();
            assert_must_sign_in(refused.await.unwrap());
            first_gate.open();
            assert_eq!(granted.await.unwrap().unwrap(), "access-two");
        } else {
            first_gate.open();
            assert_eq!(granted.await.unwrap().unwrap(), "access-two");
            second_gate.open();
            assert_eq!(refused.await.unwrap().unwrap(), "access-two");
        }
        for app in [&ada.world.app, &other] {
            assert_eq!(ask(app, &ada.live, "acme").await.unwrap(), "access-two");
        }
        assert_eq!(
            stored(&other, "refresh_token").await.as_deref(),
            Some("refresh-two")
        );
        assert_eq!(ada.requests(), 2);
    }
}

#[tokio::test]
async fn a_sign_in_meanwhile_brings_what_counts() {
    let ada = Ada::later("access-two", Some("refresh-two")).await;
    let gate = Gate::closed();
    ada.world.acme.reply(Endpoint::Token, Reply::Held(gate.clone()));
    let (app, live) = (ada.world.app.clone(), ada.live.clone());
    let asking = tokio::spawn(async move { ask(&app, &live, "acme").await });
    until(|| ada.requests() == 1).await;
    ada.world.acme.behave();
    send(&ada.world.acme, "access-three", Some("refresh-three"));
    ada.world.signed_in("acme", &person("ada")).await;
    gate.open();
    assert_eq!(asking.await.unwrap().unwrap(), "access-three");
    assert_eq!(
        stored(&ada.world.app, "refresh_token").await.as_deref(),
        Some("refresh-three")
    );
}

#[tokio::test]
async fn an_id_token_of_another_person_or_issuer_drops_the_response() {
    for claims in [
        json!({ "sub": "grace-at-idp" }),
        json!({ "iss": "https://other.example" }),
        json!({ "aud": "other-client" }),
    ] {
        let ada = Ada::later("access-of-others", Some("refresh-of-others")).await;
        ada.world.acme.script(|script| script.claims = claims.clone());
        assert_must_sign_in(ada.token().await);
        let app = &ada.world.app;
        assert_eq!(
            stored(app, "access_token").await.as_deref(),
            Some("access-one"),
            "{claims}"
        );
        assert_eq!(stored(app, "refresh_token").await, None, "{claims}");
        let flagged = "SELECT count(*) FROM audit_events WHERE kind = 'forget_token' AND user_id IS NOT NULL";
        assert_eq!(app.number(flagged).await, 1);
    }
    // Without an ID token the answer is about whom the refresh token was for.
    let ada = Ada::later("access-two", None).await;
    ada.world
        .acme
        .script(|script| script.answer["id_token"] = Value::Null);
    assert_eq!(ada.token().await.unwrap(), "access-two");
}

#[tokio::test]
async fn a_withdrawn_grant_is_forgotten_until_the_next_sign_in() {
    let ada = Ada::later("access-two", Some("refresh-two")).await;
    ada.world.acme.withdraw();
    assert_must_sign_in(ada.token().await);
    assert_eq!(stored(&ada.world.app, "refresh_token").await, None);
    assert_must_sign_in(ada.token().await);
    assert_eq!(ada.requests(), 1);
    // The person stays signed in here, and what they do at the provider repairs it.
    let browser = ada.browser.copy();
    browser
        .sign_in("acme", &ada.world.acme, &person("ada"))
        .await
        .assert_leads_to("/profile");
    let live = browser.live().await;
    assert_eq!(ask(&ada.world.app, &live, "acme").await.unwrap(), "access-two");
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_is_used_to_its_end() {
    let ada = Ada::with(None, &[]).await;
    ada.world.app.advance(3599);
    assert_eq!(ada.token().await.unwrap(), "access-one");
    ada.world.app.advance(1);
    assert_must_sign_in(ada.token().await);
    assert_eq!(ada.requests(), 0);
}

#[tokio::test]
async fn a_provider_that_misbehaves_costs_no_token() {
    let elsewhere = World::new().await;
    let ada = Ada::later("access-two", None).await;
    let acme = &ada.world.acme;
    let redirect = Reply::Whole(
        StatusCode::TEMPORARY_REDIRECT,
        vec![("location", elsewhere.acme.at("/token"))],
        Vec::new(),
    );
    for (what, reply) in [
        ("500", Reply::text(500, "text/html", "<h1>down</h1>")),
        (
            "503",
            Reply::json(503, json!({ "error": "temporarily_unavailable" })),
        ),
        ("429", Reply::json(429, json!({ "error": "slow_down" }))),
        ("401", Reply::json(401, json!({ "error": "invalid_client" }))),
        ("a redirect", redirect),
        ("no token", Reply::json(200, json!({ "token_type": "Bearer" }))),
        ("no type", Reply::json(200, json!({ "access_token": "a" }))),
        (
            "another type",
            Reply::json(200, json!({ "access_token": "a", "token_type": "MAC" })),
        ),
        ("HTML", Reply::text(200, "text/html", "<h1>hello</h1>")),
        (
            "endless",
            Reply::Whole(StatusCode::OK, vec![], vec![b' '; 1 << 20]),
        ),
    ] {
        acme.reply(Endpoint::Token, reply);
        let before = ada.requests();
        assert_unavailable(ada.token().await, what);
        assert_eq!(ada.requests(), before + 1, "{what} is not tried again");
        assert_eq!(
            stored(&ada.world.app, "refresh_token").await.as_deref(),
            Some("refresh-one"),
            "{what}"
        );
    }
    assert_eq!(elsewhere.acme.everything().len(), 0);

    // Keys are looked at before the refresh token is used up.
    acme.behave();
    send(acme, "access-two", None);
    acme.reply(Endpoint::Keys, Reply::json(500, json!({})));
    let before = ada.requests();
    ada.world.app.advance(3600);
    assert_unavailable(ada.token().await, "no keys");
    assert_eq!(ada.requests(), before);
    acme.script(|script| script.replies.clear());
    ada.world.app.advance(5);
    assert_eq!(ada.token().await.unwrap(), "access-two");
}

#[tokio::test]
async fn a_lost_key_asks_for_a_new_sign_in() {
    let mut ada = Ada::new().await;
    ada.world
        .restart(&[("SESSION_SECRET", "IB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgE=")])
        .await;
    // In its time or past it, with nothing that opens there is nothing to use or to renew.
    assert_must_sign_in(ada.token().await);
    ada.world.app.advance(3600);
    assert_must_sign_in(ada.token().await);
    assert_eq!(ada.requests(), 0);
    ada.world.signed_in("acme", &person("ada")).await;
    assert_eq!(ada.token().await.unwrap(), "access-one");
}

#[tokio::test]
async fn there_is_no_token_without_an_account_of_ones_own() {
    let ada = Ada::new().await;
    let world = &ada.world;
    let grace = world.browser();
    grace.register("grace@example.com").await;
    let grace = grace.live().await;
    for (live, provider) in [
        (&grace, "acme"),
        (&ada.live, "corp"),
        (&ada.live, "github"),
        (&ada.live, "' OR 1=1 --"),
        (&ada.live, ""),
    ] {
        let answer = ask(&world.app, live, provider).await;
        assert!(matches!(answer, Err(Error::NotFound)), "{provider}: {answer:?}");
    }
    // Disconnected while it was being renewed: gone is gone.
    world.app.advance(3600);
    let gate = Gate::closed();
    world.acme.reply(Endpoint::Token, Reply::Held(gate.clone()));
    let (app, live) = (world.app.clone(), ada.live.clone());
    let asking = tokio::spawn(async move { ask(&app, &live, "acme").await });
    until(|| ada.requests() == 1).await;
    world.app.sql("DELETE FROM accounts").await;
    gate.open();
    assert!(matches!(asking.await.unwrap(), Err(Error::NotFound)));
    world.app.assert_counts(&[("accounts", 0)]).await;
}

#[tokio::test]
async fn of_several_accounts_the_last_used_one_counts() {
    let ada = Ada::new().await;
    let browser = ada.browser.copy();
    ada.world.app.advance(1);
    send(&ada.world.acme, "access-of-second", None);
    let second = crate::oauth::support::person_with("ada", json!({ "sub": "second-at-idp" }));
    browser
        .link("acme", &ada.world.acme, &second)
        .await
        .assert_leads_to("/settings/accounts");
    assert_eq!(ada.token().await.unwrap(), "access-of-second");
}

#[tokio::test]
async fn no_token_reaches_a_log() {
    let (log, _guard) = Log::capture();
    let ada = Ada::later("canary-access", Some("canary-refresh")).await;
    assert_eq!(ada.token().await.unwrap(), "canary-access");
    ada.world.app.advance(3600);
    // A provider that answers with what it was sent, in the places that are logged.
    let echo = json!({ "error": "server_error", "error_description": "canary-refresh" });
    ada.world.acme.reply(Endpoint::Token, Reply::json(400, echo));
    let error = ada.token().await.unwrap_err();
    assert!(!format!("{error:?} {error}").contains("canary"), "{error}");
    assert_eq!(AppError::from(error).status(), 503);
    ada.world.acme.behave();
    ada.world.acme.withdraw();
    assert_must_sign_in(ada.token().await);
    let text = log.text();
    for event in ["renewed a provider's tokens", "server_error", "has been deleted"] {
        assert!(text.contains(event), "{event}");
    }
    for secret in ["canary", "refresh-one", "access-one", "acme secret"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let at_rest = ada.world.app.disk();
    let at_rest = String::from_utf8_lossy(&at_rest);
    assert!(at_rest.contains("ada@example.com") && !at_rest.contains("canary"));
}

/// The parameters a provider sees, apart from those of every flow.
pub async fn asked_for(browser: &Browser, provider: &str) -> [Option<String>; 3] {
    let hop = browser.begin(provider).await;
    ["scope", "access_type", "prompt"].map(|name| hop.param(name))
}

#[tokio::test]
async fn refresh_tokens_are_asked_for_where_configured_only() {
    let text = |text: &str| Some(text.to_owned());
    let world = World::with(&[("CORP_OFFLINE", "1")]).await;
    let browser = world.browser();
    assert_eq!(
        asked_for(&browser, "acme").await,
        [text("openid profile email"), None, None]
    );
    assert_eq!(
        asked_for(&browser, "corp").await,
        [text("openid profile email offline_access"), None, text("consent")]
    );
}
