//! Making passkeys.

use serde_json::{Value, json};

use super::{ADA, Authenticator, listed, sign_in, start};
use crate::support::{Answer, Browser, TestApp, contains};

async fn finish(user: &Browser, credential: &str) -> Answer {
    let fields = [("credential", credential), ("name", "Phone")];
    user.call("finish_passkey", &fields).await
}

#[tokio::test]
async fn a_passkey_is_made_with_a_recent_session_and_the_other_sessions_end() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let other = app.signed_in(ADA).await;
    assert_eq!(listed(&ada).await, Vec::<Value>::new());
    let options = start(&ada, "start_passkey").await;
    // It can be found without naming its user, and only with its user verified.
    let selection = &options["authenticatorSelection"];
    assert_eq!(selection["residentKey"], "required");
    assert_eq!(selection["requireResidentKey"], true);
    assert_eq!(selection["userVerification"], "required");
    assert_eq!(options["attestation"], "none");
    assert_eq!(
        (&options["rp"]["id"], &options["user"]["name"]),
        (&json!("app.example"), &json!(ADA))
    );
    let mut phone = Authenticator::new();
    let credential = phone.make(&options);
    let done = finish(&ada, &credential).await.expect(200);
    assert!(done.renews(), "a copied cookie is worthless");
    let made = done.json();
    let members: Vec<_> = made.as_object().unwrap().keys().collect();
    assert_eq!(members, ["created_at", "id", "name"]);
    assert!(ada.is_signed_in().await && !other.is_signed_in().await);
    assert_eq!(
        listed(&ada).await,
        [
            json!({ "id": made["id"], "name": "Phone", "created_at": made["created_at"], "last_used_at": null, "synced": false })
        ]
    );
    assert_eq!(
        ada.call("list_own_events", &[]).await.json()[0]["kind"],
        "add_passkey"
    );
    assert_eq!(
        app.number("SELECT count(*) FROM passkeys WHERE aaguid IS NOT NULL")
            .await,
        1
    );
    // The next one is not made where there is one.
    let options = start(&ada, "start_passkey").await;
    assert_eq!(options["excludeCredentials"].as_array().unwrap().len(), 1);
    app.assert_counts(&[("ceremonies", 1)]).await;
    sign_in(&app.browser(), &phone).await.expect(200);
    assert!(!contains(&app.disk(), &credential));
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_uses_the_challenge_up() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let lies: [fn(&mut Authenticator); 7] = [
        |it| it.origin = "https://evil.example".to_owned(),
        |it| it.host = "evil.example".to_owned(),
        |it| it.kind = Some("webauthn.get"),
        |it| it.cross_origin = true,
        |it| it.verifies = false,
        |it| it.id.truncate(15),
        |it| it.id = vec![7; 1024],
    ];
    for (place, lie) in lies.into_iter().enumerate() {
        let options = start(&ada, "start_passkey").await;
        let mut liar = Authenticator::new();
        lie(&mut liar);
        finish(&ada, &liar.make(&options))
            .await
            .refused(422, "invalid_input");
        // A frame of another site is not worth a look at the challenge.
        if place != 3 {
            let mut honest = Authenticator::new();
            finish(&ada, &honest.make(&options))
                .await
                .refused(422, "invalid_input");
        }
    }
    for text in ["", "{}", "null", "\u{e9}"] {
        finish(&ada, text).await.refused(422, "invalid_input");
    }
    assert!(listed(&ada).await.is_empty());
}

#[tokio::test]
async fn a_challenge_is_good_once_for_five_minutes_in_its_session() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let options = start(&ada, "start_passkey").await;
    let credential = Authenticator::new().make(&options);
    // Another session of the same user, and another user.
    let other = app.signed_in(ADA).await;
    let bob = app.registered("bob@example.com").await;
    for browser in [&other, &bob] {
        finish(browser, &credential).await.refused(422, "invalid_input");
    }
    app.advance(299);
    finish(&ada, &credential).await.expect(200);
    finish(&ada, &credential).await.refused(422, "invalid_input");

    let options = start(&ada, "start_passkey").await;
    app.advance(300);
    let late = Authenticator::new().make(&options);
    finish(&ada, &late).await.refused(422, "invalid_input");

    // One of a sign-in makes no passkey.
    let mut options = start(&ada, "start_passkey_sign_in").await;
    options["user"] = json!({ "id": "AAAA" });
    let stray = Authenticator::new().make(&options);
    finish(&ada, &stray).await.refused(422, "invalid_input");
    assert_eq!(listed(&ada).await.len(), 1);
}

#[tokio::test]
async fn nobody_has_a_passkey_that_another_has() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mut phone = Authenticator::of(&ada).await;
    let bob = app.registered("bob@example.com").await;
    let options = start(&bob, "start_passkey").await;
    finish(&bob, &phone.make(&options))
        .await
        .refused(422, "invalid_input");
    assert!(listed(&bob).await.is_empty());
    assert_eq!(listed(&ada).await.len(), 1);
}

#[tokio::test]
async fn the_twenty_first_is_one_too_many() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for _ in 0..19 {
        Authenticator::of(&ada).await;
        app.advance(3);
    }
    // Two that are under way at once, for one place. The first ends the other's challenge.
    let options = [
        start(&ada, "start_passkey").await,
        start(&ada, "start_passkey").await,
    ];
    let [first, second] = options.map(|options| Authenticator::new().make(&options));
    finish(&ada, &first).await.expect(200);
    finish(&ada, &second).await.refused(422, "invalid_input");
    ada.call("start_passkey", &[]).await.refused(409, "too_many");
    assert_eq!(listed(&ada).await.len(), 20);
}

#[tokio::test]
async fn it_takes_a_recent_session_and_a_name_is_as_clean_as_any() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.advance(300);
    let options = start(&ada, "start_passkey").await;
    let credential = Authenticator::new().make(&options);
    app.advance(299);
    let late = ada.copy();
    app.advance(1);
    finish(&late, &credential).await.refused(403, "reauth_required");
    ada.call("start_passkey", &[])
        .await
        .refused(403, "reauth_required");
    ada.call("confirm_identity", &[("password", crate::support::PASSWORD)])
        .await
        .expect(200);
    for (typed, kept) in [
        ("", "Passkey"),
        (" \u{202e}My\nkey ", "Mykey"),
        ("\u{200b}", "Passkey"),
    ] {
        let options = start(&ada, "start_passkey").await;
        let credential = Authenticator::new().make(&options);
        let fields = [("credential", &*credential), ("name", typed)];
        let made = ada.call("finish_passkey", &fields).await.expect(200).json();
        assert_eq!(made["name"], kept);
    }
}
