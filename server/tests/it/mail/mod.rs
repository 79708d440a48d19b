//! Mail: that it is written with what causes it, how it leaves, and what comes back of it.

mod alike;
mod change;
mod claim;
mod confirm;
mod development;
mod lock;
mod notices;
mod outbox;
mod registration;
mod reset;
mod sending;
mod sign_in;
mod smtp_server;
mod verification;
mod whose; // wing:data-rights

use auth::mail::Delivered;
use http::Method;

use crate::support::{Browser, TestApp};

const ADA: &str = "ada@example.com";

/// All mails so far, newest first, after sending what is due.
pub async fn mails(app: &TestApp) -> Vec<Delivered> {
    app.auth.mail.send_due().await.unwrap();
    app.auth.mail.mailbox().unwrap().mails()
}

/// Whether a mail only tells what was done with an account.
pub fn is_notice(mail: &Delivered) -> bool {
    mail.text.contains("You get notices like this one")
}

/// The newest mail to this address that is more than a notice.
pub async fn newest(app: &TestApp, to: &str) -> Delivered {
    let mails = mails(app).await.into_iter().filter(|mail| !is_notice(mail));
    // Several are sent at once. Their ids are in the order in which they were written.
    let newest = mails.filter(|mail| mail.to == to).max_by_key(|mail| mail.id);
    newest.expect("there is a mail")
}

/// The notices to this address so far, oldest first.
pub async fn notices(app: &TestApp, to: &str) -> Vec<Delivered> {
    let mut notices = mails(app).await;
    notices.retain(|mail| mail.to == to && is_notice(mail));
    notices.sort_by_key(|mail| mail.id);
    notices
}

/// Verifies the address of a user who has just registered.
pub async fn verify(app: &TestApp, user: &Browser, email: &str) {
    let code = code(&newest(app, email).await);
    user.call("verify_email", &[("code", &code)]).await.expect(200);
}

/// A browser whose person has just registered, and verified the address.
pub async fn verified(app: &TestApp, email: &str) -> Browser {
    let browser = app.registered(email).await;
    verify(app, &browser, email).await;
    browser
}

/// The token of a link to a new password.
pub async fn reset_token(app: &TestApp, to: &str) -> String {
    app.browser()
        .call("forgot_password", &[("email", to)])
        .await
        .expect(200);
    token(&newest(app, to).await)
}

/// The page that a link to a new password leads to.
pub async fn reset_page(app: &TestApp, to: &str) -> String {
    format!("/reset?token={}", reset_token(app, to).await)
}

/// Looks at a link's page again and again: it is there, kept by nobody, and tells other sites nothing of its address.
pub async fn look(browser: &Browser, page: &str) {
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let answer = browser
            .request(method, page)
            .header("accept", "text/html")
            .send()
            .await
            .expect(200);
        assert_eq!(answer.header("referrer-policy"), Some("strict-origin"));
        assert!(answer.header("cache-control").unwrap().contains("no-store"));
    }
}

/// The token in a mail's link.
pub fn token(mail: &Delivered) -> String {
    let (_, rest) = mail.text.split_once("?token=").unwrap();
    rest.lines().next().unwrap().to_owned()
}

/// The code in a mail, without its blank.
pub fn code(mail: &Delivered) -> String {
    let line = mail.text.lines().find_map(|line| line.strip_prefix("    "));
    line.unwrap().replace(' ', "")
}

/// A code of the same form that is not this one.
pub fn wrong(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..7])
}

/// A user who changes the address, the page that does it, and the one that takes an earlier change back.
pub async fn change_pages(app: &TestApp) -> (Browser, String, String) {
    let user = verified(app, "mover@example.com").await;
    let ask = async |email: &str| {
        user.call("change_email", &[("email", email)]).await.expect(200);
        token(&newest(app, email).await)
    };
    let link = ask("mover@new.example").await;
    user.call("confirm_email_change", &[("token", &link)])
        .await
        .expect(200);
    let undo = format!("/undo?token={}", token(&newest(app, "mover@example.com").await));
    let confirm = ask("mover@newer.example").await;
    (user, format!("/settings/confirm-address?token={confirm}"), undo)
}

/// The page that an invitation leads to.
pub async fn finish_page(app: &TestApp) -> String {
    let email = "guest@example.com";
    app.auth.mail.invite(email, auth::Role::User).await.unwrap();
    format!("/register/finish?token={}", token(&newest(app, email).await))
}
