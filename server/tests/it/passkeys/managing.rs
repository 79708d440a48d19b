//! Naming and removing passkeys, and what removes them.

use super::{ADA, Authenticator, listed, sign_in};
use crate::oauth::support::{World, person};
use crate::support::OTHER_PASSWORD; // wing:mail
use crate::support::{Browser, SOME_ID, TestApp};

async fn only(user: &Browser) -> String {
    let list = listed(user).await;
    assert_eq!(list.len(), 1);
    list[0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_passkey_gets_another_name_and_nobody_elses_does() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    Authenticator::of(&ada).await;
    let id = only(&ada).await;
    // Old sessions may do it, too.
    app.advance(1200);
    let rename = async |who: &Browser, id: &str| {
        let fields = [("passkey_id", id), ("name", "  Key on my ring ")];
        who.call("rename_passkey", &fields).await
    };
    rename(&ada, &id).await.expect(200);
    assert_eq!(listed(&ada).await[0]["name"], "Key on my ring");
    rename(&ada, SOME_ID).await.refused(404, "not_found");
    let bob = app.registered("bob@example.com").await;
    rename(&bob, &id).await.refused(404, "not_found");
    for function in ["rename_passkey", "delete_passkey"] {
        let fields = [("passkey_id", "1"), ("name", "x")];
        ada.call(function, &fields).await.refused(422, "invalid_input");
    }
}

#[tokio::test]
async fn a_passkey_is_removed_with_a_recent_session_and_the_other_sessions_end() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let phone = Authenticator::of(&ada).await;
    let id = only(&ada).await;
    let delete = async |who: &Browser, id: &str| who.call("delete_passkey", &[("passkey_id", id)]).await;
    let bob = app.registered("bob@example.com").await;
    delete(&bob, &id).await.refused(404, "not_found");
    let other = app.signed_in(ADA).await;
    let done = delete(&ada, &id).await.expect(200);
    assert!(done.renews() && !other.is_signed_in().await);
    assert!(listed(&ada).await.is_empty());
    sign_in(&app.browser(), &phone)
        .await
        .refused(401, "unknown_passkey");
    let event = ada.call("list_own_events", &[]).await.json()[0].clone();
    assert_eq!(
        (&event["kind"], &event["note"]),
        (&"remove_passkey".into(), &"Phone".into())
    );
    app.advance(600);
    delete(&ada, &id).await.refused(403, "reauth_required");
}

/// A person of a provider, without password and verified address: of provider account and passkey, one stays.
#[tokio::test]
async fn the_last_way_in_stays() {
    let world = World::new().await;
    let app = &world.app;
    let ada = world.signed_in("acme", &person("ada")).await;
    let phone = Authenticator::of(&ada).await;
    app.sql("UPDATE users SET email_verified_at = NULL, email = NULL")
        .await;
    app.sql("UPDATE accounts SET email_verified = FALSE, email = NULL")
        .await;
    let accounts = ada.call("list_accounts", &[]).await.expect(200).json();
    let account = accounts[0]["id"].as_str().unwrap().to_owned();
    // With a passkey, the account can go.
    let shown = ada.get("/settings/accounts").await.expect(200);
    assert!(!shown.shows("your only way to sign in"));
    ada.call("unlink_account", &[("account_id", &account)])
        .await
        .expect(200);
    let id = only(&ada).await;
    ada.call("delete_passkey", &[("passkey_id", &id)])
        .await
        .refused(409, "last_way_in");
    let ada = app.browser();
    sign_in(&ada, &phone).await.expect(200);
    ada.call("set_password", &[("new_password", crate::support::PASSWORD)])
        .await
        .expect(200);
    // A password without an address to type is none.
    ada.call("delete_passkey", &[("passkey_id", &id)])
        .await
        .refused(409, "last_way_in");
}

// wing:mail
#[tokio::test]
async fn a_reset_removes_the_passkeys_of_an_unverified_address_only() {
    let app = TestApp::new().await;
    for (is_verified, left) in [(false, 0), (true, 1)] {
        let email = format!("{is_verified}@example.com");
        let user = app.registered(&email).await;
        if is_verified {
            crate::mail::verify(&app, &user, &email).await;
        }
        let phone = Authenticator::of(&user).await;
        let token = crate::mail::reset_token(&app, &email).await;
        let fields = [("token", token.as_str()), ("new_password", OTHER_PASSWORD)];
        app.browser().call("reset_password", &fields).await.expect(200);
        let answer = sign_in(&app.browser(), &phone).await;
        assert_eq!(answer.status == 200, is_verified);
        app.assert_counts(&[("passkeys", left)]).await;
    }
}

/// Whoever changes the address of somebody else's account first adds a key of their own.
#[tokio::test]
async fn taking_a_change_of_address_back_removes_the_passkeys_since_the_day_before() {
    let app = TestApp::new().await;
    let ada = crate::mail::verified(&app, ADA).await;
    let own = Authenticator::of(&ada).await;
    app.advance(2 * 86_400);
    let thief = app.signed_in(ADA).await;
    let theirs = Authenticator::of(&thief).await;
    app.advance(60);
    thief
        .call("change_email", &[("email", "thief@example.com")])
        .await
        .expect(200);
    let token = crate::mail::token(&crate::mail::newest(&app, "thief@example.com").await);
    thief
        .call("confirm_email_change", &[("token", &token)])
        .await
        .expect(200);
    let token = crate::mail::token(&crate::mail::newest(&app, ADA).await);
    app.browser()
        .call("undo_email_change", &[("token", &token)])
        .await
        .expect(200);
    sign_in(&app.browser(), &theirs)
        .await
        .refused(401, "unknown_passkey");
    sign_in(&app.browser(), &own).await.expect(200);
}
// end wing:mail

// wing:admin
#[tokio::test]
async fn an_administrator_removes_the_passkeys_of_who_has_lost_them() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let phone = Authenticator::of(&ada).await;
    app.registered("admin@example.com").await;
    app.promote("admin@example.com").await;
    let admin = app.signed_in("admin@example.com").await;
    let id = app.id_of(ADA).await.to_string();
    let page = admin.get(&format!("/admin/people/{id}")).await.expect(200);
    assert!(page.shows("Remove second factors"));
    admin
        .call("admin/reset_factors", &[("user_id", &id)])
        .await
        .expect(200);
    assert!(!ada.is_signed_in().await);
    app.assert_counts(&[("passkeys", 0)]).await;
    sign_in(&app.browser(), &phone)
        .await
        .refused(401, "unknown_passkey");
    admin
        .call("admin/reset_factors", &[("user_id", &id)])
        .await
        .refused(409, "no_second_factor");
}
// end wing:admin
