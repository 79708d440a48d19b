//! A new password by mail: for whoever owns the address, and for nobody who has prepared the account for them.

use super::{ADA, look, mails, newest, token, verified};
use crate::support::{
    Answer, Browser, OTHER_PASSWORD, PASSWORD, RANDOM_ID, SOME_TOKEN, TestApp, all_at_once, contains,
};

const NOBODY: &str = "nobody@example.com";

async fn forgot(browser: &Browser, email: &str) -> Answer {
    browser.call("forgot_password", &[("email", email)]).await
}

async fn reset(browser: &Browser, token: &str, password: &str) -> Answer {
    let fields = [("token", token), ("new_password", password)];
    browser.call("reset_password", &fields).await
}

/// The token of a mail that was just asked for.
async fn asked(app: &TestApp, email: &str) -> String {
    let answer = forgot(&app.browser(), email).await.expect(200);
    assert_eq!(answer.text(), "null");
    let mail = newest(app, email).await;
    assert!(mail.text.contains("/reset?token="), "{}", mail.text);
    token(&mail)
}

/// Connects an account of a provider to the only user.
async fn connect(app: &TestApp) {
    let statement = format!(
        "INSERT INTO accounts (id, user_id, provider, subject, created_at, last_used_at)
         SELECT {RANDOM_ID}, id, 'acme', 'somebody', created_at, created_at FROM users"
    );
    assert_eq!(app.sql(&statement).await, 1);
}

#[tokio::test]
async fn the_link_leads_to_a_new_password_and_ends_everything_that_was_signed_in() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    connect(&app).await;
    let phone = app.signed_in(ADA).await;
    // wing:clients
    let key = ada
        .call("create_key", &[("name", "Backups"), ("scope", "app")])
        .await
        .expect(200);
    let key = format!("Bearer {}", key.json()["key"].as_str().unwrap());
    let by_key = || {
        app.browser()
            .post("/api/get_public_data", &[])
            .header("authorization", &key)
            .send()
    };
    by_key().await.expect(200);
    // end wing:clients
    ada.post("/auth/login/acme", &[("intent", "link")])
        .send()
        .await
        .expect(200);
    let token = asked(&app, ADA).await;
    let stranger = app.browser();
    stranger
        .call("get_link", &[("link", "reset"), ("token", &token)])
        .await
        .expect(200);
    let answer = reset(&stranger, &token, OTHER_PASSWORD).await.expect(200);
    assert_eq!(answer.text(), "null");
    assert!(
        answer.cookies().is_empty() && stranger.is_empty(),
        "nobody is signed in by it"
    );
    for browser in [&ada, &phone] {
        assert!(!browser.is_signed_in().await);
    }
    by_key().await.expect(401); // wing:clients
    app.assert_counts(&[("sessions", 0), ("sign_in_flows", 0), ("mail_tokens", 0)])
        .await;
    stranger
        .login(ADA, PASSWORD)
        .await
        .refused(401, "invalid_credentials");
    stranger.login(ADA, OTHER_PASSWORD).await.expect(200);
    // The address was verified before, so the provider's account is its owner's.
    app.assert_counts(&[("accounts", 1)]).await;
    let kinds = "SELECT count(*) FROM audit_events WHERE kind = 'reset_password'";
    assert_eq!(app.number(kinds).await, 1);
    reset(&stranger, &token, PASSWORD)
        .await
        .refused(410, "link_expired");
}

/// Whoever has registered with an address of somebody else, connected an account, and waits.
#[tokio::test]
async fn of_an_account_that_somebody_has_prepared_nothing_is_left_to_them() {
    let app = TestApp::new().await;
    let eve = app.registered(ADA).await;
    connect(&app).await;
    let prepared = token(&newest(&app, ADA).await);
    let token = asked(&app, ADA).await;
    reset(&app.browser(), &token, OTHER_PASSWORD).await.expect(200);
    // Nor are their browser and network known any longer.
    app.assert_counts(&[
        ("users", 1),
        ("accounts", 0),
        ("sessions", 0),
        ("mail_tokens", 0),
        ("seen_clients", 0),
        ("sign_in_networks", 0),
    ])
    .await;
    assert!(!eve.is_signed_in().await);
    eve.login(ADA, PASSWORD).await.refused(401, "invalid_credentials");
    let ada = app.browser();
    ada.login(ADA, OTHER_PASSWORD).await.expect(200);
    assert_eq!(ada.user().await["email_verified"], true);
    ada.call("verify_email", &[("token", &prepared)])
        .await
        .refused(410, "link_expired");
}

/// Whoever guesses at the password must not make its owner wait with the new one.
#[tokio::test]
async fn a_new_password_ends_the_wait_for_the_former_one() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let guess = async |browser: &Browser| browser.login(ADA, "wrong wrong wrong").await.status;
    let (near, far) = (app.browser(), app.browser().at("203.0.113.9"));
    for guessing in [&near, &far] {
        while guess(guessing).await != 429 {}
    }
    let link = asked(&app, ADA).await;
    reset(&near, &link, OTHER_PASSWORD).await.expect(200);
    near.login(ADA, OTHER_PASSWORD).await.expect(200);
    far.login(ADA, OTHER_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_first_password_is_set_the_same_way() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    app.sql("UPDATE users SET password_hash = NULL").await;
    let token = asked(&app, ADA).await;
    reset(&app.browser(), &token, OTHER_PASSWORD).await.expect(200);
    app.browser().login(ADA, OTHER_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn nothing_tells_whether_an_address_has_a_user() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    app.registered("off@example.com").await;
    app.sql("UPDATE users SET disabled_at = created_at WHERE email = 'off@example.com'")
        .await;
    mails(&app).await;
    let known = forgot(&app.browser(), ADA).await.expect(200);
    for address in [NOBODY, "off@example.com"] {
        let before = app.count("mail_outbox").await;
        let unknown = forgot(&app.browser(), address).await;
        assert_eq!(unknown.comparable(), known.comparable());
        // The same rows, which hold nothing.
        assert_eq!(app.count("mail_outbox").await, before + 1);
        assert_eq!(
            app.number("SELECT count(*) FROM mail_outbox WHERE kind = 'none'")
                .await,
            before
        );
        assert_eq!(
            app.number("SELECT count(*) FROM mail_outbox WHERE recipient IS NULL")
                .await,
            before
        );
    }
    assert_eq!(
        app.number("SELECT count(*) FROM mail_tokens WHERE address = '' AND user_id IS NULL")
            .await,
        2
    );
    assert!(!contains(&app.disk(), NOBODY));
    let bodies = "SELECT CAST(max(length(body)) - min(length(body)) AS BIGINT) FROM mail_outbox";
    assert!(app.number(bodies).await < 16, "the same size, too");
    assert_eq!(
        mails(&app)
            .await
            .iter()
            .filter(|mail| mail.text.contains("/reset"))
            .count(),
        1
    );
    app.assert_counts(&[("mail_outbox", 0)]).await;
    // Forms lead to one page.
    for address in [ADA, NOBODY] {
        let sent = app
            .browser()
            .submit("/forgot", "forgot_password", &[("email", address)])
            .await;
        sent.leads_to("/forgot/sent");
    }
    let page = app.browser().get("/forgot/sent").await.expect(200);
    assert!(page.shows("If there is an account with this address"));
}

#[tokio::test]
async fn a_row_of_nobody_opens_nothing() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    mails(&app).await;
    forgot(&app.browser(), NOBODY).await.expect(200);
    // Even somebody who knew its token would find no user.
    app.sql("UPDATE mail_outbox SET kind = 'reset', recipient = 'eve@example.com'")
        .await;
    assert!(mails(&app).await.iter().all(|mail| mail.to == ADA));
}

#[tokio::test]
async fn a_password_that_is_refused_spends_nothing_and_neither_does_looking() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let token = asked(&app, ADA).await;
    let browser = app.browser();
    let page = format!("/reset?token={token}");
    look(&browser, &page).await;
    let shown = browser.get(&page).await.expect(200).text();
    assert_eq!(
        shown
            .matches(&format!("name=\"token\" value=\"{token}\""))
            .count(),
        1
    );
    assert!(
        !shown.contains(ADA),
        "whoever sees the link learns no address from it"
    );
    for (password, code) in [("short", "password_too_short"), (ADA, "password_too_common")] {
        reset(&browser, &token, password).await.refused(422, code);
    }
    reset(&browser, &token, OTHER_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn links_end_after_half_an_hour_with_a_newer_one_and_with_the_account() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let first = asked(&app, ADA).await;
    let second = asked(&app, ADA).await;
    let stranger = app.browser().unhindered();
    reset(&stranger, &first, OTHER_PASSWORD)
        .await
        .refused(410, "link_expired");
    app.advance(30 * 60 - 1);
    stranger
        .call("get_link", &[("link", "reset"), ("token", &second)])
        .await
        .expect(200);
    app.advance(1);
    for dead in [&*second, SOME_TOKEN, "x"] {
        reset(&stranger, dead, OTHER_PASSWORD)
            .await
            .refused(410, "link_expired");
        stranger
            .call("get_link", &[("link", "reset"), ("token", dead)])
            .await
            .refused(410, "link_expired");
        let page = stranger.get(&format!("/reset?token={dead}")).await.expect(410);
        assert!(page.shows("href=\"/forgot\"") && !page.shows("name=\"token\""));
    }
    stranger.get("/reset").await.expect(410);
    let third = asked(&app, ADA).await;
    app.sql("UPDATE users SET disabled_at = created_at").await;
    reset(&stranger, &third, OTHER_PASSWORD)
        .await
        .refused(410, "link_expired");
    app.sql("UPDATE users SET disabled_at = NULL, email = 'other@example.com'")
        .await;
    reset(&stranger, &third, OTHER_PASSWORD)
        .await
        .refused(410, "link_expired");
    // A link to verify is none to a new password, and the other way round.
    app.sql("UPDATE users SET email = 'ada@example.com', email_verified_at = NULL")
        .await;
    app.advance(3600);
    let ada = {
        drop(ada);
        app.signed_in(ADA).await
    };
    ada.call("send_verification", &[]).await.expect(200);
    let to_verify = token(&newest(&app, ADA).await);
    reset(&stranger, &to_verify, OTHER_PASSWORD)
        .await
        .refused(410, "link_expired");
    let to_reset = asked(&app, ADA).await;
    ada.call("verify_email", &[("token", &to_reset)])
        .await
        .refused(410, "link_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_uses_at_once_one_counts() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let token = asked(&app, ADA).await;
    let uses = (0..6).map(|place| {
        let (browser, token) = (app.browser().at(&format!("198.51.100.{place}")), token.clone());
        async move {
            let password = format!("{OTHER_PASSWORD} {place}");
            (reset(&browser, &token, &password).await.status, password)
        }
    });
    let done = all_at_once(uses).await;
    let won: Vec<_> = done.iter().filter(|(status, _)| *status == 200).collect();
    assert_eq!(won.len(), 1, "{done:?}");
    assert_eq!(done.iter().filter(|(status, _)| *status == 410).count(), 5);
    app.browser().login(ADA, &won[0].1).await.expect(200);
}

#[tokio::test]
async fn mails_are_limited_alike_for_known_and_unknown_addresses() {
    for address in [ADA, NOBODY] {
        let app = TestApp::new().await;
        app.registered(ADA).await;
        app.advance(3600);
        for place in 0..5 {
            forgot(&app.browser().at(&format!("198.51.100.{place}")), address)
                .await
                .expect(200);
        }
        let limited = forgot(&app.browser(), address)
            .await
            .refused(429, "too_many_attempts");
        assert_eq!(limited.wait(), 3600);
    }
    let app = TestApp::new().await;
    for place in 0..20 {
        forgot(&app.browser(), &format!("user{place}@example.com"))
            .await
            .expect(200);
    }
    forgot(&app.browser(), NOBODY)
        .await
        .refused(429, "too_many_attempts");
    forgot(&app.browser().at("198.51.100.1"), NOBODY)
        .await
        .expect(200);
    forgot(&app.browser().at("198.51.100.1"), "nobody")
        .await
        .refused(422, "invalid_email");
}

#[tokio::test]
async fn without_javascript_the_forms_lead_through_all_of_it() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let browser = app.browser();
    assert!(browser.get("/login").await.expect(200).shows("href=\"/forgot\""));
    assert!(
        browser
            .get("/forgot")
            .await
            .expect(200)
            .shows("action=\"/api/forgot_password\"")
    );
    let typed = [("email", "not an address")];
    browser
        .submit("/forgot", "forgot_password", &typed)
        .await
        .leads_to("/forgot");
    let page = browser.get("/forgot").await.expect(200);
    assert!(
        page.shows("This is not an e-mail address we can use.") && page.shows("value=\"not an address\"")
    );
    browser
        .submit("/forgot", "forgot_password", &[("email", ADA)])
        .await
        .leads_to("/forgot/sent");
    let token = token(&newest(&app, ADA).await);
    let page = format!("/reset?token={token}");
    let short = [("token", token.as_str()), ("new_password", "short")];
    // A browser names only the origin of such a page.
    browser
        .submit("/", "reset_password", &short)
        .await
        .leads_to(&page);
    let again = browser.get(&page).await.expect(200);
    assert!(again.shows("This password is too short.") && !again.shows("value=\"short\""));
    let fields = [("token", token.as_str()), ("new_password", OTHER_PASSWORD)];
    browser
        .submit("/", "reset_password", &fields)
        .await
        .leads_to("/login");
    browser
        .submit("/", "reset_password", &fields)
        .await
        .leads_to(&page);
    browser.get(&page).await.expect(410);
    browser.login(ADA, OTHER_PASSWORD).await.expect(200);
}
