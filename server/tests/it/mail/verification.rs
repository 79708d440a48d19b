//! Verifying an address: in a session of its account, once, and never by looking.

use http::Method;

use super::{ADA, code, mails, newest, token, wrong};
use crate::support::{Answer, Browser, PASSWORD, SOME_TOKEN, TestApp, all_at_once};

const EVE: &str = "eve@example.com";
const DAY: i64 = 24 * 3600;

async fn verify(browser: &Browser, name: &str, value: &str) -> Answer {
    browser.call("verify_email", &[(name, value)]).await
}

async fn is_verified(browser: &Browser) -> bool {
    browser.user().await["email_verified"] == true
}

#[tokio::test]
async fn registering_sends_a_mail_whose_link_verifies_the_address_once() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    assert!(!is_verified(&ada).await);
    let mail = newest(&app, ADA).await;
    let token = token(&mail);
    assert_eq!(token.len(), 43);
    let answer = verify(&ada, "token", &token).await.expect(200);
    assert_eq!(answer.text(), "null");
    assert!(is_verified(&ada).await);
    // Without a query, too: the snapshot was replaced.
    assert_eq!(ada.session().await["email_verified"], true);
    let events = "SELECT count(*) FROM audit_events WHERE kind = 'verify_email'";
    assert_eq!(app.number(events).await, 1);
    verify(&ada, "token", &token).await.refused(410, "link_expired");
    verify(&ada, "code", &code(&mail))
        .await
        .refused(401, "invalid_credentials");
    app.assert_counts(&[("mail_tokens", 0)]).await;
}

#[tokio::test]
async fn the_code_does_the_same_however_it_is_spaced() {
    for spaced in ["", " ", "-", "\u{2013}"] {
        let app = TestApp::new().await;
        let ada = app.registered(ADA).await;
        let mail = newest(&app, ADA).await;
        let code = code(&mail);
        let typed = format!(" {}{spaced}{}\n", &code[..4], &code[4..]);
        verify(&ada, "code", &typed).await.expect(200);
        assert!(is_verified(&ada).await);
        verify(&ada, "token", &token(&mail))
            .await
            .refused(410, "link_expired");
    }
}

/// A mail contains nothing that anybody typed: it goes to an address of which nobody knows whose it is.
#[tokio::test]
async fn the_mail_holds_no_name_and_leads_only_to_the_public_url() {
    let app = TestApp::new().await;
    let fields = [
        ("email", ADA),
        ("password", PASSWORD),
        ("name", "Canary <b>Name</b>"),
    ];
    let call = app
        .browser()
        .post("/api/register", &fields)
        .header("user-agent", "canary-browser");
    call.send().await.expect(200);
    let mail = newest(&app, ADA).await;
    for text in [&mail.subject, &mail.text, &mail.html] {
        assert!(!text.to_lowercase().contains("canary"), "{text}");
        assert!(!text.contains(ADA), "{text}");
    }
    for text in [&mail.text, &mail.html] {
        let links = text.match_indices("://").map(|(at, _)| &text[at - 5..at + 15]);
        let links: Vec<_> = links.collect();
        assert!(
            !links.is_empty() && links.iter().all(|link| *link == "https://app.example/"),
            "{links:?}"
        );
    }
}

/// Whoever registers with somebody else's address, and waits for them to open the link, gets nothing verified.
#[tokio::test]
async fn a_link_counts_in_a_session_of_its_account_and_nowhere_else() {
    let app = TestApp::new().await;
    let eve = app.registered(EVE).await;
    app.registered(ADA).await;
    let token = token(&newest(&app, ADA).await);
    let stranger = app.browser();
    verify(&stranger, "token", &token)
        .await
        .refused(401, "unauthenticated");
    verify(&eve, "token", &token)
        .await
        .refused(401, "unauthenticated");
    let code = code(&newest(&app, ADA).await);
    verify(&eve, "code", &code)
        .await
        .refused(401, "invalid_credentials");
    assert!(!is_verified(&eve).await);
    let look = async |browser: &Browser| {
        let answer = browser
            .call("get_link", &[("link", "verification"), ("token", &token)])
            .await;
        answer.expect(200).json().as_str().unwrap().to_owned()
    };
    let ada = app.signed_in(ADA).await;
    assert_eq!(look(&stranger).await, "after_sign_in");
    assert_eq!(look(&eve).await, "by_another");
    assert_eq!(look(&ada).await, "here");
    verify(&ada, "token", &token).await.expect(200);
    assert!(is_verified(&ada).await && !is_verified(&eve).await);
}

/// Programs that check mails follow links, some of them with the cookies of nobody, some of them twice.
#[tokio::test]
async fn looking_spends_nothing_and_the_page_keeps_the_token_to_itself() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let token = token(&newest(&app, ADA).await);
    let page = format!("/verify?token={token}");
    for browser in [&app.browser(), &ada, &ada] {
        for method in [Method::GET, Method::HEAD] {
            let call = browser.request(method, &page).header("accept", "text/html");
            let answer = call.send().await.expect(200);
            assert_eq!(answer.header("referrer-policy"), Some("strict-origin"));
            assert!(answer.header("cache-control").unwrap().contains("no-store"));
        }
    }
    let shown = ada.get(&page).await.expect(200).text();
    assert_eq!(
        shown
            .matches(&format!("name=\"token\" value=\"{token}\""))
            .count(),
        1
    );
    assert_eq!(shown.matches("action=\"/api/verify_email\"").count(), 1);
    let stranger = app.browser().get(&page).await.expect(200);
    assert!(!stranger.shows("action=\"/api/verify_email\"") && !stranger.shows(ADA));
    assert!(stranger.shows(&format!("/login?return_to=/verify%3Ftoken%3D{token}")));
    verify(&ada, "token", &token).await.expect(200);
}

#[tokio::test]
async fn unknown_spent_and_expired_links_are_gone_alike_on_the_page_and_for_scripts() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let spent = token(&newest(&app, ADA).await);
    verify(&ada, "token", &spent).await.expect(200);
    let eve = app.registered(EVE).await;
    let expired = token(&newest(&app, EVE).await);
    app.advance(DAY);
    let eve = {
        drop(eve);
        app.signed_in(EVE).await
    };
    let mut pages = Vec::new();
    for dead in [SOME_TOKEN, &spent, &expired, "x", "%00", &"A".repeat(2000)] {
        verify(&eve, "token", dead).await.refused(410, "link_expired");
        eve.call("get_link", &[("link", "verification"), ("token", dead)])
            .await
            .refused(410, "link_expired");
        app.advance(60);
        let page = eve.get(&format!("/verify?token={dead}")).await.expect(410);
        assert!(
            page.shows("Send another mail") && page.shows("has expired"),
            "{}",
            page.text()
        );
        assert!(!page.shows("name=\"token\""));
        pages.push(page.text().len());
        let stranger = app
            .browser()
            .get(&format!("/verify?token={dead}"))
            .await
            .expect(410);
        assert!(
            stranger.shows("/login?return_to=/verify\""),
            "{}",
            stranger.text()
        );
    }
    assert!(!is_verified(&eve).await);
}

#[tokio::test]
async fn a_newer_mail_voids_the_older() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let first = newest(&app, ADA).await;
    ada.call("send_verification", &[]).await.expect(200);
    let second = newest(&app, ADA).await;
    assert_eq!(mails(&app).await.len(), 2);
    verify(&ada, "token", &token(&first))
        .await
        .refused(410, "link_expired");
    verify(&ada, "code", &code(&first))
        .await
        .refused(401, "invalid_credentials");
    verify(&ada, "code", &code(&second)).await.expect(200);
}

#[tokio::test]
async fn five_wrong_codes_void_the_code_and_the_link() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mail = newest(&app, ADA).await;
    let right = code(&mail);
    for typed in [wrong(&right), "x".to_owned(), "1".to_owned(), wrong(&right)] {
        verify(&ada, "code", &typed)
            .await
            .refused(401, "invalid_credentials");
    }
    ada.call("get_link", &[("link", "verification"), ("token", &token(&mail))])
        .await
        .expect(200);
    verify(&ada, "code", &wrong(&right))
        .await
        .refused(401, "invalid_credentials");
    // The limit comes first; after it, the code is of no use any more.
    assert_eq!(
        verify(&ada, "code", &right)
            .await
            .refused(429, "too_many_attempts")
            .wait(),
        300
    );
    app.advance(300);
    verify(&ada, "code", &right)
        .await
        .refused(401, "invalid_credentials");
    verify(&ada, "token", &token(&mail))
        .await
        .refused(410, "link_expired");
    assert!(!is_verified(&ada).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_uses_at_once_of_a_link_or_a_code_one_counts() {
    for by_code in [false, true] {
        let app = TestApp::new().await;
        let ada = app.registered(ADA).await;
        let mail = newest(&app, ADA).await;
        let (name, value) = if by_code {
            ("code", code(&mail))
        } else {
            ("token", token(&mail))
        };
        let uses = (0..5).map(|place| {
            let (browser, value) = (ada.copy().at(&format!("198.51.100.{place}")), value.clone());
            async move { verify(&browser, name, &value).await.status }
        });
        let mut statuses = all_at_once(uses).await;
        statuses.sort_unstable();
        let refused = if by_code { 401 } else { 410 };
        assert_eq!(statuses, [200, refused, refused, refused, refused]);
        let events = "SELECT count(*) FROM audit_events WHERE kind = 'verify_email'";
        assert_eq!(app.number(events).await, 1);
    }
}

#[tokio::test]
async fn a_proof_is_one_of_two_and_for_the_address_it_was_sent_to() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mail = newest(&app, ADA).await;
    ada.call("verify_email", &[]).await.refused(422, "invalid_input");
    let both = [("token", token(&mail)), ("code", code(&mail))];
    let both: Vec<_> = both.iter().map(|(name, value)| (*name, value.as_str())).collect();
    ada.call("verify_email", &both)
        .await
        .refused(422, "invalid_input");
    app.sql("UPDATE users SET email = 'other@example.com'").await;
    verify(&ada, "token", &token(&mail))
        .await
        .refused(410, "link_expired");
    assert!(!is_verified(&ada).await);
    app.sql("UPDATE users SET email = 'ada@example.com'").await;
    app.sql("UPDATE users SET disabled_at = created_at").await;
    let page = format!("/verify?token={}", token(&mail));
    app.browser().get(&page).await.expect(410);
}

#[tokio::test]
async fn a_verified_address_gets_no_mail_and_no_address_has_nothing_to_verify() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    verify(&ada, "token", &token(&newest(&app, ADA).await))
        .await
        .expect(200);
    for _ in 0..5 {
        let answer = ada.call("send_verification", &[]).await.expect(200);
        assert_eq!(answer.text(), "null");
    }
    assert_eq!(mails(&app).await.len(), 1);
    app.sql("UPDATE users SET email = NULL, email_verified_at = NULL")
        .await;
    app.advance(300);
    ada.call("send_verification", &[]).await.refused(404, "not_found");
}

#[tokio::test]
async fn mails_are_limited_by_user_address_and_client() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let send = async |browser: &Browser| browser.call("send_verification", &[]).await;
    for _ in 0..3 {
        send(&ada).await.expect(200);
    }
    assert_eq!(send(&ada).await.refused(429, "too_many_attempts").wait(), 3600);
    assert_eq!(mails(&app).await.len(), 4);
    // Of the address's five one is left, whoever asks: the account is deleted and made anew.
    for left in [1, 0] {
        app.sql("DELETE FROM users").await;
        app.browser().register(ADA).await;
        app.assert_counts(&[("mail_outbox", left)]).await;
        app.auth.mail.send_due().await.unwrap();
    }
    // Registering is not refused for it, and a mail can be had later.
    app.advance(3600);
    let ada = app.signed_in(ADA).await;
    send(&ada).await.expect(200);
    // One client, many accounts.
    let mut statuses = Vec::new();
    for number in 0..21 {
        let email = format!("user{number}@example.com");
        let browser = app.browser().at(&format!("198.51.100.{number}"));
        browser.register(&email).await;
        statuses.push(send(&browser.at("192.0.2.7")).await.status);
    }
    assert_eq!(statuses, [vec![200; 20], vec![429]].concat());
}

#[tokio::test]
async fn uses_of_links_are_limited_by_client() {
    let app = TestApp::new().await;
    let browser = app.browser();
    for _ in 0..20 {
        browser
            .call("get_link", &[("link", "verification"), ("token", SOME_TOKEN)])
            .await
            .expect(410);
    }
    let limited = browser
        .call("get_link", &[("link", "verification"), ("token", SOME_TOKEN)])
        .await;
    assert_eq!(limited.refused(429, "too_many_attempts").wait(), 60);
    browser
        .get(&format!("/verify?token={SOME_TOKEN}"))
        .await
        .expect(429);
}

#[tokio::test]
async fn without_javascript_the_forms_lead_through_all_of_it() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    assert!(ada.get("/profile").await.expect(200).shows("href=\"/verify\""));
    let page = ada.get("/verify").await.expect(200);
    assert!(page.shows("action=\"/api/verify_email\"") && page.shows("action=\"/api/send_verification\""));
    ada.submit("/verify", "send_verification", &[])
        .await
        .leads_to("/verify");
    assert!(
        ada.get("/verify")
            .await
            .expect(200)
            .shows("A new mail is on its way")
    );
    ada.submit("/verify", "verify_email", &[("code", "1")])
        .await
        .leads_to("/verify");
    assert!(
        ada.get("/verify")
            .await
            .expect(200)
            .shows("This code is wrong, has been used, or has expired.")
    );
    let mail = newest(&app, ADA).await;
    let page = format!("/verify?token={}", token(&mail));
    // A browser names only the origin of such a page.
    let dead = format!("/verify?token={SOME_TOKEN}");
    ada.submit("/", "verify_email", &[("token", SOME_TOKEN)])
        .await
        .leads_to(&dead);
    ada.get(&dead).await.expect(410);
    // A session of nobody's: the page leads to the sign-in, and back.
    let stranger = app.browser();
    let fields = [("token", &*token(&mail))];
    stranger
        .submit("/", "verify_email", &fields)
        .await
        .leads_to(&page);
    ada.submit("/", "verify_email", &fields).await.leads_to("/verify");
    assert!(
        ada.get("/verify")
            .await
            .expect(200)
            .shows("Your address is verified.")
    );
    assert!(!ada.get("/profile").await.expect(200).shows("href=\"/verify\""));
    // The page of the spent link.
    let gone = ada.get(&page).await.expect(410);
    assert!(gone.shows("Your address is verified."), "{}", gone.text());
    assert!(
        app.browser()
            .get("/verify")
            .await
            .expect(200)
            .shows("/login?return_to=/verify\"")
    );
}

/// Whoever registers with many addresses writes to none after a while.
#[tokio::test]
async fn one_client_causes_twenty_mails_an_hour_by_registering() {
    let app = TestApp::new().await;
    for number in 0..25 {
        app.registered(&format!("user{number}@example.com")).await;
        app.advance(5);
    }
    assert_eq!(mails(&app).await.len(), 20);
    let late = app.browser().at("198.51.100.1");
    late.register("late@example.com").await;
    assert_eq!(mails(&app).await.len(), 21);
}
