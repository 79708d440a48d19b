//! Another address for an account: proven in a session of that account, and taken back by the former one.

use super::{ADA, look, mails, newest, notices, token, verified};
use crate::support::{
    Answer, Browser, OTHER_PASSWORD, PASSWORD, RANDOM_ID, SOME_TOKEN, TestApp, all_at_once,
};

const NEW: &str = "ada@new.example";
const EVE: &str = "eve@example.com";

/// Asks for another address. Returns the token that was sent to it.
async fn asked(user: &Browser, email: &str) -> String {
    let answer = user.call("change_email", &[("email", email)]).await.expect(200);
    assert_eq!(answer.text(), "null");
    let mail = newest(user.app(), email).await;
    assert!(
        mail.text.contains("/settings/confirm-address?token="),
        "{}",
        mail.text
    );
    token(&mail)
}

async fn confirm(user: &Browser, token: &str) -> Answer {
    user.call("confirm_email_change", &[("token", token)]).await
}

pub async fn undo(browser: &Browser, token: &str) -> Answer {
    browser.call("undo_email_change", &[("token", token)]).await
}

/// Has changed the address, and returns the token with which the former address takes that back.
pub async fn changed(user: &Browser, from: &str, to: &str) -> String {
    let link = asked(user, to).await;
    confirm(user, &link).await.expect(200);
    let mail = newest(user.app(), from).await;
    assert!(mail.text.contains("/undo?token="), "{}", mail.text);
    token(&mail)
}

/// Connects an account of a provider to the user with this address.
async fn connect(app: &TestApp, email: &str, subject: &str) {
    let now = app.clock.now();
    let statement = format!(
        "INSERT INTO accounts (id, user_id, provider, subject, created_at, last_used_at)
         SELECT {RANDOM_ID}, id, 'acme', $1, $2, $2 FROM users WHERE email = $3"
    );
    let query = sqlx::query(&statement).bind(subject.to_owned()).bind(now);
    let connected = query.bind(email.to_owned()).execute(app.auth.db.write()).await;
    assert_eq!(connected.unwrap().rows_affected(), 1);
}

async fn address(user: &Browser) -> (serde_json::Value, serde_json::Value) {
    let user = user.user().await;
    (user["email"].clone(), user["email_verified"].clone())
}

#[tokio::test]
async fn the_new_address_is_proven_in_a_session_and_the_former_one_is_told() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let phone = app.signed_in(ADA).await;
    let link = asked(&ada, NEW).await;
    assert_eq!(address(&ada).await, (ADA.into(), true.into()));
    let told = notices(&app, ADA).await.pop().unwrap();
    assert!(
        told.text.contains("another e-mail address was entered") && told.text.contains("203.0.113.7"),
        "{}",
        told.text
    );
    assert!(!told.text.contains("?token="), "a notice has no link that acts");
    let sent = newest(&app, NEW).await;
    assert!(
        !sent.text.contains(ADA) && !sent.text.contains("Ada"),
        "{}",
        sent.text
    );

    assert_eq!(confirm(&ada, &link).await.expect(200).text(), "null");
    // At once, also where only the snapshot is read.
    for browser in [&ada, &phone] {
        let session = browser.session().await;
        assert_eq!(
            (&session["email"], &session["email_verified"]),
            (&NEW.into(), &true.into())
        );
    }
    let told = newest(&app, ADA).await;
    assert!(told.text.contains("/undo?token="), "{}", told.text);
    confirm(&ada, &link).await.refused(410, "link_expired");
    app.browser().login(NEW, PASSWORD).await.expect(200);
    app.browser()
        .login(ADA, PASSWORD)
        .await
        .refused(401, "invalid_credentials");
    assert_eq!(
        ada.call("list_own_events", &[]).await.json()[1]["kind"],
        "change_email"
    );
}

/// The attacker has sent the link to an address that they can read, or to one whose owner opens it out of curiosity.
#[tokio::test]
async fn outside_a_session_of_its_user_a_link_changes_nothing() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let eve = verified(&app, EVE).await;
    let link = asked(&ada, NEW).await;
    let look = async |browser: &Browser| {
        let fields = [("link", "email_change"), ("token", link.as_str())];
        browser.call("get_link", &fields).await.expect(200).json()
    };
    let stranger = app.browser();
    confirm(&stranger, &link).await.refused(401, "unauthenticated");
    confirm(&eve, &link).await.refused(401, "unauthenticated");
    assert_eq!(look(&stranger).await, "after_sign_in");
    assert_eq!(look(&eve).await, "by_another");
    assert_eq!(look(&ada).await, "here");
    assert_eq!(address(&eve).await.0, EVE);
    confirm(&ada, &link).await.expect(200);
}

#[tokio::test]
async fn looking_spends_nothing_and_a_newer_link_ends_the_older() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let first = asked(&ada, NEW).await;
    let second = asked(&ada, "ada@newer.example").await;
    confirm(&ada, &first).await.refused(410, "link_expired");
    let page = format!("/settings/confirm-address?token={second}");
    look(&ada, &page).await;
    assert_eq!(address(&ada).await.0, ADA);
    app.advance(24 * 3600 - 1);
    let ada = app.signed_in(ADA).await;
    ada.get(&page).await.expect(200);
    app.advance(1);
    ada.get(&page).await.expect(410);
    confirm(&ada, &second).await.refused(410, "link_expired");
    for dead in [SOME_TOKEN, "x"] {
        confirm(&ada, dead).await.refused(410, "link_expired");
        undo(&ada, dead).await.refused(410, "link_expired");
    }
}

#[tokio::test]
async fn it_takes_a_recent_session_and_nothing_shows_whether_the_address_is_taken() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    verified(&app, EVE).await;
    let change = async |email| ada.call("change_email", &[("email", email)]).await;
    change("not an address").await.refused(422, "invalid_email");
    let free = change(NEW).await.expect(200);
    let taken = change(EVE).await.expect(200);
    assert_eq!(free.comparable(), taken.comparable());
    let link = token(&newest(&app, EVE).await);
    confirm(&ada, &link).await.refused(409, "email_taken");
    confirm(&ada, &link).await.refused(409, "email_taken");
    assert_eq!(address(&ada).await.0, ADA);
    app.advance(600);
    change(NEW).await.refused(403, "reauth_required");
}

/// Somebody has registered with an address that is not theirs, and waits for its owner.
#[tokio::test]
async fn an_address_that_another_has_not_verified_is_taken_with_nothing_but_itself() {
    let app = TestApp::new().await;
    let squatter = app.registered(NEW).await;
    squatter
        .call("update_public_data", &[("bio", "mine")])
        .await
        .expect(200);
    let prepared = token(&newest(&app, NEW).await);
    let ada = verified(&app, ADA).await;
    let link = asked(&ada, NEW).await;
    confirm(&ada, &link).await.expect(200);
    assert_eq!(address(&ada).await, (NEW.into(), true.into()));
    // The squatter keeps account and data, and knows at once.
    let session = squatter.session().await;
    assert_eq!(
        (&session["email"], &session["email_verified"]),
        (&serde_json::Value::Null, &false.into())
    );
    assert_eq!(squatter.call("get_public_data", &[]).await.json()["bio"], "mine");
    assert_eq!(
        squatter.call("list_own_events", &[]).await.json()[0]["kind"],
        "lose_email"
    );
    let page = squatter.get("/settings/security").await.expect(200);
    assert!(
        page.shows("goes to whoever proves that it is theirs"),
        "{}",
        page.text()
    );
    squatter
        .call("verify_email", &[("token", &prepared)])
        .await
        .refused(410, "link_expired");
    assert_eq!(
        ada.call("get_public_data", &[]).await.json()["bio"],
        serde_json::Value::Null
    );
}

#[tokio::test]
async fn the_former_address_takes_the_change_back_with_whatever_was_added_since() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    connect(&app, ADA, "hers").await;
    app.advance(60);
    let link = changed(&ada, ADA, NEW).await;
    app.advance(60);
    connect(&app, NEW, "theirs").await;
    let phone = app.browser();
    phone.login(NEW, PASSWORD).await.expect(200);
    let reset = super::reset_page(&app, NEW).await;
    let owner = app.browser();
    for _ in 0..2 {
        let page = owner.get(&format!("/undo?token={link}")).await.expect(200);
        assert!(!page.shows(ADA) && !page.shows(NEW));
    }
    let answer = undo(&owner, &link).await.expect(200);
    assert_eq!(answer.text(), "null");
    assert!(owner.is_empty(), "nobody is signed in by it");
    for browser in [&ada, &phone] {
        assert!(!browser.is_signed_in().await);
    }
    for email in [ADA, NEW] {
        app.browser()
            .login(email, PASSWORD)
            .await
            .refused(401, "invalid_credentials");
    }
    assert_eq!(app.text("SELECT subject FROM accounts").await, "hers");
    owner.get(&reset).await.expect(410);
    undo(&owner, &link).await.refused(410, "link_expired");
    // The way back in has been sent.
    let mail = newest(&app, ADA).await;
    assert!(mail.text.contains("/reset?token="), "{}", mail.text);
    let fields = [
        ("token", token(&mail)),
        ("new_password", OTHER_PASSWORD.to_owned()),
    ];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    owner.call("reset_password", &fields).await.expect(200);
    app.assert_counts(&[("accounts", 1)]).await;
    owner.login(ADA, OTHER_PASSWORD).await.expect(200);
    assert_eq!(address(&owner).await, (ADA.into(), true.into()));
}

// wing:second-factors
#[tokio::test]
async fn factors_of_the_day_before_the_change_go_with_it_and_older_ones_stay() {
    for (age, stays) in [(24 * 3600 + 1, true), (24 * 3600 - 60, false)] {
        let app = TestApp::new().await;
        let ada = verified(&app, ADA).await;
        let its = crate::second_factors::App::of(&ada).await;
        app.advance(age);
        let ada = app.browser();
        ada.login(ADA, PASSWORD).await.expect(403);
        its.complete(&ada).await;
        let link = changed(&ada, ADA, NEW).await;
        undo(&app.browser(), &link).await.expect(200);
        let rows = i64::from(stays);
        app.assert_counts(&[("totp", rows), ("recovery_codes", 10 * rows)])
            .await;
    }
}

#[tokio::test]
async fn recovery_codes_renewed_since_the_change_go_though_the_app_stays() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let its = crate::second_factors::App::of(&ada).await;
    app.advance(2 * 24 * 3600);
    let ada = app.browser();
    ada.login(ADA, PASSWORD).await.expect(403);
    its.complete(&ada).await;
    let link = changed(&ada, ADA, NEW).await;
    ada.call("new_recovery_codes", &[]).await.expect(200);
    undo(&app.browser(), &link).await.expect(200);
    app.assert_counts(&[("totp", 1), ("recovery_codes", 0)]).await;
}
// end wing:second-factors

/// Whoever has the account in hand changes the address again and again, and resets the password.
#[tokio::test]
async fn each_link_back_is_good_for_its_week_and_using_one_ends_those_after_it() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let first = changed(&ada, ADA, NEW).await;
    let second = changed(&ada, NEW, "eve@newer.example").await;
    let third = changed(&ada, "eve@newer.example", "eve@newest.example").await;
    let reset = super::reset_page(&app, "eve@newest.example").await;
    let (_, reset) = reset.split_once("token=").unwrap();
    let fields = [("token", reset), ("new_password", OTHER_PASSWORD)];
    app.browser().call("reset_password", &fields).await.expect(200);
    let stranger = app.browser().unhindered();
    let page = |token: &str| format!("/undo?token={token}");
    stranger.get(&page(&first)).await.expect(200);
    app.advance(7 * 24 * 3600 - 1);
    undo(&stranger, &second).await.expect(200);
    for (link, status) in [(&first, 200), (&second, 410), (&third, 410)] {
        stranger.get(&page(link)).await.expect(status);
    }
    assert_eq!(app.text("SELECT email FROM users").await, NEW);
    undo(&stranger, &first).await.expect(200);
    assert_eq!(app.text("SELECT email FROM users").await, ADA);
}

/// The owner still has a session, and changes the address back instead of following the link.
#[tokio::test]
async fn an_address_that_the_owner_changes_back_has_no_way_back_itself() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let owners = changed(&ada, ADA, "eve@new.example").await;
    app.advance(6 * 24 * 3600);
    let ada = app.signed_in("eve@new.example").await;
    let eves = changed(&ada, "eve@new.example", "eve@newer.example").await;
    let link = asked(&ada, ADA).await;
    confirm(&ada, &link).await.expect(200);
    for eve in ["eve@new.example", "eve@newer.example"] {
        let links = mails(&app).await.into_iter().filter(|mail| mail.to == eve);
        let links = links.filter(|mail| mail.text.contains("/undo?token="));
        assert_eq!(links.count(), usize::from(eve == "eve@new.example"), "{eve}");
    }
    let stranger = app.browser().unhindered();
    undo(&stranger, &eves).await.refused(410, "link_expired");
    assert_eq!(app.text("SELECT email FROM users").await, ADA);
    // The owner's own is good for what is left of its week; later, a change is one like any other.
    stranger.get(&format!("/undo?token={owners}")).await.expect(200);
    app.advance(24 * 3600);
    let ada = app.signed_in(ADA).await;
    changed(&ada, ADA, NEW).await;
}

/// Somebody has prepared the account with an address of theirs, and still has the link that gives it back.
#[tokio::test]
async fn the_proof_of_an_address_that_was_not_verified_ends_links_back() {
    for by_code in [false, true] {
        let app = TestApp::new().await;
        let eve = verified(&app, EVE).await;
        let link = changed(&eve, EVE, "eve@new.example").await;
        // As an operator sets it.
        let set = format!("UPDATE users SET email = '{ADA}', email_verified_at = NULL");
        assert_eq!(app.sql(&set).await, 1);
        let ada = app.browser();
        if by_code {
            ada.call("send_sign_in_code", &[("email", ADA)]).await.expect(200);
            let code = super::code(&newest(&app, ADA).await);
            ada.call("sign_in_with_code", &[("code", &code)])
                .await
                .expect(200);
        } else {
            let page = super::reset_page(&app, ADA).await;
            let (_, token) = page.split_once("token=").unwrap();
            let fields = [("token", token), ("new_password", OTHER_PASSWORD)];
            ada.call("reset_password", &fields).await.expect(200);
        }
        undo(&app.browser(), &link).await.refused(410, "link_expired");
        assert_eq!(app.text("SELECT email FROM users").await, ADA);
    }
}

#[tokio::test]
async fn a_link_back_ends_after_a_week_and_is_none_for_a_disabled_user() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let link = changed(&ada, ADA, NEW).await;
    let stranger = app.browser().unhindered();
    app.sql("UPDATE users SET disabled_at = created_at").await;
    undo(&stranger, &link).await.refused(410, "link_expired");
    app.sql("UPDATE users SET disabled_at = NULL").await;
    app.advance(7 * 24 * 3600);
    undo(&stranger, &link).await.refused(410, "link_expired");
    assert_eq!(app.text("SELECT email FROM users").await, NEW);
}

#[tokio::test]
async fn only_a_verified_address_gets_a_notice_and_a_way_back() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let link = asked(&ada, NEW).await;
    confirm(&ada, &link).await.expect(200);
    let to_former = mails(&app).await.into_iter().filter(|mail| mail.to == ADA);
    assert_eq!(to_former.count(), 1, "the mail of the registration");
    app.assert_counts(&[("mail_tokens", 0)]).await;
}

#[tokio::test]
async fn when_the_former_address_is_taken_meanwhile_all_of_the_rest_is_done() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let link = changed(&ada, ADA, NEW).await;
    verified(&app, ADA).await;
    let owner = app.browser();
    let page = format!("/undo?token={link}");
    let form = owner
        .submit(&page, "undo_email_change", &[("token", &link)])
        .await;
    form.leads_to(&page);
    // The link is used up by now, and the page says what came of it.
    let shown = owner.get(&page).await.expect(410);
    assert!(shown.shows("yours keeps the one that it has") && !shown.shows("href=\"/forgot\""));
    let told = notices(&app, NEW).await;
    assert!(told.last().unwrap().subject.contains("was secured"), "{told:?}");
    assert!(!ada.is_signed_in().await);
    app.browser()
        .login(NEW, PASSWORD)
        .await
        .refused(401, "invalid_credentials");
    app.browser().login(ADA, PASSWORD).await.expect(200);
    undo(&app.browser(), &link).await.refused(410, "link_expired");

    // Held unverified, it goes back.
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let link = changed(&ada, ADA, NEW).await;
    let squatter = app.registered(ADA).await;
    undo(&app.browser(), &link).await.expect(200);
    assert_eq!(address(&squatter).await, (serde_json::Value::Null, false.into()));
    assert_eq!(
        app.text("SELECT email FROM users WHERE email IS NOT NULL").await,
        ADA
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_users_who_prove_one_address_at_once_one_has_it() {
    let app = TestApp::new().await;
    let people = [verified(&app, ADA).await, verified(&app, EVE).await];
    let mut uses = Vec::new();
    for (place, person) in people.iter().enumerate() {
        let link = asked(person, NEW).await;
        let browser = person.at(&format!("198.51.100.{place}"));
        uses.push(async move { confirm(&browser, &link).await.status });
    }
    let mut done = all_at_once(uses).await;
    done.sort_unstable();
    assert_eq!(done, [200, 409]);
}

#[tokio::test]
async fn without_javascript_the_forms_lead_through_all_of_it() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let page = ada.get("/settings/security").await.expect(200);
    assert!(page.shows("action=\"/api/change_email\"") && page.shows(ADA));
    ada.submit("/settings/security", "change_email", &[("email", NEW)])
        .await
        .leads_to("/settings/security");
    let page = ada.get("/settings/security").await.expect(200);
    assert!(page.shows("A mail with a link is on its way to this address, unless you have it already."));
    let link = token(&newest(&app, NEW).await);
    let page = format!("/settings/confirm-address?token={link}");
    // In another browser, the way leads through the sign-in.
    let stranger = app.browser().get(&page).await.expect(200);
    assert!(stranger.shows(&format!(
        "/login?return_to=/settings/confirm-address%3Ftoken%3D{link}"
    )));
    ada.submit("/", "confirm_email_change", &[("token", &link)])
        .await
        .leads_to("/profile");
    let back = token(&newest(&app, ADA).await);
    let page = format!("/undo?token={back}");
    let shown = app.browser().get(&page).await.expect(200);
    assert!(shown.shows("action=\"/api/undo_email_change\""));
    let owner = app.browser();
    owner
        .submit("/", "undo_email_change", &[("token", &back)])
        .await
        .leads_to("/forgot/sent");
    owner
        .submit("/", "undo_email_change", &[("token", &back)])
        .await
        .leads_to(&page);
    owner.get(&page).await.expect(410);
}

#[tokio::test]
async fn mails_to_a_new_address_are_limited() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    for place in 0..5 {
        ada.at(&format!("198.51.100.{place}"))
            .call("change_email", &[("email", NEW)])
            .await
            .expect(200);
    }
    ada.call("change_email", &[("email", NEW)])
        .await
        .refused(429, "too_many_attempts");
}
