//! The outbox: a mail is there exactly if what causes it is.

use std::time::Duration;

use auth::mail::MailConfig;
use tokio_util::sync::CancellationToken;

use super::{ADA, mails};
use crate::support::{NEW_SECRET, PASSWORD, SECRET, TestApp, contains, until};

/// A mail that its address has asked for.
async fn register(app: &TestApp) {
    app.registered(ADA).await;
    assert_eq!(app.count("mail_outbox").await, 1);
}

#[tokio::test]
async fn a_mail_is_written_with_what_causes_it_and_deleted_when_it_is_sent() {
    let app = TestApp::new().await;
    register(&app).await;
    assert_eq!(app.auth.mail.status().await.unwrap().unwrap().pending, 1);
    let mails = mails(&app).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, ADA);
    assert_eq!(app.count("mail_outbox").await, 0);
    assert_eq!(app.auth.mail.status().await.unwrap().unwrap().pending, 0);
}

#[tokio::test]
async fn what_is_refused_or_fails_sends_no_mail() {
    let app = TestApp::new().await;
    let stranger = app.browser();
    let register = async |email, password| {
        stranger
            .call("register", &[("email", email), ("password", password)])
            .await
    };
    register(ADA, "short").await.expect(422);
    // The very last statement of a registration fails.
    app.sql("ALTER TABLE sign_in_networks RENAME TO elsewhere").await;
    let fields = [("email", ADA), ("password", PASSWORD)];
    let failed = stranger.post("/api/register", &fields).send_unchecked().await;
    failed.expect(500);
    app.assert_counts(&[("users", 0), ("mail_outbox", 0), ("mail_tokens", 0)])
        .await;
    app.sql("ALTER TABLE elsewhere RENAME TO sign_in_networks").await;
    register(ADA, PASSWORD).await.expect(200);
    register(ADA, PASSWORD).await.expect(409);
    app.assert_counts(&[("users", 1), ("mail_outbox", 1), ("mail_tokens", 1)])
        .await;
}

#[tokio::test]
async fn what_waits_is_sealed_and_opens_with_an_older_key() {
    let app = TestApp::new().await;
    register(&app).await;
    // Nothing but the address is there to be read.
    assert!(!contains(&app.disk(), "/verify?token="));
    let rotated = app
        .restarted(&[("SESSION_SECRET", &format!("{NEW_SECRET},{SECRET}"))])
        .await;
    assert_eq!(mails(&rotated).await.len(), 1);
}

#[tokio::test]
async fn a_mail_without_its_key_waits_for_it_and_is_given_up_in_the_end() {
    let app = TestApp::new().await;
    register(&app).await;
    let lost = app.restarted(&[("SESSION_SECRET", NEW_SECRET)]).await;
    assert!(mails(&lost).await.is_empty());
    assert_eq!(lost.auth.mail.status().await.unwrap().unwrap().failed, 0);
    app.advance(10);
    assert_eq!(mails(&app).await.len(), 1, "the key is there again");
}

/// Whoever can write to the database cannot have a mail sent to themselves.
#[tokio::test]
async fn a_mail_that_was_moved_to_another_address_is_not_sent() {
    let app = TestApp::new().await;
    register(&app).await;
    app.sql("UPDATE mail_outbox SET recipient = 'eve@example.com'")
        .await;
    assert!(mails(&app).await.is_empty());
    assert_eq!(app.count("mail_outbox").await, 1);
}

#[tokio::test]
async fn a_row_of_nobody_is_dropped() {
    let app = TestApp::new().await;
    register(&app).await;
    app.sql("UPDATE mail_outbox SET recipient = NULL, kind = 'none'")
        .await;
    assert_eq!(app.auth.mail.status().await.unwrap().unwrap().pending, 0);
    assert!(mails(&app).await.is_empty());
    app.assert_counts(&[("mail_outbox", 0)]).await;
    assert_eq!(app.auth.mail.status().await.unwrap().unwrap().failed, 0);
}

#[tokio::test]
async fn what_nobody_sends_goes_with_its_content_even_if_mail_is_off_by_then() {
    let app = TestApp::new().await;
    register(&app).await;
    let off = app
        .clone()
        .configured(&[], |config| config.auth.mail = MailConfig::Off)
        .await;
    off.auth.mail.send_due().await.unwrap();
    app.advance(24 * 3600 - 1);
    off.auth.sweep().await.unwrap();
    app.assert_counts(&[("mail_outbox", 1), ("mail_tokens", 1)]).await;
    app.advance(1);
    off.auth.sweep().await.unwrap();
    app.assert_counts(&[("mail_outbox", 0), ("mail_tokens", 0)]).await;
}

#[tokio::test]
async fn without_mail_nothing_is_written_and_what_needs_it_does_not_exist() {
    let app = TestApp::new()
        .await
        .configured(&[], |config| config.auth.mail = MailConfig::Off)
        .await;
    let ada = app.registered(ADA).await;
    app.assert_counts(&[("users", 1), ("mail_outbox", 0), ("mail_tokens", 0)])
        .await;
    ada.call("send_verification", &[]).await.refused(404, "not_found");
    ada.call("verify_email", &[("code", "12345678")])
        .await
        .refused(404, "not_found");
    app.browser()
        .call("get_link", &[("link", "verification"), ("token", "x")])
        .await
        .refused(404, "not_found");
    for visitor in [&ada, &app.browser()] {
        visitor.get("/verify").await.expect(404);
        visitor.get("/verify?token=x").await.expect(404);
    }
    assert!(!ada.get("/profile").await.expect(200).shows("/verify"));
    assert_eq!(app.auth.mail.status().await.unwrap(), None);
    ada.get("/dev/mail").await.expect(404);
}

/// The job finds a new mail at once, without waiting for its next look.
#[tokio::test(flavor = "multi_thread")]
async fn the_job_is_woken_by_the_commit_goes_on_after_failures_and_ends_when_told() {
    let app = TestApp::new().await;
    let mailbox = app.auth.mail.mailbox().unwrap().clone();
    let stop = CancellationToken::new();
    let job = tokio::spawn({
        let (mail, stop) = (app.auth.mail.clone(), stop.clone());
        async move { mail.run(stop).await }
    });
    // The clock stands still, so that only the commit can wake it.
    app.registered(ADA).await;
    until(|| mailbox.mails().len() == 1).await;

    // The table is gone for a while.
    app.sql("ALTER TABLE mail_outbox RENAME TO elsewhere").await;
    app.advance(5);
    tokio::time::sleep(Duration::from_millis(50)).await;
    app.sql("ALTER TABLE elsewhere RENAME TO mail_outbox").await;
    app.registered("eve@example.com").await;
    until(|| mailbox.mails().len() == 2).await;
    assert!(!job.is_finished());
    stop.cancel();
    job.await.unwrap();
    app.registered("bob@example.com").await;
    assert_eq!(app.count("mail_outbox").await, 1);
}
