//! Nothing tells whether an address has a user: neither what is answered nor how much work it takes.

use std::{sync::LazyLock, time::Duration};

use auth::mail::Registration;

use super::{ADA, mails, verified};
use crate::support::{Answer, Log, TestApp};

const KNOWN: [&str; 3] = [ADA, "unverified@example.com", "disabled@example.com"];

/// What all threads log of statements: those of SQLite run in threads of their own. Only one test of a process can have it,
/// and each test has a process of its own.
static STATEMENTS: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_env_filter("sqlx::query=debug")
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log
});

/// The beginnings of the statements that concern users and mails, since this was asked last.
async fn statements(seen: &mut usize) -> Vec<String> {
    // Statements are logged after they have returned their rows.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let text = STATEMENTS.text();
    let new = text[*seen..].to_owned();
    *seen = text.len();
    let summaries = new.split("summary=\"").skip(1);
    summaries
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .filter(|summary| {
            ["mail_", "users", "failures"]
                .iter()
                .any(|table| summary.contains(table))
        })
        .collect()
}

/// The answer without the value of a cookie, which is random.
fn comparable(answer: &Answer) -> impl PartialEq + std::fmt::Debug + use<> {
    let (status, headers, body) = answer.comparable();
    let headers: Vec<_> = headers
        .into_iter()
        .map(|(name, value)| match value.split_once('=') {
            Some((cookie, rest)) if name == "set-cookie" => {
                let (_, attributes) = rest.split_once(';').unwrap();
                (name, format!("{cookie};{attributes}"))
            }
            _ => (name, value),
        })
        .collect();
    (status, headers, body)
}

#[tokio::test]
async fn known_and_unknown_addresses_get_the_same_answer_after_the_same_statements() {
    LazyLock::force(&STATEMENTS);
    let app = TestApp::new().await;
    let user = verified(&app, "asks@example.com").await;
    verified(&app, ADA).await;
    for email in &KNOWN[1..] {
        app.registered(email).await;
    }
    app.sql("UPDATE users SET disabled_at = created_at WHERE email = 'disabled@example.com'")
        .await;
    mails(&app).await;
    // Has what the verification has changed, so that no answer brings it.
    assert!(user.is_signed_in().await);
    let confirming = app
        .clone()
        .configured(&[], |config| config.auth.registration = Registration::Confirm)
        .await;
    for (function, app) in [
        ("forgot_password", &app),
        ("send_sign_in_code", &app),
        ("register", &confirming),
        ("change_email", &app),
    ] {
        let mut seen = 0;
        statements(&mut seen).await;
        let mut first = None;
        for (place, email) in ["unknown@example.com"].iter().chain(&KNOWN).enumerate() {
            let browser = match function {
                "change_email" => user.clone(),
                _ => app.browser(),
            };
            let browser = browser.at(&format!("198.51.100.{place}"));
            let answer = browser.call(function, &[("email", email)]).await.expect(200);
            assert_eq!(answer.text(), "null");
            let done = (statements(&mut seen).await, comparable(&answer));
            assert!(done.0.len() >= 4, "{function}: {done:?}");
            match &first {
                None => first = Some(done),
                Some(first) => assert_eq!(*first, done, "{function}: {email}"),
            }
        }
    }
}

/// Nor does a wrong code.
#[tokio::test]
async fn a_wrong_code_is_refused_after_the_same_statements() {
    LazyLock::force(&STATEMENTS);
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let mut seen = 0;
    let mut first = None;
    for email in ["unknown@example.com", ADA] {
        let browser = app.browser();
        browser
            .call("send_sign_in_code", &[("email", email)])
            .await
            .expect(200);
        let mut all = Vec::new();
        for _ in 0..6 {
            statements(&mut seen).await;
            let answer = browser
                .call("sign_in_with_code", &[("code", "x")])
                .await
                .refused(401, "invalid_credentials");
            all.push((statements(&mut seen).await, comparable(&answer)));
        }
        match &first {
            None => first = Some(all),
            Some(first) => assert_eq!(*first, all),
        }
    }
}

/// Nor does a wrong password, before the lock, when it closes and after.
#[tokio::test]
async fn a_wrong_password_is_refused_and_counted_by_the_same_statements() {
    LazyLock::force(&STATEMENTS);
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    mails(&app).await;
    let mut seen = 0;
    let mut first = None;
    for email in ["unknown@example.com", ADA] {
        let mut all = Vec::new();
        for before in [0, 97, 99, 100] {
            app.advance(901);
            if before > 0 {
                app.sql(&format!("UPDATE sign_in_failures SET failures = {before}"))
                    .await;
            }
            statements(&mut seen).await;
            let answer = app.browser().login(email, "a password that is wrong").await;
            assert!(app.auth.detached.drain(Duration::from_secs(30)).await);
            let answer = answer.refused(401, "invalid_credentials");
            all.push((statements(&mut seen).await, comparable(&answer)));
        }
        app.sql("DELETE FROM sign_in_failures").await;
        // The third has locked the address.
        assert!(all[2].0.len() > all[1].0.len() && all[0].0.len() >= 2, "{all:?}");
        match &first {
            None => first = Some(all),
            Some(first) => assert_eq!(*first, all),
        }
    }
}
