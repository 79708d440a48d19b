//! An account belongs to the issuer that vouched for it, and what is sealed for it to its own row and column.

use auth::Error;
use serde_json::{Value, json};

use crate::oauth::{
    idp::{Endpoint, Idp},
    support::{World, person, person_with},
};
use crate::support::{Browser, Log, PASSWORD, TestApp, clock};

/// The application anew, with Acme's name for another provider.
async fn replaced(world: &mut World) -> Idp {
    let other = Idp::start(&clock()).await;
    let origin = other.origin().to_owned();
    world.restart(&[("ACME_ISSUER", &origin)]).await;
    other
}

async fn token(app: &TestApp, browser: &Browser) -> Result<(), Error> {
    let live = browser.live().await;
    app.auth.oauth.provider_token(&live, "acme").await.map(drop)
}

#[tokio::test]
async fn behind_another_issuer_a_subject_is_another_person() {
    let (log, _guard) = Log::capture();
    let mut world = World::new().await;
    let ada = world.signed_in("acme", &person("ada")).await;
    let acme = world.acme.origin().to_owned();
    let other = replaced(&mut world).await;
    let mallory = person_with("mallory", json!({ "sub": "ada-at-idp" }));
    let browser = world.browser();
    browser
        .sign_in("acme", &other, &mallory)
        .await
        .assert_failed("provider");
    assert_eq!(browser.session().await, Value::Null);
    let log = log.text();
    assert!(log.contains(&acme) && log.contains(other.origin()), "{log}");
    // Neither connects nor confirms anything.
    let here = ada.before(&world.app);
    here.link("acme", &other, &mallory)
        .await
        .assert_leads_to("/settings/accounts?error=provider");
    let hop = here.begin_with("acme", &[("intent", "confirm")]).await;
    here.finish(&hop, &other, &mallory)
        .await
        .assert_leads_to("/login?error=provider&return_to=%2Fsettings%2Fsecurity");
    world
        .app
        .assert_counts(&[("users", 1), ("accounts", 1), ("sessions", 1)])
        .await;
    assert_eq!(here.user().await["accounts"][0]["email"], "ada@example.com");
    // A subject that is not known yet is welcome.
    let newcomer = person_with("grace", json!({ "sub": "grace-elsewhere" }));
    world
        .browser()
        .sign_in("acme", &other, &newcomer)
        .await
        .assert_leads_to("/profile");
    // Back with the old issuer all is as it was.
    world.restart(&[]).await;
    let browser = world.signed_in("acme", &person("ada")).await;
    assert_eq!(browser.session().await["user_id"], here.user().await["id"]);
}

/// A renewal would send one issuer's refresh token to another.
#[tokio::test]
async fn another_issuers_tokens_are_neither_used_nor_sent() {
    let mut world = World::new().await;
    world
        .acme
        .script(|script| script.answer = json!({ "refresh_token": "refresh", "expires_in": 3600 }));
    let ada = world.signed_in("acme", &person("ada")).await;
    token(&world.app, &ada).await.unwrap();
    let other = replaced(&mut world).await;
    let here = ada.before(&world.app);
    for seconds in [0, 3600] {
        world.app.advance(seconds);
        world
            .app
            .sql("UPDATE sessions SET idle_expires_at = expires_at")
            .await;
        let answer = token(&world.app, &here).await;
        assert!(matches!(answer, Err(Error::SignInAtProvider)), "{answer:?}");
    }
    assert_eq!(other.count(Endpoint::Token), 0);
}

#[tokio::test]
async fn an_account_of_another_issuer_is_no_way_in() {
    let mut world = World::new().await;
    let ada = world.signed_in("acme", &person("ada")).await;
    ada.link("corp", &world.corp, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts");
    replaced(&mut world).await;
    let here = ada.before(&world.app);
    let accounts = here.user().await["accounts"].clone();
    let id = |provider: &str| {
        let accounts = accounts.as_array().unwrap();
        let account = accounts.iter().find(|account| account["provider"] == provider);
        account.unwrap()["id"].as_str().unwrap().to_owned()
    };
    here.unlink(&id("corp")).await.refused(409, "last_way_in");
    here.unlink(&id("acme")).await.expect(200);
}

/// An account from before issuers were stored takes the next one; or the one an operator chooses.
#[tokio::test]
async fn an_account_without_an_issuer_takes_over_the_next_ones() {
    let mut world = World::new().await;
    let ada = world.signed_in("acme", &person("ada")).await.user().await["id"].clone();
    world.app.sql("UPDATE accounts SET issuer = NULL").await;
    assert_eq!(
        world.signed_in("acme", &person("ada")).await.user().await["id"],
        ada
    );
    let issuer = world.app.text("SELECT issuer FROM accounts").await;
    assert_eq!(issuer, world.acme.origin());
    // The provider has moved.
    let other = replaced(&mut world).await;
    world.app.sql("UPDATE accounts SET issuer = NULL").await;
    let browser = world.browser();
    browser
        .sign_in("acme", &other, &person("ada"))
        .await
        .assert_leads_to("/profile");
    assert_eq!(browser.user().await["id"], ada);
    let issuer = world.app.text("SELECT issuer FROM accounts").await;
    assert_eq!(issuer, other.origin());
}

// wing:github
/// Plain OAuth 2.0 knows no issuer: userinfo is the identity's source.
#[tokio::test]
async fn without_issuers_the_userinfo_endpoint_decides() {
    let clock = clock();
    let (public, own) = (Idp::start(&clock).await, Idp::start(&clock).await);
    let vars = |idp: &Idp| {
        [
            ("GITHUB_AUTH_URL", idp.at("/authorize")),
            ("GITHUB_TOKEN_URL", idp.at("/token")),
            ("GITHUB_USERINFO_URL", idp.at("/user")),
        ]
    };
    let started = |vars: [(&'static str, String); 3]| {
        let secrets = [("GITHUB_CLIENT_ID", "client"), ("GITHUB_CLIENT_SECRET", "secret")];
        (secrets, vars)
    };
    let person = json!({ "id": 1, "login": "ada" });
    for idp in [&public, &own] {
        idp.script(|script| script.emails = json!([]));
    }
    let mut app: Option<TestApp> = None;
    for (idp, location) in [
        (&public, "/profile"),
        (&own, "/login?error=provider"),
        (&public, "/profile"),
    ] {
        let (secrets, urls) = started(vars(idp));
        let all: Vec<(&str, &str)> = secrets
            .into_iter()
            .chain(urls.iter().map(|(name, url)| (*name, url.as_str())))
            .collect();
        let next = match &app {
            None => TestApp::with_own_providers(&clock, &all).await,
            Some(app) => app.restarted(&all).await,
        };
        let browser = next.browser();
        let hop = browser.begin("github").await;
        browser.finish(&hop, idp, &person).await.assert_leads_to(location);
        next.assert_counts(&[("users", 1), ("accounts", 1)]).await;
        app = Some(next);
    }
}
// end wing:github

/// An attacker who can write to the database, but has no key, cannot move tokens to another account.
#[tokio::test]
async fn a_sealed_token_opens_in_its_own_row_and_column_only() {
    let world = World::new().await;
    let answer = json!({ "refresh_token": "refresh", "expires_in": 3600 });
    world.acme.script(|script| script.answer = answer);
    let ada = world.signed_in("acme", &person("ada")).await;
    let mallory = world.signed_in("acme", &person("mallory")).await;
    for change in [
        "UPDATE accounts SET access_token = (SELECT access_token FROM accounts WHERE email = 'ada@example.com'),
                             refresh_token = (SELECT refresh_token FROM accounts WHERE email = 'ada@example.com')
         WHERE email = 'mallory@example.com'",
        // A refresh token that is handed out as an access token.
        "UPDATE accounts SET access_token = refresh_token, refresh_token = NULL WHERE email = 'ada@example.com'",
    ] {
        world.app.sql(change).await;
        let browser = if change.contains("NULL") { &ada } else { &mallory };
        let asked = token(&world.app, browser).await;
        assert!(matches!(asked, Err(Error::SignInAtProvider)), "{asked:?}");
    }
    assert_eq!(world.token_requests(), 2);
}

#[tokio::test]
async fn a_waiting_account_opens_for_its_owner_only() {
    let world = World::new().await;
    world.browser().register("ada@example.com").await;
    world.browser().register("mallory@example.com").await;
    let browser = world.browser();
    browser
        .sign_in("acme", &world.acme, &person("ada"))
        .await
        .assert_failed("link_required");
    world
        .app
        .sql("UPDATE pending_links SET user_id = (SELECT id FROM users WHERE email = 'mallory@example.com')")
        .await;
    browser.login("mallory@example.com", PASSWORD).await.expect(200);
    assert_eq!(browser.user().await["accounts"], json!([]));
    world.app.assert_counts(&[("accounts", 0)]).await;
}
