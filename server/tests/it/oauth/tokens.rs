//! What is kept of a provider's tokens: sealed, the newest, and never shown.

use auth::{
    clock::from_unix,
    data::IfMatch, // wing:private-data
    keys::Purpose,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::oauth::{
    idp::Endpoint,
    support::{World, person, person_with},
};
use crate::support::{Browser, Log, PASSWORD, TestApp, contains};

const ACCESS: &str = "canary-access-token";
const REFRESH: &str = "canary-refresh-token";

async fn opened(app: &TestApp, column: &'static str) -> Option<String> {
    let opened = app.token(Purpose::ProviderToken, column).await?;
    Some(opened.expect("it opens with its own key"))
}

/// When the one account's token expires, what it is good for, and when the account was last used.
async fn dates(app: &TestApp) -> (Option<OffsetDateTime>, String, OffsetDateTime) {
    sqlx::query_as("SELECT token_expires_at, scopes, last_used_at FROM accounts")
        .fetch_one(app.auth.db.read())
        .await
        .unwrap()
}

/// All a person can see with these cookies.
async fn everything_shown(browser: &Browser) -> String {
    let mut seen = browser.cookie_header().unwrap();
    for path in [
        "/",
        "/profile",
        "/settings/public",
        "/settings/private", // wing:private-data
        "/settings/accounts",
        "/settings/sessions",
        "/settings/security",
        "/api/session",
        "/nowhere",
    ] {
        let answer = browser.get(path).await;
        seen.push_str(&format!("{path}: {answer:?}"));
    }
    for function in [
        "get_user",
        "get_auth_session",
        "list_accounts",
        "list_sessions",
        "get_public_data",
        "describe_private_data", // wing:private-data
    ] {
        let answer = browser.call(function, &[]).await.expect(200);
        seen.push_str(&format!("{function}: {answer:?}"));
    }
    seen
}

#[tokio::test]
async fn tokens_are_sealed_at_rest_and_never_shown() {
    let (log, _guard) = Log::capture();
    let world = World::new().await;
    let answer = json!({ "access_token": ACCESS, "refresh_token": REFRESH });
    world.acme.script(|script| script.answer = answer);
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let (state, flow) = (hop.state(), browser.cookie("flow").unwrap());
    let before = world.app.disk();
    assert!(
        !contains(&before, &state) && !contains(&before, &flow),
        "flows are kept by hashes"
    );
    browser
        .finish(&hop, &world.acme, &person("ada"))
        .await
        .assert_leads_to("/profile");
    // The application has used it.
    assert_eq!(
        world.acme.asked(Endpoint::Userinfo)[0].header("authorization"),
        format!("Bearer {ACCESS}")
    );

    let shown = everything_shown(&browser).await;
    let (at_rest, log) = (world.app.disk(), log.text());
    assert!(contains(&at_rest, "ada@example.com"), "the right files are read");
    assert!(log.contains("signed in"), "the log is captured");
    let id = browser.cookie("id").unwrap();
    let snapshot = browser.cookie("auth").unwrap();
    for secret in [ACCESS, REFRESH, "acme secret", &state, &flow, &id, &snapshot] {
        assert!(!contains(&at_rest, secret), "{secret} at rest");
        assert!(!log.contains(secret), "{secret} in the log");
    }
    for secret in [ACCESS, REFRESH, "acme secret"] {
        assert!(!shown.contains(secret), "{secret} on a page");
    }
    assert_eq!(opened(&world.app, "access_token").await.as_deref(), Some(ACCESS));
    assert_eq!(
        opened(&world.app, "refresh_token").await.as_deref(),
        Some(REFRESH)
    );
}

#[tokio::test]
async fn a_sealed_token_opens_for_its_purpose_only_and_differs_each_time() {
    let world = World::new().await;
    world
        .acme
        .script(|script| script.answer = json!({ "access_token": ACCESS }));
    world.signed_in("acme", &person("ada")).await;
    let sealed = world.app.text("SELECT access_token FROM accounts").await;
    for purpose in [
        Purpose::Snapshot,
        Purpose::PendingLink,
        Purpose::Flash,
        Purpose::PrivateData, // wing:private-data
    ] {
        assert_eq!(world.app.token(purpose, "access_token").await, Some(None));
    }
    world.signed_in("acme", &person("ada")).await;
    assert_ne!(world.app.text("SELECT access_token FROM accounts").await, sealed);
}

#[tokio::test]
async fn the_next_sign_in_renews_tokens_and_profile() {
    let world = World::new().await;
    let at = |seconds: i64| from_unix(world.acme.now() + seconds);
    world.acme.script(|script| {
        script.answer =
            json!({ "access_token": "access-one", "refresh_token": "refresh-one", "expires_in": 60 });
    });
    world.signed_in("acme", &person("ada")).await;
    assert_eq!(
        dates(&world.app).await,
        (Some(at(60)), "openid profile email".to_owned(), at(0))
    );

    // Most providers hand out a refresh token once: an answer without one keeps the old.
    world.app.advance(100);
    world
        .acme
        .script(|script| script.answer = json!({ "access_token": "access-two", "scope": "openid" }));
    world
        .signed_in("acme", &person_with("ada", json!({ "groups": ["a"] })))
        .await;
    assert_eq!(
        opened(&world.app, "access_token").await.as_deref(),
        Some("access-two")
    );
    assert_eq!(
        opened(&world.app, "refresh_token").await.as_deref(),
        Some("refresh-one")
    );
    assert_eq!(
        dates(&world.app).await,
        (Some(at(3600)), "openid".to_owned(), at(0))
    );
    let profile = world.app.text("SELECT CAST(profile AS TEXT) FROM accounts").await;
    let profile: Value = serde_json::from_str(&profile).unwrap();
    assert_eq!(profile["groups"], json!(["a"]));
    for about_the_token in ["nonce", "aud", "iss", "exp", "at_hash"] {
        assert_eq!(profile.get(about_the_token), None);
    }

    world.acme.script(|script| {
        script.answer = json!({ "access_token": "access-three", "refresh_token": "refresh-three", "expires_in": null });
    });
    world.signed_in("acme", &person("ada")).await;
    assert_eq!(
        opened(&world.app, "refresh_token").await.as_deref(),
        Some("refresh-three")
    );
    assert_eq!(dates(&world.app).await.0, None);
}

#[tokio::test]
async fn a_failed_sign_in_renews_nothing() {
    let world = World::new().await;
    world.signed_in("acme", &person("ada")).await;
    let before = opened(&world.app, "access_token").await;
    world.acme.script(|script| {
        script.answer = json!({ "access_token": "stolen" });
        script.claims = json!({ "nonce": "wrong" });
    });
    world
        .browser()
        .sign_in("acme", &world.acme, &person("ada"))
        .await
        .assert_failed("provider");
    assert_eq!(opened(&world.app, "access_token").await, before);
}

#[tokio::test]
async fn an_account_that_waits_for_its_owner_is_sealed_too() {
    let world = World::new().await;
    let answer = json!({ "access_token": ACCESS, "refresh_token": REFRESH });
    world.acme.script(|script| script.answer = answer);
    world.browser().register("ada@example.com").await;
    let ada = person_with("ada", json!({ "sub": "canary-subject" }));
    let browser = world.browser();
    browser
        .sign_in("acme", &world.acme, &ada)
        .await
        .assert_failed("link_required");
    let at_rest = world.app.disk();
    for secret in [
        ACCESS,
        REFRESH,
        "canary-subject",
        &browser.cookie("flow").unwrap(),
    ] {
        assert!(!contains(&at_rest, secret), "{secret}");
    }
    browser.login("ada@example.com", PASSWORD).await;
    assert_eq!(
        opened(&world.app, "refresh_token").await.as_deref(),
        Some(REFRESH)
    );
}

/// A lost key voids what it sealed, and keeps no user out.
#[tokio::test]
async fn users_still_sign_in_after_a_change_of_the_secret() {
    let mut world = World::new().await;
    world.signed_in("acme", &person("ada")).await;
    world.browser().register("grace@example.com").await;
    let waiting = world.browser();
    waiting
        .sign_in("acme", &world.acme, &person("grace"))
        .await
        .assert_failed("link_required");
    let flow = waiting.cookie("flow").unwrap();

    world
        .restart(&[("SESSION_SECRET", "IB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgE=")])
        .await;
    assert_eq!(
        world.app.token(Purpose::ProviderToken, "access_token").await,
        Some(None)
    );
    world.signed_in("acme", &person("ada")).await;
    assert!(
        opened(&world.app, "access_token")
            .await
            .unwrap()
            .starts_with("access-")
    );
    // What waited can be read no more: the owner signs in, and starts again.
    let waiting = world.browser();
    waiting.set_cookie("flow", Some(&flow));
    waiting.login("grace@example.com", PASSWORD).await.expect(200);
    assert_eq!(waiting.user().await["accounts"], json!([]));
    world.app.assert_counts(&[("users", 2), ("accounts", 1)]).await;
}

/// A provider may send tokens longer than expected.
#[tokio::test]
async fn long_tokens_are_kept_whole() {
    let world = World::new().await;
    let long = "t".repeat(20_000);
    let answer = json!({ "access_token": long, "refresh_token": long });
    world.acme.script(|script| script.answer = answer);
    world.signed_in("acme", &person("ada")).await;
    assert_eq!(opened(&world.app, "access_token").await, Some(long.clone()));
    assert_eq!(opened(&world.app, "refresh_token").await, Some(long));
}

// wing:private-data
/// Private data is sealed in the same way, and what is measured of it is what was written.
#[tokio::test]
async fn a_bucket_holds_as_much_as_before_it_was_sealed() {
    let world = World::new().await;
    let live = world.signed_in("acme", &person("ada")).await.live().await;
    let buckets = &world.app.auth.buckets;
    let write = async |key: &'static str, kib: usize| {
        let value = Some("x".repeat(kib * 1024).into());
        buckets
            .update_private(&live, vec![(key, value)], &IfMatch::None)
            .await
    };
    write("a", 200).await.unwrap();
    let refused = write("b", 60).await;
    assert!(matches!(refused, Err(auth::Error::TooLarge)), "{refused:?}");
    write("b", 50).await.unwrap();
}
// end wing:private-data
