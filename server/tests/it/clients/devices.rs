//! The device grant at its endpoints.

use super::support::{ADA, Client, DEVICE_GRANT, Tokens, call_with, recognised, refused};
use crate::support::{Browser, TestApp, all_at_once};

async fn decide(user: &Browser, code: &str, allow: bool) -> auth::Result<()> {
    let clients = &user.app().auth.clients;
    clients.decide_device(&recognised(user).await, code, allow).await
}

#[tokio::test]
async fn a_device_waits_until_its_user_has_typed_its_code() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let tv = Client::public(&app, "tv").await;
    let answer = tv
        .call("/oauth/device_authorization", &[])
        .send()
        .await
        .expect(200);
    let json = answer.json();
    let code = json["user_code"].as_str().unwrap();
    assert_eq!((code.len(), &code[4..5]), (9, "-"));
    assert_eq!(json["verification_uri"], "https://app.example/device");
    assert_eq!(
        json["verification_uri_complete"],
        format!("https://app.example/device?user_code={code}")
    );
    assert_eq!((&json["expires_in"], &json["interval"]), (&600.into(), &5.into()));
    assert_eq!(json.as_object().unwrap().len(), 6, "{json}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let device = json["device_code"].as_str().unwrap();
    for secret in [device, code, &code.replace('-', "")] {
        assert!(!crate::support::contains(&app.disk(), secret));
    }

    refused(tv.poll(device).await, 400, "authorization_pending");
    app.advance(5);
    refused(tv.poll(device).await, 400, "authorization_pending");
    decide(&ada, &code.to_lowercase().replace('-', " "), true)
        .await
        .unwrap();
    let tokens = Tokens::of(&tv.poll(device).await.expect(200));
    let session = call_with(&app, &tokens.access, "get_auth_session", &[])
        .await
        .expect(200);
    assert_eq!(session.json()["email"], ADA);
    refused(tv.poll(device).await, 400, "invalid_grant");
    tv.refresh(&tokens.refresh).await.expect(200);
}

#[tokio::test]
async fn a_device_that_asks_too_often_is_slowed_down_for_good() {
    let app = TestApp::new().await;
    let tv = Client::public(&app, "tv").await;
    let (device, _) = tv.device(&[]).await;
    refused(tv.poll(&device).await, 400, "authorization_pending");
    for (wait, code) in [
        (4, "slow_down"),
        (9, "slow_down"),
        (14, "slow_down"),
        (20, "authorization_pending"),
        (19, "slow_down"),
        (25, "authorization_pending"),
    ] {
        app.advance(wait);
        refused(tv.poll(&device).await, 400, code);
    }
}

#[tokio::test]
async fn a_device_is_told_of_a_no_and_of_its_end() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let tv = Client::public(&app, "tv").await;
    let (denied, code) = tv.device(&[]).await;
    decide(&ada, &code, false).await.unwrap();
    for _ in 0..2 {
        refused(tv.poll(&denied).await, 400, "access_denied");
    }
    let (late, code) = tv.device(&[]).await;
    app.advance(599);
    refused(tv.poll(&late).await, 400, "authorization_pending");
    app.advance(1);
    refused(tv.poll(&late).await, 400, "expired_token");
    assert!(matches!(
        decide(&ada, &code, true).await,
        Err(auth::Error::NotFound)
    ));
    let other = Client::public(&app, "other").await;
    let (device, code) = tv.device(&[]).await;
    decide(&ada, &code, true).await.unwrap();
    for unknown in ["sad_", "x", device.as_str()] {
        let code = [("grant_type", DEVICE_GRANT), ("device_code", unknown)];
        refused(other.token(&code).await, 400, "invalid_grant");
    }
    tv.poll(&device).await.expect(200);
}

#[tokio::test]
async fn an_approval_is_collected_once_however_many_ask() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let tv = Client::public(&app, "tv").await;
    let (device, code) = tv.device(&[]).await;
    decide(&ada, &code, true).await.unwrap();
    let polls = (0..8).map(|_| {
        let (tv, device) = (tv.clone(), device.clone());
        async move { tv.poll(&device).await.status }
    });
    let mut statuses = all_at_once(polls).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200], vec![400; 7]].concat());
    app.assert_counts(&[("sessions", 2)]).await;
}

#[tokio::test]
async fn a_device_that_never_stops_asking_costs_ever_less() {
    let app = TestApp::new().await;
    let tv = Client::public(&app, "tv").await.at("198.51.100.1");
    let (device, _) = tv.device(&[]).await;
    let written = async || app.number("SELECT poll_interval FROM device_grants").await;
    for _ in 0..9 {
        for _ in 0..60 {
            tv.poll(&device).await;
        }
        app.advance(60);
    }
    assert_eq!(written().await, 600, "more than its life");
    // Within a minute, the sixty-first poll is not even written down.
    let (device, _) = tv.device(&[]).await;
    for _ in 0..60 {
        tv.poll(&device).await;
    }
    let last = async || {
        app.text("SELECT CAST(max(polled_at) AS TEXT) FROM device_grants")
            .await
    };
    let before = last().await;
    app.advance(1);
    refused(tv.poll(&device).await, 400, "slow_down");
    assert_eq!(last().await, before);
}

#[tokio::test]
async fn what_a_device_is_told_by_its_own_rules_stops_no_other() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let tv = Client::public(&app, "tv").await.at("198.51.100.1");
    for decision in [Some(false), None] {
        let (device, code) = tv.device(&[]).await;
        match decision {
            Some(allow) => decide(&ada, &code, allow).await.unwrap(),
            None => app.advance(600),
        }
        for _ in 0..40 {
            tv.poll(&device).await;
        }
    }
    tv.tokens(&ada).await;
}

#[tokio::test]
async fn what_ends_a_users_sessions_takes_approvals_back() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let tv = Client::public(&app, "tv").await;
    let (device, code) = tv.device(&[]).await;
    decide(&ada, &code, true).await.unwrap();
    ada.call("revoke_other_sessions", &[]).await.expect(200);
    refused(tv.poll(&device).await, 400, "invalid_grant");
}

#[tokio::test]
async fn only_clients_that_are_registered_for_it_start_devices_and_not_too_many() {
    let app = TestApp::new().await;
    let web = Client::registered(&app, "web", |new| new.grants.clear()).await;
    let answer = web.call("/oauth/device_authorization", &[]).send().await;
    refused(answer, 400, "unauthorized_client");
    let tv = Client::public(&app, "tv").await;
    for fields in [&[("scope", "app")][..], &[("scope", "x")]] {
        let answer = tv.call("/oauth/device_authorization", fields).send().await;
        refused(answer, 400, "invalid_scope");
    }
    let tv = tv.at("198.51.100.1");
    for _ in 0..10 {
        tv.device(&[]).await;
    }
    let answer = tv.call("/oauth/device_authorization", &[]).send().await;
    refused(answer, 429, "temporarily_unavailable");
    app.advance(660 + 600);
    app.auth.sweep().await.unwrap();
    app.assert_counts(&[("device_grants", 0)]).await;
}
