//! How mails leave: nothing is lost, whatever the mail server does, and nothing comes twice under another name.

use super::{
    ADA,
    smtp_server::{Next, SmtpServer, header},
};
use crate::support::{Log, TestApp, all_at_once};

const FROM: (&str, &str) = ("MAIL_FROM", "App <noreply@app.example>");

async fn sending_to(server: &SmtpServer) -> TestApp {
    TestApp::with(&[("SMTP_URL", &server.url()), FROM]).await
}

async fn waiting(app: &TestApp) -> (i64, u64) {
    let status = app.auth.mail.status().await.unwrap().unwrap();
    (status.pending, status.failed)
}

#[tokio::test]
async fn a_mail_arrives_with_its_text_its_html_and_an_id_of_the_senders_domain() {
    let server = SmtpServer::start().await;
    let app = sending_to(&server).await;
    app.registered(ADA).await;
    app.auth.mail.send_due().await.unwrap();
    let taken = server.taken();
    assert_eq!(taken.len(), 1);
    let mail = &taken[0];
    assert_eq!(header(mail, "From"), "App <noreply@app.example>");
    assert_eq!(header(mail, "To"), ADA);
    assert_eq!(
        header(mail, "Subject"),
        "Verify your e-mail address for app.example"
    );
    assert_eq!(header(mail, "Auto-Submitted"), "auto-generated");
    assert!(header(mail, "Message-ID").ends_with("@app.example>"));
    assert_eq!(header(mail, "Date"), "Fri, 15 Jan 2027 08:00:00 +0000");
    for part in ["text/plain; charset=utf-8", "text/html; charset=utf-8"] {
        assert!(mail.contains(part), "{mail}");
    }
    assert_eq!(waiting(&app).await, (0, 0));
}

/// 4xx, a connection that is cut, a server that is down: later, and under the same id.
#[tokio::test]
async fn what_may_pass_is_tried_again_by_the_schedule_under_the_same_id() {
    for next in [
        Next::Answers("GREETING", "421 not now"),
        Next::Answers("MAIL", "451 not now"),
        Next::Answers("RCPT", "450 greylisted ada@example.com"),
        Next::Answers("DATA", "452 full"),
        Next::Answers("END", "451 not now"),
        Next::Answers("END", "nonsense about ada@example.com"),
        Next::Cuts,
        Next::TakesInSilence,
    ] {
        let server = SmtpServer::start().await;
        let app = sending_to(&server).await;
        server.will([next, next]);
        app.registered(ADA).await;
        let (log, _guard) = Log::capture();
        app.auth.mail.send_due().await.unwrap();
        assert_eq!(waiting(&app).await, (1, 0), "{next:?}");
        for (wait, left) in [(9, 1), (1, 1), (59, 1), (1, 0)] {
            app.advance(wait);
            app.auth.mail.send_due().await.unwrap();
            assert_eq!(waiting(&app).await, (left, 0), "{next:?} after {wait} s");
        }
        let taken = server.taken();
        let last = taken.last().unwrap();
        let comes_again = if next == Next::TakesInSilence { 3 } else { 1 };
        assert_eq!(taken.len(), comes_again, "{next:?}");
        assert!(
            taken
                .iter()
                .all(|mail| header(mail, "Message-ID") == header(last, "Message-ID"))
        );
        assert!(
            taken
                .iter()
                .all(|mail| header(mail, "Date") == header(last, "Date"))
        );
        assert!(!log.text().contains(ADA), "{}", log.text());
    }
}

#[tokio::test]
async fn a_server_that_is_down_gets_the_mail_when_it_is_up() {
    let server = SmtpServer::start().await;
    let app = sending_to(&server).await;
    let addr = server.addr;
    drop(server);
    tokio::task::yield_now().await;
    app.registered(ADA).await;
    app.auth.mail.send_due().await.unwrap();
    assert_eq!(waiting(&app).await, (1, 0));
    let server = SmtpServer::at(addr).await;
    app.advance(10);
    app.auth.mail.send_due().await.unwrap();
    assert_eq!(server.taken().len(), 1);
    assert_eq!(waiting(&app).await, (0, 0));
}

#[tokio::test]
async fn what_the_server_will_never_take_is_given_up_at_once() {
    for next in [
        Next::Answers("MAIL", "550 no"),
        Next::Answers("RCPT", "550 no such user ada@example.com"),
        Next::Answers("DATA", "554 no"),
        Next::Answers("END", "554 spam"),
    ] {
        let server = SmtpServer::start().await;
        let app = sending_to(&server).await;
        server.will([next]);
        app.registered(ADA).await;
        let (log, _guard) = Log::capture();
        app.auth.mail.send_due().await.unwrap();
        assert_eq!(waiting(&app).await, (0, 1), "{next:?}");
        assert!(log.text().contains("a mail was given up") && !log.text().contains(ADA));
    }
}

/// A wrong password is for the operator to correct. It must not cost the mails that wait meanwhile.
#[tokio::test]
async fn a_server_that_refuses_the_client_has_refused_no_mail() {
    let server = SmtpServer::start().await;
    let url = server.url().replace("smtp://", "smtp://user:canary-password@");
    let app = TestApp::with(&[("SMTP_URL", &url), FROM]).await;
    server.will([
        Next::Answers("AUTH", "535 wrong password"),
        Next::Answers("GREETING", "554 go away"),
    ]);
    app.registered(ADA).await;
    let (log, _guard) = Log::capture();
    app.auth.mail.send_due().await.unwrap();
    assert_eq!(waiting(&app).await, (1, 0));
    app.advance(10);
    app.auth.mail.send_due().await.unwrap();
    assert_eq!(waiting(&app).await, (1, 0));
    app.advance(60);
    app.auth.mail.send_due().await.unwrap();
    assert_eq!((waiting(&app).await, server.taken().len()), ((0, 0), 1));
    assert!(!log.text().contains("canary"));
}

#[tokio::test]
async fn a_mail_that_cannot_be_sent_in_time_is_given_up() {
    let server = SmtpServer::start().await;
    let app = sending_to(&server).await;
    server.will([Next::Answers("MAIL", "451 not now"); 20]);
    app.registered(ADA).await;
    let mut tries = 0;
    for _ in 0..24 * 60 {
        app.auth.mail.send_due().await.unwrap();
        let now: i64 = app
            .number("SELECT coalesce(sum(tries), 9) FROM mail_outbox")
            .await;
        tries = tries.max(now);
        app.advance(60);
    }
    assert_eq!(waiting(&app).await, (0, 1));
    assert_eq!(
        tries, 9,
        "0, 10 s, 1, 5 and 30 minutes, 2 hours, and every 6 hours"
    );
}

#[tokio::test]
async fn a_connection_takes_the_mails_that_wait_one_after_the_other() {
    let server = SmtpServer::start().await;
    let app = sending_to(&server).await;
    for number in 0..12 {
        let browser = app.browser().at(&format!("198.51.100.{number}"));
        browser.register(&format!("user{number}@example.com")).await;
    }
    app.auth.mail.send_due().await.unwrap();
    assert_eq!(server.taken().len(), 12);
    assert!(server.connections() <= 4, "{}", server.connections());
}

/// The claim of an instance that was killed ends after a minute, and another one sends the mail.
#[tokio::test]
async fn what_a_killed_instance_had_taken_is_free_again_after_a_minute() {
    let server = SmtpServer::start().await;
    let app = sending_to(&server).await;
    app.registered(ADA).await;
    let killed = {
        let mail = app.auth.mail.clone();
        server.will([Next::Hangs]);
        tokio::spawn(async move { mail.send_due().await })
    };
    while server.taken().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    killed.abort();
    let other = app.restarted(&[("SMTP_URL", &server.url()), FROM]).await;
    app.advance(59);
    other.auth.mail.send_due().await.unwrap();
    assert_eq!(server.taken().len(), 1, "it still belongs to the first");
    app.advance(1);
    other.auth.mail.send_due().await.unwrap();
    let taken = server.taken();
    assert_eq!((taken.len(), waiting(&app).await), (2, (0, 0)));
    assert_eq!(header(&taken[0], "Message-ID"), header(&taken[1], "Message-ID"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_on_one_outbox_send_each_mail_once() {
    let server = SmtpServer::start().await;
    let app = sending_to(&server).await;
    let other = app.restarted(&[("SMTP_URL", &server.url()), FROM]).await;
    for number in 0..30 {
        let browser = app.browser().at(&format!("198.51.100.{number}"));
        browser.register(&format!("user{number}@example.com")).await;
    }
    let both = [app.auth.mail.clone(), other.auth.mail.clone()];
    all_at_once(both.map(|mail| async move { mail.send_due().await.unwrap() })).await;
    // What one of them found taken, the other one is sending.
    let mut to: Vec<_> = server
        .taken()
        .iter()
        .map(|mail| header(mail, "To").to_owned())
        .collect();
    to.sort();
    to.dedup();
    assert_eq!((to.len(), server.taken().len()), (30, 30));
    assert_eq!(waiting(&app).await, (0, 0));
}
