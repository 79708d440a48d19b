//! What users are told of, whom it reaches, and what is in it.

use auth::admin::{Administration, By}; // wing:admin
use auth::mail::Delivered;

use super::{ADA, change_pages, notices, reset_token, verified};
use crate::accounts::connect;
use crate::clients::support::Client; // wing:clients
use crate::oauth::support::{World, person};
use crate::second_factors::App; // wing:second-factors
use crate::support::Function; // wing:admin
use crate::support::{Browser, NEW_SECRET, OTHER_PASSWORD, PASSWORD, SECRET, TestApp};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36";
const EVE: &str = "eve@example.com";
const DAY: i64 = 24 * 3600;

/// Signs in with this browser.
async fn sign_in(browser: &Browser, user_agent: &str) {
    let fields = [("email", ADA), ("password", PASSWORD)];
    let call = browser.post("/api/login", &fields);
    call.header("user-agent", user_agent).send().await.expect(200);
}

/// The only notice since this was asked last, which has what all have and this.
async fn only(app: &TestApp, before: &mut usize, subject: &str, more: &[&str]) -> Delivered {
    let all = notices(app, ADA).await;
    let subjects: Vec<_> = all.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(all.len(), *before + 1, "{subject}: {subjects:?}");
    *before = all.len();
    let mail = all.into_iter().next_back().unwrap();
    assert!(mail.subject.contains(subject), "{subject}: {}", mail.subject);
    for said in more {
        assert!(mail.text.contains(said), "{said}: {}", mail.text);
    }
    for banned in ["token=", "://"] {
        assert!(
            !mail.text.contains(banned) && !mail.html.contains(banned),
            "{}",
            mail.text
        );
    }
    mail
}

/// What is said of a deed of the user's.
const OWN: &[&str] = &[
    "UTC, from the network address 203.0.113.7, with this browser: ",
    "If that was not you",
];

/// The same from wherever the test's client is.
const FROM: &[&str] = &["with this browser: ", "If that was not you"];

#[tokio::test]
async fn a_new_device_is_told_of_and_a_known_browser_or_network_is_none() {
    let app = TestApp::new().await;
    let mut told = 0;
    let at = |ip: &str| app.browser().at(ip);
    let fields = [("email", ADA), ("password", PASSWORD)];
    let first = at("198.51.100.1").post("/api/register", &fields);
    first.header("user-agent", FIREFOX).send().await.expect(200);
    let ada = at("198.51.100.1");
    sign_in(&ada, FIREFOX).await;
    super::verify(&app, &ada, ADA).await;
    assert_eq!(
        notices(&app, ADA).await.len(),
        told,
        "the first sign-in is no news"
    );
    // The same network, and then the same browser elsewhere.
    sign_in(&at("198.51.100.200"), CHROME).await;
    sign_in(&at("192.0.2.1"), FIREFOX).await;
    assert_eq!(notices(&app, ADA).await.len(), told);

    sign_in(&at("2001:db8:1:2::3"), "Mozilla/5.0 (iPhone) Safari/605.1").await;
    let mail = only(&app, &mut told, "New sign-in at", &["2001:db8:1:2::3"]).await;
    assert!(
        mail.text.contains("with this browser: Safari on iPhone."),
        "{}",
        mail.text
    );
    // Known from now on, as a /48.
    sign_in(&at("2001:db8:1:ffff::4"), "odd").await;
    assert_eq!(notices(&app, ADA).await.len(), told);

    // Another account knows nothing of it.
    let eve = app.registered(EVE).await;
    super::verify(&app, &eve, EVE).await;
    let elsewhere = at("2001:db8:1:2::3");
    elsewhere.login(EVE, PASSWORD).await.expect(200);
    sign_in(&ada, FIREFOX).await;
    assert_eq!(notices(&app, ADA).await.len(), told);

    // Nothing is known for longer than 90 days, whether or not it was swept.
    app.advance(90 * DAY - 1);
    sign_in(&ada, "Opera of yesterday").await;
    assert_eq!(notices(&app, ADA).await.len(), told);
    app.advance(90 * DAY);
    sign_in(&ada, FIREFOX).await;
    only(&app, &mut told, "New sign-in at", &["198.51.100.1"]).await;
    assert_eq!(app.count("seen_clients WHERE last_seen_at IS NULL").await, 0);
    app.auth.sweep().await.unwrap();
    assert_eq!(app.count("seen_clients").await, 2);
}

/// A new secret in front recognises what the older one made.
#[tokio::test]
async fn what_is_known_survives_a_rotation_of_the_secret() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    sign_in(&app.browser(), FIREFOX).await;
    let secrets = format!("{NEW_SECRET},{SECRET}");
    let rotated = app.restarted(&[("SESSION_SECRET", &secrets)]).await;
    sign_in(&rotated.browser().at("192.0.2.1"), FIREFOX).await;
    assert!(notices(&rotated, ADA).await.is_empty());
    sign_in(&rotated.browser().at("198.51.100.1"), CHROME).await;
    assert_eq!(notices(&rotated, ADA).await.len(), 1);
}

/// What a browser calls itself is typed by whoever sends it.
#[tokio::test]
async fn a_browser_is_named_from_a_list_and_never_as_it_names_itself() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let mut told = 0;
    let odd = [
        "<script>alert(1)</script>",
        "Call +49 30 12345678 at once, https://evil.example/",
        "\u{202e}xoferiF",
    ];
    for (place, user_agent) in odd.into_iter().enumerate() {
        let stranger = app.browser().at(&format!("192.0.{place}.1"));
        sign_in(&stranger, user_agent).await;
        let named = ["with this browser: Unknown device."];
        let mail = only(&app, &mut told, "New sign-in at", &named).await;
        for banned in ["script", "alert", "evil", "12345678", "xof"] {
            assert!(!mail.text.contains(banned) && !mail.html.contains(banned));
        }
        assert!(mail.text.is_ascii() && mail.html.is_ascii());
    }
}

/// An address that is not verified belongs to nobody yet.
#[tokio::test]
async fn without_a_verified_address_nobody_is_told_and_no_row_is_written() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let before = app.count("mail_outbox").await;
    let fields = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
    ada.call("change_password", &fields).await.expect(200);
    let elsewhere = app.browser().at("192.0.2.1");
    elsewhere.login(ADA, OTHER_PASSWORD).await.expect(200);
    assert_eq!(app.count("mail_outbox").await, before);
}

/// Other mails to the address are not held up by notices, nor the other way round.
#[tokio::test]
async fn notices_do_not_count_towards_the_limit_of_mails() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    for (place, [from, to]) in [[PASSWORD, OTHER_PASSWORD], [OTHER_PASSWORD, PASSWORD]]
        .into_iter()
        .cycle()
        .take(8)
        .enumerate()
    {
        let fields = [("current_password", from), ("new_password", to)];
        ada.call("change_password", &fields).await.expect(200);
        assert_eq!(notices(&app, ADA).await.len(), place + 1);
        app.advance(200);
    }
    reset_token(&app, ADA).await;
}

/// The deed and its notice are one transaction.
#[tokio::test]
async fn a_notice_is_there_if_and_only_if_the_deed_was_done() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    app.sql("ALTER TABLE mail_outbox RENAME TO elsewhere").await;
    let fields = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
    let call = ada.post("/api/change_password", &fields);
    call.send_unchecked().await.expect(500);
    app.sql("ALTER TABLE elsewhere RENAME TO mail_outbox").await;
    app.browser().login(ADA, PASSWORD).await.expect(200);
    assert!(notices(&app, ADA).await.is_empty());
    // It is worth sending for two days.
    ada.call("change_password", &fields).await.expect(200);
    app.advance(2 * DAY - 1);
    app.auth.sweep().await.unwrap();
    assert_eq!(app.count("mail_outbox").await, 1);
    app.advance(1);
    app.auth.sweep().await.unwrap();
    assert_eq!(app.count("mail_outbox").await, 0);
}

#[tokio::test]
async fn passwords_and_addresses() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let mut told = 0;
    let fields = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
    let call = ada.post("/api/change_password", &fields);
    call.header("user-agent", FIREFOX).send().await.expect(200);
    let mail = only(&app, &mut told, "A new password at", OWN).await;
    assert!(mail.text.contains("Firefox on Linux"), "{}", mail.text);

    app.sql("UPDATE users SET password_hash = NULL").await;
    connect(&app, ADA, "acme").await;
    ada.call("set_password", &[("new_password", PASSWORD)])
        .await
        .expect(200);
    only(&app, &mut told, "A new password at", OWN).await;

    let token = reset_token(&app, ADA).await;
    let fields = [("token", token.as_str()), ("new_password", OTHER_PASSWORD)];
    app.browser().call("reset_password", &fields).await.expect(200);
    only(&app, &mut told, "was reset", OWN).await;

    let ada = app.browser();
    ada.login(ADA, OTHER_PASSWORD).await.expect(200);
    ada.call("change_email", &[("email", "ada@new.example")])
        .await
        .expect(200);
    only(&app, &mut told, "A change of your e-mail address", OWN).await;
}

#[tokio::test]
async fn an_address_that_is_given_back_is_told() {
    let app = TestApp::new().await;
    let (_, _, undo) = change_pages(&app).await;
    let token = undo.split_once("?token=").unwrap().1;
    app.browser()
        .call("undo_email_change", &[("token", token)])
        .await
        .expect(200);
    let all = notices(&app, "mover@example.com").await;
    let last = all.last().unwrap();
    assert!(last.subject.contains("was undone") && last.text.contains("has this address again"));
    // Whoever loses it by that is told so, for the last time.
    let all = notices(&app, "mover@new.example").await;
    let last = all.last().unwrap();
    assert!(
        last.text.contains("does not lead to it any more") && last.text.contains("This is the last one.")
    );
    assert!(!last.text.contains("forgotten your password"));
}

/// The password of somebody who has prepared the account goes with the first proof of the address.
#[tokio::test]
async fn a_password_that_is_removed_is_told() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let ada = app.browser();
    ada.call("send_sign_in_code", &[("email", ADA)]).await.expect(200);
    let code = super::code(&super::newest(&app, ADA).await);
    ada.call("sign_in_with_code", &[("code", &code)])
        .await
        .expect(200);
    let mut told = 0;
    let all = notices(&app, ADA).await;
    assert!(
        all.iter().any(|mail| mail.subject.contains("was removed")),
        "{all:?}"
    );
    told += all.len();
    // Once: there is none any more.
    ada.call("send_sign_in_code", &[("email", ADA)]).await.expect(200);
    let code = super::code(&super::newest(&app, ADA).await);
    ada.call("sign_in_with_code", &[("code", &code)])
        .await
        .expect(200);
    assert_eq!(notices(&app, ADA).await.len(), told);
}

#[tokio::test]
async fn provider_accounts() {
    let world = World::new().await;
    let app = &world.app;
    let ada = verified(app, ADA).await;
    let mut told = 0;
    ada.link("acme", &world.acme, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts");
    only(app, &mut told, "A way to sign in at", &["(acme) was connected"]).await;
    let account = ada.account_id("acme").await;
    ada.unlink(&account).await.expect(200);
    only(
        app,
        &mut told,
        "A way to sign in at",
        &["(acme) was disconnected"],
    )
    .await;

    // Also where it waited for its owner to sign in.
    let browser = world.browser();
    browser
        .sign_in("acme", &world.acme, &person("ada"))
        .await
        .assert_failed("link_required");
    browser.login(ADA, PASSWORD).await.expect(200);
    only(app, &mut told, "A way to sign in at", FROM).await;
}

// wing:second-factors
#[tokio::test]
async fn second_factors() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let mut told = 0;
    let factor = App::of(&ada).await;
    only(&app, &mut told, "was turned on", OWN).await;
    let elsewhere = app.browser();
    elsewhere.login(ADA, PASSWORD).await.expect(403);
    elsewhere
        .call("second_factor", &[("code", factor.recovery_code())])
        .await
        .expect(200);
    only(&app, &mut told, "A recovery code was used", OWN).await;
    app.advance(30);
    factor.complete(&half_way(&app).await).await;
    let ada = app.browser();
    ada.login(ADA, PASSWORD).await.expect(403);
    app.advance(30);
    factor.complete(&ada).await;
    ada.call("new_recovery_codes", &[]).await.expect(200);
    only(&app, &mut told, "New recovery codes", OWN).await;
    ada.call("disable_totp", &[]).await.expect(200);
    only(&app, &mut told, "was turned off", OWN).await;
}

async fn half_way(app: &TestApp) -> Browser {
    let browser = app.browser();
    browser.login(ADA, PASSWORD).await.expect(403);
    browser
}
// end wing:second-factors

// wing:clients
#[tokio::test]
async fn clients_and_keys() {
    let app = TestApp::with(&[("REFRESH_GRACE", "0")]).await;
    let ada = verified(&app, ADA).await;
    let mut told = 0;
    let client = Client::public(&app, "cli").await;
    let tokens = client.tokens(&ada).await;
    let mail = only(&app, &mut told, "An application was given access", FROM).await;
    assert!(!mail.text.contains("cli"), "no name that anybody has chosen");
    // Only the first time.
    client.tokens(&ada).await;
    assert_eq!(notices(&app, ADA).await.len(), told);
    // Another one, by its device.
    let other = Client::public(&app, "tv").await;
    let (_, user_code) = other.device(&[]).await;
    let fields = [("user_code", &*user_code), ("decision", "deny")];
    ada.call("decide_device", &fields).await.expect(200);
    assert_eq!(notices(&app, ADA).await.len(), told);
    let (_, user_code) = other.device(&[]).await;
    let fields = [("user_code", &*user_code), ("decision", "allow")];
    ada.call("decide_device", &fields).await.expect(200);
    only(&app, &mut told, "An application was given access", FROM).await;

    let next = client.refresh(&tokens.refresh).await.expect(200);
    let next = crate::clients::support::Tokens::of(&next);
    client.refresh(&next.refresh).await.expect(200);
    client.refresh(&tokens.refresh).await.expect(400);
    only(
        &app,
        &mut told,
        "The access of an application",
        &["was used twice"],
    )
    .await;

    let fields = [("name", "Nightly <b>"), ("scope", "profile")];
    ada.call("create_key", &fields).await.expect(200);
    let mail = only(&app, &mut told, "A personal key was created", OWN).await;
    assert!(!mail.text.contains("Nightly"));
}
// end wing:clients

// wing:admin
/// An administrator's deeds, without what an administrator's browser shows of itself.
#[tokio::test]
async fn what_others_do_is_told_without_saying_who_or_from_where() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    app.signed_in(ADA).await;
    let root = verified(&app, "root@example.com").await.at("198.51.100.99");
    app.promote("root@example.com").await;
    let root_told = notices(&app, "root@example.com").await.len();
    let mut told = 0;
    let id = app.id_of(ADA).await.to_string();
    let by: &[&str] = &["by an administrator of ", "If you did not expect this, ask"];
    let deeds: [(Function, &str); 5] = [
        (("set_role", &[("role", "admin")]), "Your role at"),
        (("set_role", &[("role", "user")]), "Your role at"),
        // Two sessions, one notice.
        (("revoke_all_sessions", &[]), "You were signed out"),
        (("disable_user", &[]), "was disabled"),
        (("enable_user", &[]), "was enabled"),
    ];
    for ((function, fields), subject) in deeds {
        let fields = [&[("user_id", id.as_str())], fields].concat();
        let call = root.post(&format!("/api/admin/{function}"), &fields);
        call.header("user-agent", FIREFOX).send().await.expect(200);
        let mail = only(&app, &mut told, subject, by).await;
        for hidden in ["198.51.100.99", "Firefox", "root@"] {
            assert!(!mail.text.contains(hidden), "{}", mail.text);
        }
        // What changes nothing is not told.
        if function != "revoke_all_sessions" {
            root.call(&format!("admin/{function}"), &fields).await;
            assert_eq!(notices(&app, ADA).await.len(), told, "{function}");
        }
    }
    assert_eq!(notices(&app, "root@example.com").await.len(), root_told);
}

#[tokio::test]
async fn the_command_line_tells_too() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let (db, clock) = (app.auth.db.clone(), app.clock.clone());
    let people = Administration::at_command_line(&app.config().await, db, clock)
        .await
        .unwrap();
    let id = app.id_of(ADA).await;
    let mut told = 0;
    let by: &[&str] = &["by those who run "];
    people
        .set_role(By::CommandLine, id, auth::Role::Admin)
        .await
        .unwrap();
    only(&app, &mut told, "Your role at", by).await;
    people.end_everybodys_sessions().await.unwrap();
    only(&app, &mut told, "You were signed out", by).await;
    // The address that goes is the one that is told.
    people
        .set_email(By::CommandLine, id, "ada@new.example")
        .await
        .unwrap();
    only(&app, &mut told, "Another e-mail address", by).await;
    assert!(notices(&app, "ada@new.example").await.is_empty());
}

// wing:second-factors
#[tokio::test]
async fn factors_that_an_administrator_removes() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    App::of(&ada).await;
    let (db, clock) = (app.auth.db.clone(), app.clock.clone());
    let people = Administration::at_command_line(&app.config().await, db, clock)
        .await
        .unwrap();
    let mut told = notices(&app, ADA).await.len();
    let id = app.id_of(ADA).await;
    people.reset_factors(By::CommandLine, id).await.unwrap();
    only(&app, &mut told, "were removed", &["by those who run "]).await;
}
// end wing:second-factors

// wing:data-rights
#[tokio::test]
async fn an_export_at_the_command_line() {
    use auth::data_rights::Export;

    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let mut told = 0;
    let (config, buckets) = (app.config().await, app.auth.buckets.clone());
    Export::at_command_line(&config, buckets, app.clock.clone(), ADA)
        .await
        .unwrap();
    only(&app, &mut told, "was downloaded", &["by those who run "]).await;
}
// end wing:data-rights
// end wing:admin

// wing:data-rights
#[tokio::test]
async fn an_export_and_a_deletion() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let mut told = 0;
    ada.call("export_data", &[]).await.expect(200);
    only(&app, &mut told, "was downloaded", OWN).await;
    ada.call("delete_account", &[("confirm", ADA)]).await.expect(200);
    // Its row is all that is left of the address, until it is sent.
    app.assert_counts(&[("users", 0), ("mail_outbox", 1), ("seen_clients", 0)])
        .await;
    let said = ["203.0.113.7", "ask those who run"];
    only(&app, &mut told, "was deleted", &said).await;
    app.assert_counts(&[("mail_outbox", 0)]).await;
}

#[tokio::test]
async fn a_deletion_that_cannot_be_told_is_forgotten_after_two_days() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    super::mails(&app).await;
    ada.call("delete_account", &[("confirm", ADA)]).await.expect(200);
    app.advance(2 * DAY);
    app.auth.sweep().await.unwrap();
    assert_eq!(app.count("mail_outbox").await, 0);
}
// end wing:data-rights

// wing:passkeys
#[tokio::test]
async fn passkeys_that_come_and_go() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let mut told = notices(&app, ADA).await.len();
    // The name that its user typed is in no mail.
    crate::passkeys::Authenticator::of(&ada).await;
    let mail = only(&app, &mut told, "passkey was added", FROM).await;
    assert!(!mail.text.contains("Phone"), "{}", mail.text);
    let id = ada.call("list_passkeys", &[]).await.json()[0]["id"].clone();
    let fields = [("passkey_id", id.as_str().unwrap())];
    ada.call("delete_passkey", &fields).await.expect(200);
    only(&app, &mut told, "passkey was removed", FROM).await;
}
// end wing:passkeys
