//! How long things are kept: what the page promises is done by the job.

use super::ADA;
use crate::support::TestApp;

const DAY: i64 = 86_400;

const EVENTS: &str = "SELECT count(*) FROM audit_events";
const WITH_ADDRESS: &str = "SELECT count(*) FROM audit_events WHERE ip IS NOT NULL";

#[tokio::test]
async fn the_addresses_in_the_history_go_after_ninety_days_and_the_events_stay() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let events = app.number(EVENTS).await;
    let with_address = app.number(WITH_ADDRESS).await;
    assert!(with_address > 0);
    app.advance(90 * DAY - 1);
    app.auth.sweep().await.unwrap();
    assert_eq!(app.number(WITH_ADDRESS).await, with_address);
    // A newer one is not touched.
    app.signed_in(ADA).await;
    let newer = app.number(WITH_ADDRESS).await - with_address;
    assert!(newer > 0);
    app.advance(1);
    app.auth.sweep().await.unwrap();
    assert_eq!(app.number(WITH_ADDRESS).await, newer);
    assert_eq!(app.number(EVENTS).await, events + newer);
    app.advance(310 * DAY);
    app.auth.sweep().await.unwrap();
    assert_eq!(app.number(EVENTS).await, newer);
}

// wing:mail
#[tokio::test]
async fn the_page_says_how_long_links_and_codes_are_kept() {
    let app = TestApp::new().await;
    crate::mail::change_pages(&app).await;
    crate::mail::finish_page(&app).await;
    app.registered(ADA).await;
    app.browser()
        .call("send_sign_in_code", &[("email", ADA)])
        .await
        .expect(200);
    for (purposes, longest) in [
        ("purpose NOT IN ('invitation', 'undo_email_change')", DAY),
        ("purpose IN ('invitation', 'undo_email_change')", 7 * DAY),
    ] {
        let left = format!("SELECT count(*) FROM mail_tokens WHERE {purposes}");
        assert!(app.number(&left).await >= 2, "{purposes}");
        app.advance(longest);
        app.auth.sweep().await.unwrap();
        assert_eq!(app.number(&left).await, 0, "{purposes}");
    }
    let page = app.browser().get("/privacy").await.expect(200);
    assert!(page.shows(
        "Kept until they are used, 24 hours at most; an invitation, and a link that undoes a change of address, 7 days"
    ));
}
// end wing:mail

#[tokio::test]
async fn more_addresses_than_a_batch_go_in_one_sweep() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let random = crate::support::RANDOM_ID;
    for _ in 0..11 {
        app.sql(&format!(
            "INSERT INTO audit_events (id, at, user_id, kind, ip)
             SELECT {random}, at, user_id, kind, ip FROM audit_events WHERE ip IS NOT NULL"
        ))
        .await;
    }
    assert!(app.number(WITH_ADDRESS).await > 1000);
    app.advance(90 * DAY);
    app.auth.sweep().await.unwrap();
    assert_eq!(app.number(WITH_ADDRESS).await, 0);
}

#[tokio::test]
async fn what_belongs_to_something_begun_goes_at_its_end() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    ada.call("start_totp", &[]).await.expect(200); // wing:second-factors
    ada.call("start_passkey", &[]).await.expect(200); // wing:passkeys
    ada.call("send_verification", &[]).await.expect(200); // wing:mail
    ada.post("/auth/login/acme", &[]).send().await.expect(200);
    let begun = [
        "ceremonies",  // wing:second-factors,passkeys
        "mail_tokens", // wing:mail
        "mail_outbox", // wing:mail
        "sign_in_flows",
    ];
    for table in begun {
        assert!(app.count(table).await > 0, "{table}");
    }
    app.advance(DAY);
    app.auth.sweep().await.unwrap();
    for table in begun {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
    app.advance(30 * DAY);
    app.auth.sweep().await.unwrap();
    app.assert_counts(&[("sessions", 0), ("sign_in_networks", 0)])
        .await;
}
