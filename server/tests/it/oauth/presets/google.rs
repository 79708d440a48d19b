//! Google.

use serde_json::json;

use super::{FULL, Preset, Row, oidc, s256, with};
use crate::oauth::{
    idp::Idp,
    provider_token::{asked_for, send},
    support::{World, person},
};
use crate::support::{TestApp, clock};

#[tokio::test]
async fn it_signs_in_as_the_provider_wants_it() {
    Row {
        id: "google",
        plain: false,
        asks: with(s256(), json!({ "scope": "openid profile email" })),
        secret_in_body: true,
        person: oidc(),
        subject: "1",
        user: FULL,
    }
    .signs_in()
    .await;
}

#[tokio::test]
async fn a_confirmation_asks_for_a_sign_in() {
    Preset::oidc("google", "", &[])
        .await
        .asks_afresh(&[("prompt", Some("select_account")), ("max_age", Some("0"))])
        .await;
}

/// Google does not say when somebody signed in unless it is told to by other means, which its row knows.
#[tokio::test]
async fn a_provider_known_to_leave_the_time_out_is_judged_by_it_only_if_it_sends_it() {
    let clock = clock();
    let idp = Idp::start(&clock).await;
    let vars = [
        ("GOOGLE_CLIENT_ID", "client"),
        ("GOOGLE_CLIENT_SECRET", "secret"),
        ("GOOGLE_ISSUER", idp.origin()),
    ];
    let app = TestApp::with_own_providers(&clock, &vars).await;
    let browser = app.browser().unhindered();
    browser
        .sign_in("google", &idp, &person("ada"))
        .await
        .assert_leads_to("/profile");
    for (auth_time, leads_to) in [
        (json!(null), "/settings/security"),
        (
            json!(idp.now()),
            "/login?error=expired&return_to=%2Fsettings%2Fsecurity",
        ),
    ] {
        idp.script(|script| script.claims = json!({ "auth_time": auth_time }));
        app.advance(600);
        let hop = browser.begin_with("google", &[("intent", "confirm")]).await;
        let answer = browser.finish(&hop, &idp, &person("ada")).await;
        answer.assert_leads_to(leads_to);
    }
}

/// Where a refresh token is wanted, Google is asked for consent: for that once, instead of what is configured.
#[tokio::test]
async fn what_a_request_needs_comes_before_what_is_configured() {
    let more = [
        ("GOOGLE_OFFLINE", "1"),
        ("GOOGLE_PARAMS", "prompt=select_account&hd=corp.example"),
    ];
    let google = Preset::oidc("google", "", &more).await;
    let browser = google.browser();
    let asked = |hop: crate::oauth::support::Hop| (hop.param("prompt"), hop.param("hd"));
    let says = |prompt: &str| (Some(prompt.to_owned()), Some("corp.example".to_owned()));
    let hop = browser.begin("google").await;
    assert_eq!(asked(hop.clone()), says("select_account"));
    browser
        .finish(&hop, &google.idp, &person("ada"))
        .await
        .assert_leads_to("/profile");
    assert_eq!(asked(browser.begin("google").await), says("consent"));
}

#[tokio::test]
async fn google_asks_again_only_whose_refresh_token_we_lack() {
    let mut world = World::new().await;
    let origin = world.acme.origin().to_owned();
    let google = [
        ("GOOGLE_ISSUER", origin.as_str()),
        ("GOOGLE_CLIENT_ID", "g"),
        ("GOOGLE_CLIENT_SECRET", "s"),
    ];
    let offline = [&google[..], &[("GOOGLE_OFFLINE", "1")]].concat();
    let scope = || Some("openid profile email".to_owned());
    let asks = |again: bool| {
        let prompt = again.then(|| "consent".to_owned());
        [scope(), Some("offline".to_owned()), prompt]
    };
    world.restart(&google).await;
    assert_eq!(asked_for(&world.browser(), "google").await, [scope(), None, None]);
    world.restart(&offline).await;
    // Who this is nobody knows yet.
    assert_eq!(asked_for(&world.browser(), "google").await, asks(false));
    let browser = world.browser();
    let ada = person("ada");
    send(&world.acme, "access-one", None);
    browser
        .sign_in("google", &world.acme, &ada)
        .await
        .assert_leads_to("/profile");
    assert_eq!(asked_for(&browser, "google").await, asks(true));
    send(&world.acme, "access-two", Some("refresh-two"));
    browser
        .sign_in("google", &world.acme, &ada)
        .await
        .assert_leads_to("/profile");
    assert_eq!(asked_for(&browser, "google").await, asks(false));
    // A refresh token whose key is gone is none.
    let lost = ("SESSION_SECRET", "IB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgE=");
    world.restart(&[&offline[..], &[lost]].concat()).await;
    let browser_then = browser.before(&world.app);
    assert_eq!(asked_for(&browser_then, "google").await, asks(true));
}
