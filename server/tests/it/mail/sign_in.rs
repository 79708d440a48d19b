//! Signing in by mail: in the browser that has asked, and in no other.

use super::{ADA, code, look, mails, newest, token, verified, wrong};
use crate::support::{Answer, Browser, PASSWORD, RANDOM_ID, SOME_TOKEN, TestApp, all_at_once, contains};

const NOBODY: &str = "nobody@example.com";

async fn send(browser: &Browser, email: &str) -> Answer {
    browser.call("send_sign_in_code", &[("email", email)]).await
}

/// A browser that has asked for a code; the code, and the token of the link.
async fn asked(app: &TestApp) -> (Browser, String, String) {
    let browser = app.browser();
    let answer = send(&browser, ADA).await.expect(200);
    assert_eq!(answer.text(), "null");
    let names: Vec<String> = answer.cookies().into_iter().map(|cookie| cookie.name).collect();
    assert_eq!(names, ["__Host-flow"]);
    assert_eq!(answer.cookie("__Host-flow").unwrap().max_age, Some(600));
    let mail = newest(app, ADA).await;
    assert!(mail.text.contains("/login/link?token="), "{}", mail.text);
    (browser, code(&mail), token(&mail))
}

async fn by(browser: &Browser, field: &str, proof: &str) -> Answer {
    browser.call("sign_in_with_code", &[(field, proof)]).await
}

#[tokio::test]
async fn a_code_and_a_link_sign_in_once_in_the_browser_that_asked() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let (browser, code, link) = asked(&app).await;
    let typed = format!(" {}-{} ", &code[..4], &code[4..]);
    let answer = by(&browser, "code", &typed).await.expect(200);
    assert!(answer.renews());
    assert_eq!(answer.json()["email"], ADA);
    let sessions = browser.call("list_sessions", &[]).await.json();
    assert_eq!(sessions[0]["method"], "email");
    by(&browser, "code", &code)
        .await
        .refused(401, "invalid_credentials");
    by(&browser, "token", &link).await.refused(410, "link_expired");
    let (browser, code, link) = asked(&app).await;
    by(&browser, "token", &link).await.expect(200);
    by(&browser, "token", &link).await.refused(410, "link_expired");
    by(&browser, "code", &code)
        .await
        .refused(401, "invalid_credentials");
    browser
        .call("sign_in_with_code", &[])
        .await
        .refused(422, "invalid_input");
    let both = [("token", link.as_str()), ("code", code.as_str())];
    browser
        .call("sign_in_with_code", &both)
        .await
        .refused(422, "invalid_input");
}

/// The page may be that of a link in another mail, whose address contains its token.
#[tokio::test]
async fn where_it_leads_is_stored_sealed_and_for_this_mail_only() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let page = format!("/settings/confirm-address?token={SOME_TOKEN}");
    let asked = async || {
        let browser = app.browser();
        let fields = [("email", ADA), ("return_to", &page)];
        browser.call("send_sign_in_code", &fields).await.expect(200);
        (browser, code(&newest(&app, ADA).await))
    };
    let (first, its_code) = asked().await;
    assert_eq!(app.count("mail_tokens WHERE data IS NOT NULL").await, 1);
    assert!(!contains(&app.disk(), SOME_TOKEN));
    let answer = by(&first, "code", &its_code).await.expect(200);
    assert_eq!(answer.header("location"), Some(page.as_str()));
    // What was decided for another mail decides nothing here.
    let (_, _) = asked().await;
    let (second, its_code) = asked().await;
    let moved = "UPDATE mail_tokens SET data = (SELECT data FROM mail_tokens ORDER BY id LIMIT 1)";
    assert_eq!(app.sql(moved).await, 2);
    by(&second, "code", &its_code)
        .await
        .refused(401, "invalid_credentials");
}

/// The attacker asks, and has the owner press the link, or tell the code.
#[tokio::test]
async fn without_the_cookie_of_that_browser_neither_is_worth_anything() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let (browser, code, link) = asked(&app).await;
    let other = app.browser();
    send(&other, NOBODY).await.expect(200);
    for elsewhere in [&app.browser(), &other] {
        by(elsewhere, "token", &link)
            .await
            .refused(401, "invalid_credentials");
        by(elsewhere, "code", &code)
            .await
            .refused(401, "invalid_credentials");
        assert!(!elsewhere.is_signed_in().await);
        let page = elsewhere
            .get(&format!("/login/link?token={link}"))
            .await
            .expect(200);
        assert!(page.shows("for the browser in which you asked") && !page.shows("name=\"token\""));
    }
    by(&browser, "token", &link).await.expect(200);
}

#[tokio::test]
async fn looking_spends_nothing_and_ten_minutes_end_it() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let (browser, code, link) = asked(&app).await;
    let browser = browser.unhindered();
    let page = format!("/login/link?token={link}");
    look(&browser, &page).await;
    assert!(!browser.is_signed_in().await);
    app.advance(600);
    by(&browser, "code", &code)
        .await
        .refused(401, "invalid_credentials");
    by(&browser, "token", &link).await.refused(410, "link_expired");
    by(&browser, "token", SOME_TOKEN)
        .await
        .refused(410, "link_expired");
    browser.get(&page).await.expect(410);
}

#[tokio::test]
async fn five_wrong_codes_void_code_and_link_of_this_browser_and_of_no_other() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let (mine, my_code, _) = asked(&app).await;
    let (thief, code, link) = asked(&app).await;
    for place in 0..5 {
        let thief = thief.at(&format!("198.51.100.{place}"));
        by(&thief, "code", &wrong(&code))
            .await
            .refused(401, "invalid_credentials");
    }
    by(&thief, "code", &code)
        .await
        .refused(401, "invalid_credentials");
    by(&thief, "token", &link).await.refused(410, "link_expired");
    // Nor has the stranger's newer code voided the owner's.
    by(&mine, "code", &my_code).await.expect(200);

    // In one browser, a newer code voids the older.
    let (browser, first, _) = asked(&app).await;
    app.advance(3600);
    send(&browser, ADA).await.expect(200);
    let second = super::code(&newest(&app, ADA).await);
    by(&browser, "code", &first)
        .await
        .refused(401, "invalid_credentials");
    by(&browser, "code", &second).await.expect(200);
}

#[tokio::test]
async fn four_wrong_codes_leave_a_fifth_try() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let (browser, code, _) = asked(&app).await;
    for _ in 0..4 {
        by(&browser, "code", &wrong(&code))
            .await
            .refused(401, "invalid_credentials");
    }
    by(&browser, "code", &code).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_uses_at_once_one_counts() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let (browser, code, link) = asked(&app).await;
    let uses = (0..6).map(|place| {
        let browser = browser.copy().at(&format!("198.51.100.{place}"));
        let (field, proof) = if place % 2 == 0 {
            ("code", code.clone())
        } else {
            ("token", link.clone())
        };
        async move { by(&browser, field, &proof).await.status }
    });
    let done = all_at_once(uses.collect::<Vec<_>>()).await;
    assert_eq!(
        done.iter().filter(|status| **status == 200).count(),
        1,
        "{done:?}"
    );
}

#[tokio::test]
async fn an_address_without_a_user_makes_none_and_looks_the_same() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    app.registered("off@example.com").await;
    app.sql("UPDATE users SET disabled_at = created_at WHERE email = 'off@example.com'")
        .await;
    mails(&app).await;
    let comparable = |answer: &Answer| {
        let (status, headers, body) = answer.comparable();
        let headers: Vec<_> = headers
            .into_iter()
            .map(|(name, value)| {
                // The value of the cookie is random.
                let value = match value.split_once('=') {
                    Some((cookie, rest)) if name == "set-cookie" => {
                        format!("{cookie}; {}", rest.split_once(';').unwrap().1)
                    }
                    _ => value,
                };
                (name, value)
            })
            .collect();
        (status, headers, body)
    };
    let known = app.browser();
    let to_known = send(&known, ADA).await.expect(200);
    for address in [NOBODY, "off@example.com"] {
        let unknown = app.browser();
        assert_eq!(comparable(&send(&unknown, address).await), comparable(&to_known));
        let (one, other) = (by(&known, "code", "x").await, by(&unknown, "code", "x").await);
        assert_eq!(
            one.refused(401, "invalid_credentials").comparable(),
            other.comparable()
        );
    }
    app.assert_counts(&[("users", 2)]).await;
    assert!(!contains(&app.disk(), NOBODY));
    let sent = mails(&app).await;
    assert!(sent.iter().all(|mail| mail.to != NOBODY && !(mail.to == "off@example.com" && mail.text.contains("code at"))));
    send(&known, "not an address").await.refused(422, "invalid_email");
}

/// Somebody has registered with the address of another person, who now signs in by mail.
#[tokio::test]
async fn of_an_account_that_somebody_has_prepared_only_its_data_is_left() {
    let app = TestApp::new().await;
    let eve = app.registered(ADA).await;
    let statement = format!(
        "INSERT INTO accounts (id, user_id, provider, subject, created_at, last_used_at)
         SELECT {RANDOM_ID}, id, 'acme', 'eve', created_at, created_at FROM users"
    );
    assert_eq!(app.sql(&statement).await, 1);
    let prepared = token(&newest(&app, ADA).await);
    let (ada, code, _) = asked(&app).await;
    by(&ada, "code", &code).await.expect(200);
    app.assert_counts(&[("users", 1), ("accounts", 0), ("sessions", 1), ("mail_tokens", 0)])
        .await;
    assert!(!eve.is_signed_in().await);
    eve.login(ADA, PASSWORD).await.refused(401, "invalid_credentials");
    assert_eq!(ada.user().await["email_verified"], true);
    ada.call("verify_email", &[("token", &prepared)])
        .await
        .refused(410, "link_expired");
    // The owner of the address sets a password of their own.
    ada.call(
        "set_password",
        &[("new_password", crate::support::OTHER_PASSWORD)],
    )
    .await
    .expect(200);
}

// wing:second-factors
#[tokio::test]
async fn factors_that_somebody_has_prepared_do_not_keep_the_owner_out() {
    let app = TestApp::new().await;
    let eve = app.registered(ADA).await;
    crate::second_factors::App::of(&eve).await;
    let (ada, code, _) = asked(&app).await;
    by(&ada, "code", &code).await.expect(200);
    app.assert_counts(&[("totp", 0), ("recovery_codes", 0), ("sessions", 1)])
        .await;
}

#[tokio::test]
async fn a_mail_is_only_the_first_factor() {
    let app = TestApp::new().await;
    let owner = verified(&app, ADA).await;
    let its = crate::second_factors::App::of(&owner).await;
    let (ada, code, link) = asked(&app).await;
    let answer = by(&ada, "code", &code).await;
    assert!(!answer.renews());
    answer.refused(403, "second_factor_required");
    assert!(!ada.is_signed_in().await);
    by(&ada, "token", &link).await.refused(410, "link_expired");
    its.complete(&ada).await;
    let sessions = ada.call("list_sessions", &[]).await.json();
    assert_eq!(sessions[0]["method"], "email");
}
// end wing:second-factors

#[tokio::test]
async fn in_a_browser_signed_in_as_that_user_it_verifies_and_drops_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let phone = app.signed_in(ADA).await;
    send(&ada, ADA).await.expect(200);
    let code = code(&newest(&app, ADA).await);
    by(&ada, "code", &code).await.expect(200);
    assert_eq!(ada.user().await["email_verified"], true);
    assert_eq!(phone.session().await["email_verified"], true);
    app.browser().login(ADA, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn an_address_that_was_left_meanwhile_signs_nobody_in() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    for change in [
        "disabled_at = created_at",
        "disabled_at = NULL, email = 'other@example.com'",
    ] {
        let browser = app.browser();
        app.advance(3600);
        app.sql("UPDATE users SET disabled_at = NULL").await;
        send(&browser, ADA).await.expect(200);
        let mail = newest(&app, ADA).await;
        app.sql(&format!("UPDATE users SET {change}")).await;
        by(&browser, "code", &code(&mail))
            .await
            .refused(401, "invalid_credentials");
        assert!(!browser.is_signed_in().await);
    }
}

#[tokio::test]
async fn it_can_be_turned_off_and_then_is_no_way_in() {
    let app = TestApp::with(&[("EMAIL_SIGN_IN", "0")]).await;
    let ada = verified(&app, ADA).await;
    let browser = app.browser();
    send(&browser, ADA).await.refused(404, "not_found");
    by(&browser, "code", "12345678").await.refused(404, "not_found");
    for page in ["/login/mail", "/login/code", "/login/link?token=x"] {
        browser.get(page).await.expect(404);
    }
    assert!(!browser.get("/login").await.expect(200).shows("/login/mail"));
    let statement = format!(
        "INSERT INTO accounts (id, user_id, provider, subject, created_at, last_used_at)
         SELECT {RANDOM_ID}, id, 'acme', 'ada', created_at, created_at FROM users"
    );
    app.sql(&statement).await;
    app.sql("UPDATE users SET password_hash = NULL").await;
    let accounts = ada.call("list_accounts", &[]).await.json();
    let account = [("account_id", accounts[0]["id"].as_str().unwrap())];
    ada.call("unlink_account", &account)
        .await
        .refused(409, "last_way_in");

    let app = app.restarted(&[]).await;
    let ada = ada.before(&app);
    app.sql("UPDATE users SET email_verified_at = NULL").await;
    ada.call("unlink_account", &account)
        .await
        .refused(409, "last_way_in");
    app.sql("UPDATE users SET email_verified_at = created_at").await;
    ada.call("unlink_account", &account).await.expect(200);
    let (ada, code, _) = asked(&app).await;
    by(&ada, "code", &code).await.expect(200);
}

#[tokio::test]
async fn without_javascript_the_forms_lead_through_all_of_it() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let browser = app.browser();
    let page = browser
        .get("/login?return_to=/settings/sessions")
        .await
        .expect(200);
    assert!(page.shows("/login/mail?return_to=/settings/sessions"));
    let fields = [
        ("email", ADA),
        ("remember", "true"),
        ("return_to", "/settings/sessions"),
    ];
    browser
        .submit("/login/mail", "send_sign_in_code", &fields)
        .await
        .leads_to("/login/code");
    let page = browser.get("/login/code").await.expect(200);
    assert!(page.shows("If there is an account with this address, a mail with a code is on its way."));
    let mail = newest(&app, ADA).await;
    let answer = browser
        .submit("/login/code", "sign_in_with_code", &[("code", "12345678")])
        .await;
    answer.leads_to("/login/code");
    assert!(
        browser
            .get("/login/code")
            .await
            .expect(200)
            .shows("This code is wrong")
    );
    let link = token(&mail);
    let page = format!("/login/link?token={link}");
    assert!(
        browser
            .get(&page)
            .await
            .expect(200)
            .shows("action=\"/api/sign_in_with_code\"")
    );
    let signed_in = browser
        .submit("/login/link", "sign_in_with_code", &[("token", &link)])
        .await;
    let id = signed_in.cookie("__Host-id").unwrap();
    assert!(id.max_age.is_some(), "it stays signed in");
    signed_in.leads_to("/settings/sessions");
    let stranger = app.browser();
    stranger
        .submit("/", "sign_in_with_code", &[("token", SOME_TOKEN)])
        .await;
    stranger
        .get(&format!("/login/link?token={SOME_TOKEN}"))
        .await
        .expect(410);
}

#[tokio::test]
async fn wrong_codes_are_limited_by_client() {
    let app = TestApp::new().await;
    let browser = app.browser();
    for _ in 0..20 {
        by(&browser, "code", "1")
            .await
            .refused(401, "invalid_credentials");
    }
    by(&browser, "code", "1").await.refused(429, "too_many_attempts");
    for place in 0..5 {
        send(&app.browser().at(&format!("198.51.100.{place}")), NOBODY)
            .await
            .expect(200);
    }
    send(&app.browser(), NOBODY)
        .await
        .refused(429, "too_many_attempts");
}
