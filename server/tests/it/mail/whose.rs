//! Whose a mail or a link is: who leaves takes their own along, and nobody else's.

use super::{
    ADA,
    change::{changed, undo},
    mails, newest, notices, token, verified,
};
use crate::support::{Browser, PASSWORD, TestApp};

const NEW: &str = "new@example.com";
const BOB: &str = "bob@example.com";

async fn delete(user: &Browser, email: &str) {
    user.call("delete_account", &[("confirm", email)])
        .await
        .expect(200);
}

/// An address is taken by whoever registers with it first, and proves nothing. It must not be a means to have done with
/// what its owner was sent.
#[tokio::test]
async fn who_registers_with_an_address_and_leaves_takes_nothing_of_others_along() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let back = changed(&ada, ADA, NEW).await;
    let bob = verified(&app, BOB).await;
    bob.call("change_email", &[("email", "bob@new.example")])
        .await
        .expect(200);
    app.auth
        .mail
        .invite("guest@example.com", auth::Role::User)
        .await
        .unwrap();
    // Waiting still.
    for email in [ADA, "bob@new.example", "guest@example.com"] {
        let stranger = app.registered(email).await;
        delete(&stranger, email).await;
    }
    let guest = token(&newest(&app, "guest@example.com").await);
    let fields = [("token", &*guest), ("password", PASSWORD)];
    app.browser()
        .call("finish_registration", &fields)
        .await
        .expect(200);
    let change = token(&newest(&app, "bob@new.example").await);
    bob.call("confirm_email_change", &[("token", &change)])
        .await
        .expect(200);
    undo(&app.browser(), &back).await.expect(200);
}

#[tokio::test]
async fn who_leaves_takes_all_mails_along_wherever_they_would_go() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    ada.call("change_email", &[("email", NEW)]).await.expect(200);
    app.assert_counts(&[("mail_outbox WHERE kind = 'email_change'", 1)])
        .await;
    delete(&ada, ADA).await;
    app.assert_counts(&[
        ("mail_outbox WHERE kind <> 'deletion'", 0),
        ("mail_outbox", 1),
        ("mail_tokens", 0),
    ])
    .await;
    assert!(mails(&app).await.iter().all(|mail| mail.to != NEW));
}

/// An address that is not verified is anybody's.
#[tokio::test]
async fn an_export_names_no_mails_that_others_have_caused() {
    let app = TestApp::new().await;
    let squatter = app.registered(ADA).await;
    mails(&app).await;
    app.auth.mail.invite(ADA, auth::Role::User).await.unwrap();
    let export = squatter
        .post("/api/export_data", &[])
        .send()
        .await
        .expect(200)
        .text();
    assert!(!export.contains("invitation"), "{export}");
}

/// Whoever has the account in hand may be the one who takes a change back.
#[tokio::test]
async fn both_addresses_are_told_of_a_change_that_is_taken_back() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let back = changed(&ada, ADA, NEW).await;
    undo(&app.browser(), &back).await.expect(200);
    for address in [ADA, NEW] {
        let told = notices(&app, address).await;
        let last = told.last().unwrap();
        assert!(
            last.text.contains("undoes a change of the e-mail address"),
            "{address}: {}",
            last.text
        );
    }
}
