//! Two-step sign-in: what sets it up, what asks for it, and that nothing goes around it.

use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::oauth::support::{World, person};
use crate::support::{Answer, Browser, OTHER_PASSWORD, PASSWORD, TestApp, all_at_once, contains};

const ADA: &str = "ada@example.com";
/// 32 bytes, as `SESSION_SECRET` holds them.
const OTHER_SECRET: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
const RETURN_TO: &str = "/settings/sessions";

/// A user's app, and what they have written down.
pub struct App {
    secret: String,
    recovery: Vec<String>,
}

impl App {
    /// Sets up two-step sign-in.
    pub async fn of(user: &Browser) -> Self {
        let started = user.call("start_totp", &[]).await.expect(200).json();
        let secret = started["secret"].as_str().unwrap().to_owned();
        let mut app = Self {
            secret,
            recovery: Vec::new(),
        };
        let code = app.code(user.app());
        let done = user.call("confirm_totp", &[("code", &code)]).await.expect(200);
        app.recovery = codes(&done);
        // The next sign-in needs a code of another step.
        user.app().advance(30);
        app
    }

    /// What the app shows now.
    fn code(&self, app: &TestApp) -> String {
        self.code_at(app.clock.unix())
    }

    fn code_at(&self, at: i64) -> String {
        let secret = Secret::try_from_base32(&self.secret).unwrap();
        let totp = Builder::new().with_secret(secret).with_account_name("x");
        totp.build().unwrap().generate(at.try_into().unwrap()).to_string()
    }

    /// A code that is wrong at every step near now.
    fn wrong(&self, app: &TestApp) -> String {
        let near: Vec<String> = (-2..3)
            .map(|step| self.code_at(app.clock.unix() + 30 * step))
            .collect();
        let all = (0..10).map(|digit| format!("00000{digit}"));
        let mut wrong = all.filter(|code| !near.contains(code));
        wrong.next().unwrap()
    }
}

fn codes(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    let codes = json["recovery_codes"].as_array().unwrap();
    codes
        .iter()
        .map(|code| code.as_str().unwrap().to_owned())
        .collect()
}

/// A browser in which a sign-in with the password waits for its second factor.
async fn half_way(app: &TestApp) -> Browser {
    let browser = app.browser();
    let answer = browser.login(ADA, PASSWORD).await;
    is_half_way(&answer);
    browser
}

/// The answer gives the browser nothing but the cookie by which it can go on.
#[track_caller]
fn is_half_way(answer: &Answer) {
    let names: Vec<String> = answer.cookies().into_iter().map(|cookie| cookie.name).collect();
    assert_eq!(names, ["__Host-flow"], "{answer:?}");
}

async fn second(browser: &Browser, code: &str) -> Answer {
    browser.call("second_factor", &[("code", code)]).await
}

#[tokio::test]
async fn an_app_is_set_up_with_its_first_code_and_the_other_sessions_end() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let other = app.signed_in(ADA).await;
    let status = async |of: &Browser| of.call("get_second_factors", &[]).await.expect(200).json();
    assert_eq!(
        status(&ada).await,
        json!({ "totp": false, "recovery_codes_left": 0, "setup": null })
    );
    let setup = ada.call("start_totp", &[]).await.expect(200).json();
    let secret = setup["secret"].as_str().unwrap().to_owned();
    assert_eq!(setup.as_object().unwrap().len(), 2);
    assert!(
        setup["uri"]
            .as_str()
            .unwrap()
            .starts_with("otpauth://totp/app.example")
    );
    let shown = status(&ada).await;
    assert_eq!(
        (&shown["totp"], &shown["setup"]["secret"]),
        (&json!(false), &setup["secret"])
    );
    assert!(shown["setup"]["qr"].as_str().unwrap().starts_with("<svg"));
    // It belongs to the session that began it.
    assert_eq!(status(&other).await["setup"], Value::Null);
    let its = App {
        secret: secret.clone(),
        recovery: Vec::new(),
    };
    let confirm = async |of: &Browser, code: &str| of.call("confirm_totp", &[("code", code)]).await;
    confirm(&other, &its.code(&app))
        .await
        .refused(401, "invalid_credentials");
    confirm(&ada, &its.wrong(&app))
        .await
        .refused(401, "invalid_credentials");
    assert!(app.signed_in(ADA).await.is_signed_in().await, "nothing is on yet");

    let code = its.code(&app);
    let spaced = format!(" {}-{} ", &code[..3], &code[3..]);
    let done = confirm(&ada, &spaced).await.expect(200);
    assert!(done.renews(), "a copied cookie is worthless");
    let recovery = codes(&done);
    assert_eq!(recovery.len(), 10);
    assert!(recovery.iter().all(|code| code.len() == 29));
    assert!(ada.is_signed_in().await && !other.is_signed_in().await);
    assert_eq!(
        status(&ada).await,
        json!({ "totp": true, "recovery_codes_left": 10, "setup": null })
    );
    confirm(&ada, &code).await.refused(401, "invalid_credentials");
    for secret in [secret.as_str(), &recovery[0], &recovery[0].replace('-', "")] {
        assert!(!contains(&app.disk(), secret), "{secret} is on the disk");
    }
    assert_eq!(
        ada.call("list_own_events", &[]).await.json()[0]["kind"],
        "enable_totp"
    );
}

#[tokio::test]
async fn a_change_of_factors_needs_a_recent_session() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let secret = ada.call("start_totp", &[]).await.expect(200).json()["secret"].clone();
    app.advance(599);
    let its = App {
        secret: secret.as_str().unwrap().to_owned(),
        recovery: Vec::new(),
    };
    app.advance(1);
    for function in ["start_totp", "disable_totp", "new_recovery_codes"] {
        ada.call(function, &[]).await.refused(403, "reauth_required");
    }
    // Nor is what was begun shown again, and by now it has ended.
    let status = ada.call("get_second_factors", &[]).await.expect(200).json();
    assert_eq!(status["setup"], Value::Null);
    let confirm = ada.call("confirm_totp", &[("code", &its.code(&app))]).await;
    confirm.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn a_password_alone_begins_no_session() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let browser = app.browser();
    let answer = browser.login(ADA, PASSWORD).await;
    is_half_way(&answer);
    answer.refused(403, "second_factor_required");
    assert!(!browser.is_signed_in().await);
    app.assert_counts(&[("sessions", 1)]).await;
    second(&browser, &its.wrong(&app))
        .await
        .refused(401, "invalid_credentials");
    let session = second(&browser, &its.code(&app)).await.expect(200);
    assert_eq!(session.json()["email"], ADA);
    assert!(session.renews());
    let sessions = browser.call("list_sessions", &[]).await.json();
    assert_eq!(sessions[0]["method"], "password");
    second(&browser, &its.code(&app))
        .await
        .refused(401, "unauthenticated");
    // Whoever looked over the shoulder has a used code.
    let thief = half_way(&app).await;
    second(&thief, &its.code(&app))
        .await
        .refused(401, "invalid_credentials");
    second(&thief, &its.code_at(app.clock.unix() - 30))
        .await
        .refused(401, "invalid_credentials");
    app.advance(30);
    second(&thief, &its.code(&app)).await.expect(200);
    // The wrong password says the same as ever.
    app.browser()
        .login(ADA, OTHER_PASSWORD)
        .await
        .refused(401, "invalid_credentials");
}

#[tokio::test]
async fn without_javascript_the_page_for_the_code_comes_in_between() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let browser = app.browser();
    let fields = [("email", ADA), ("password", PASSWORD), ("return_to", RETURN_TO)];
    let answer = browser.submit("/login", "login", &fields).await;
    let page = "/login/second?return_to=/settings/sessions";
    is_half_way(&answer);
    answer.leads_to(page);
    let shown = browser.get(page).await.expect(200);
    assert!(shown.shows("name=\"return_to\"") && shown.shows("one-time-code"));
    let wrong = its.wrong(&app);
    let fields = [("code", wrong.as_str()), ("return_to", RETURN_TO)];
    let answer = browser.submit(page, "second_factor", &fields).await;
    let back = answer.location().to_owned();
    assert!(back.starts_with("/login/second?return_to="), "{back}");
    let shown = browser.get(&back).await.expect(200);
    assert!(shown.shows("This code is wrong") && !shown.shows(&wrong));
    let code = its.code(&app);
    let fields = [("code", code.as_str()), ("return_to", RETURN_TO)];
    browser
        .submit(page, "second_factor", &fields)
        .await
        .leads_to(RETURN_TO);
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn a_provider_alone_begins_no_session_and_what_waits_is_connected_after_the_code() {
    let world = World::new().await;
    let app = &world.app;
    let ada = world.browser();
    let hop = ada.begin("acme").await;
    ada.finish(&hop, &world.acme, &person("ada"))
        .await
        .assert_leads_to("/profile");
    let its = App::of(&ada).await;
    let browser = world.browser();
    let hop = browser.begin_with("acme", &[("return_to", RETURN_TO)]).await;
    let callback = hop.approved(&world.acme, &person("ada"));
    let answer = browser.get(&callback).await;
    answer.assert_leads_to("/login/second?return_to=/settings/sessions");
    assert!(!answer.renews() && !browser.is_signed_in().await);
    app.assert_counts(&[("sessions", 1)]).await;
    // Loaded again, it leads to the same page.
    let again = browser.get(&callback).await;
    again.assert_leads_to("/login/second?return_to=/settings/sessions");
    second(&browser, &its.code(app)).await.expect(200);
    let sessions = browser.call("list_sessions", &[]).await.json();
    assert_eq!(sessions[0]["method"], "acme");
}

#[tokio::test]
async fn of_twenty_uses_of_one_code_one_succeeds() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    for code in [its.code(&app), its.recovery[0].clone()] {
        let mut browsers = Vec::new();
        for _ in 0..5 {
            browsers.push(half_way(&app).await);
        }
        let uses = browsers.into_iter().map(|browser| {
            let code = code.clone();
            async move { second(&browser, &code).await.status }
        });
        let statuses = all_at_once(uses).await;
        assert_eq!(
            statuses.iter().filter(|status| **status == 200).count(),
            1,
            "{statuses:?}"
        );
        app.advance(300);
    }
    // Nor do many uses in one browser begin more than one session.
    let browser = half_way(&app).await;
    let uses = its.recovery[1..5].iter().map(|code| {
        let (browser, code) = (browser.copy(), code.clone());
        async move { second(&browser, &code).await.status }
    });
    let statuses = all_at_once(uses.collect::<Vec<_>>()).await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
}

#[tokio::test]
async fn a_half_way_sign_in_belongs_to_its_browser_and_ends() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let waiting = half_way(&app).await;
    // Another browser, or one with another's cookie.
    second(&app.browser(), &its.code(&app))
        .await
        .refused(401, "unauthenticated");
    let forged = app.browser();
    forged.set_cookie("flow", Some(&"A".repeat(43)));
    second(&forged, &its.code(&app))
        .await
        .refused(401, "unauthenticated");
    app.advance(600);
    second(&waiting, &its.code(&app))
        .await
        .refused(401, "unauthenticated");

    // What ends the user's sessions ends it, too.
    let waiting = half_way(&app).await;
    ada.call("confirm_identity", &[("password", PASSWORD)])
        .await
        .expect(200);
    let fields = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
    ada.call("change_password", &fields).await.expect(200);
    second(&waiting, &its.code(&app))
        .await
        .refused(401, "unauthenticated");

    let waiting = app.browser();
    waiting
        .login(ADA, OTHER_PASSWORD)
        .await
        .refused(403, "second_factor_required");
    app.sql("UPDATE users SET disabled_at = created_at").await;
    second(&waiting, &its.code(&app))
        .await
        .refused(401, "invalid_credentials");
    app.assert_counts(&[("sessions", 1)]).await;
    app.advance(600);
    app.auth.sweep().await.unwrap();
    app.assert_counts(&[("ceremonies", 0)]).await;
}

#[tokio::test]
async fn the_present_session_stays_until_the_new_one_begins() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let bob = app.registered("bob@example.com").await;
    bob.login(ADA, PASSWORD)
        .await
        .refused(403, "second_factor_required");
    assert_eq!(bob.user().await["email"], "bob@example.com");
    second(&bob, &its.code(&app)).await.expect(200);
    assert_eq!(bob.user().await["email"], ADA);
    app.assert_counts(&[("sessions", 2)]).await;
    // A sign-out leaves nothing that could be completed.
    bob.login(ADA, PASSWORD)
        .await
        .refused(403, "second_factor_required");
    bob.call("logout", &[]).await.expect(200);
    app.assert_counts(&[("ceremonies", 0)]).await;
}

#[tokio::test]
async fn a_recovery_code_signs_in_once_and_confirms_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let typed = its.recovery[3].to_lowercase().replace('-', " ");
    second(&half_way(&app).await, &typed).await.expect(200);
    second(&half_way(&app).await, &typed)
        .await
        .refused(401, "invalid_credentials");
    let status = ada.call("get_second_factors", &[]).await.json();
    assert_eq!(status["recovery_codes_left"], 9);
    let confirm = async |fields: &[(&str, &str)]| ada.call("confirm_identity", fields).await;
    confirm(&[("code", &its.recovery[0])])
        .await
        .refused(401, "invalid_credentials");
    let code = its.code(&app);
    confirm(&[("code", &code), ("password", PASSWORD)])
        .await
        .refused(422, "invalid_input");
    confirm(&[]).await.refused(422, "invalid_input");
    app.advance(600);
    ada.call("disable_totp", &[])
        .await
        .refused(403, "reauth_required");
    confirm(&[("code", &its.code(&app))]).await.expect(200);

    let renewed = codes(&ada.call("new_recovery_codes", &[]).await.expect(200));
    second(&half_way(&app).await, &its.recovery[0])
        .await
        .refused(401, "invalid_credentials");
    second(&half_way(&app).await, &renewed[0]).await.expect(200);
    ada.call("disable_totp", &[]).await.expect(200);
    ada.call("new_recovery_codes", &[])
        .await
        .refused(409, "no_second_factor");
    app.assert_counts(&[("recovery_codes", 0), ("totp", 0), ("sessions", 1)])
        .await;
    assert!(app.signed_in(ADA).await.is_signed_in().await);
}

#[tokio::test]
async fn another_app_takes_over_with_its_first_code_only() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    ada.call("start_totp", &[]).await.expect(200);
    second(&half_way(&app).await, &its.code(&app)).await.expect(200);
    let new = App::of(&ada).await;
    second(&half_way(&app).await, &its.code(&app))
        .await
        .refused(401, "invalid_credentials");
    second(&half_way(&app).await, &its.recovery[0])
        .await
        .refused(401, "invalid_credentials");
    second(&half_way(&app).await, &new.code(&app)).await.expect(200);
}

#[tokio::test]
async fn a_trusted_browser_needs_no_code_until_something_changes() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let trusting = async |browser: &Browser, code: &str| {
        let fields = [("code", code), ("trust", "true")];
        browser.call("second_factor", &fields).await.expect(200)
    };
    let browser = half_way(&app).await;
    let answer = trusting(&browser, &its.code(&app)).await;
    let cookie = answer.cookie("__Host-device").unwrap();
    assert_eq!(cookie.max_age, Some(30 * 24 * 3600));
    assert!(!contains(&app.disk(), &cookie.value));
    browser.call("logout", &[]).await.expect(200);
    browser.login(ADA, PASSWORD).await.expect(200);
    // It is good for its user only, and elsewhere for nobody.
    let bob = app.registered("bob@example.com").await;
    let its_bobs = App::of(&bob).await;
    let there = browser.copy();
    there.set_cookie("id", None);
    there.set_cookie("auth", None);
    there
        .login("bob@example.com", PASSWORD)
        .await
        .refused(403, "second_factor_required");
    second(&there, &its_bobs.code(&app)).await.expect(200);
    half_way(&app).await;

    app.advance(30);
    browser
        .call("confirm_identity", &[("code", &its.code(&app))])
        .await
        .expect(200);
    browser.call("revoke_other_sessions", &[]).await.expect(200);
    browser
        .login(ADA, PASSWORD)
        .await
        .refused(403, "second_factor_required");
    // A recovery code is used where the app is lost: there, nothing is trusted.
    let fields = [("code", its.recovery[0].as_str()), ("trust", "true")];
    let answer = browser.call("second_factor", &fields).await.expect(200);
    assert!(answer.cookie("__Host-device").is_none());
    app.assert_counts(&[("devices", 0)]).await;

    let late = half_way(&app).await;
    app.advance(30);
    trusting(&late, &its.code(&app)).await;
    app.advance(30 * 24 * 3600);
    late.login(ADA, PASSWORD)
        .await
        .refused(403, "second_factor_required");
    app.auth.sweep().await.unwrap();
    app.assert_counts(&[("devices", 0)]).await;
}

#[tokio::test]
async fn wrong_codes_are_counted_by_user_and_by_address() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let wrong = its.wrong(&app);
    for _ in 0..5 {
        second(&half_way(&app).await, &wrong)
            .await
            .refused(401, "invalid_credentials");
    }
    let waiting = half_way(&app).await;
    let answer = second(&waiting, &its.code(&app)).await;
    assert_eq!(answer.wait(), 300);
    answer.refused(429, "too_many_attempts");
    app.advance(300);
    second(&half_way(&app).await, &its.code(&app)).await.expect(200);
    let stranger = app.browser().at("198.51.100.1");
    for _ in 0..20 {
        second(&stranger, &wrong).await.refused(401, "unauthenticated");
    }
    second(&stranger, &wrong).await.refused(429, "too_many_attempts");
}

#[tokio::test]
async fn a_lost_key_costs_the_app_and_not_the_recovery_codes() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let app = app.restarted(&[("SESSION_SECRET", OTHER_SECRET)]).await;
    second(&half_way(&app).await, &its.code(&app))
        .await
        .refused(401, "invalid_credentials");
    second(&half_way(&app).await, &its.recovery[0]).await.expect(200);
}
