//! Who may register, and that an address is proven before there is an account.

use auth::mail::Registration;
use serde_json::Value;

use super::{ADA, look, mails, newest, token, verified};
use crate::oauth::support::{World, person, person_with};
use crate::support::{Answer, Browser, OTHER_PASSWORD, PASSWORD, SOME_TOKEN, TestApp, all_at_once, contains};

const NEW: &str = "new@example.com";
const OTHER: &str = "other@example.com";

async fn registering_by(mode: Registration) -> TestApp {
    switched(TestApp::new().await, mode).await
}

async fn switched(app: TestApp, mode: Registration) -> TestApp {
    app.configured(&[], |config| config.auth.registration = mode)
        .await
}

/// Asks for a link. Returns its token.
async fn asked(app: &TestApp, email: &str) -> String {
    let answer = app
        .browser()
        .call("register", &[("email", email), ("name", "Grace")])
        .await
        .expect(200);
    assert_eq!(answer.text(), "null");
    assert!(answer.cookies().is_empty());
    let mail = newest(app, email).await;
    assert!(mail.text.contains("/register/finish?token="), "{}", mail.text);
    assert!(
        !mail.text.contains("Grace"),
        "whoever typed it writes to nobody by it"
    );
    token(&mail)
}

async fn finish(browser: &Browser, token: &str, password: &str) -> Answer {
    let fields = [("token", token), ("password", password)];
    browser.call("finish_registration", &fields).await
}

/// An administrator has invited an address. Returns the token of the mail.
async fn invited(app: &TestApp, email: &str, role: &str) -> String {
    app.auth
        .mail
        .invite(email, auth::Role::from_name(role).unwrap())
        .await
        .unwrap();
    token(&newest(app, email).await)
}

#[tokio::test]
async fn a_confirmed_address_comes_before_the_account() {
    let app = registering_by(Registration::Confirm).await;
    let link = asked(&app, NEW).await;
    app.assert_counts(&[("users", 0)]).await;
    let browser = app.browser();
    let page = format!("/register/finish?token={link}");
    look(&browser, &page).await;
    for (password, code) in [("short", "password_too_short"), (NEW, "password_too_common")] {
        finish(&browser, &link, password).await.refused(422, code);
    }
    let long = "n".repeat(101);
    let fields = [
        ("token", link.as_str()),
        ("password", PASSWORD),
        ("name", long.as_str()),
    ];
    browser
        .call("finish_registration", &fields)
        .await
        .refused(422, "invalid_input");
    let answer = finish(&browser, &link, PASSWORD).await.expect(200);
    assert!(answer.renews());
    assert_eq!(
        (&answer.json()["email"], &answer.json()["email_verified"]),
        (&NEW.into(), &true.into())
    );
    assert_eq!(browser.user().await["name"], "Grace");
    assert_eq!(
        browser.call("list_sessions", &[]).await.json()[0]["method"],
        "password"
    );
    finish(&app.browser(), &link, OTHER_PASSWORD)
        .await
        .refused(410, "link_expired");
    app.browser().login(NEW, PASSWORD).await.expect(200);
    app.assert_counts(&[("users", 1), ("mail_tokens", 0)]).await;
    finish(&browser, SOME_TOKEN, PASSWORD)
        .await
        .refused(410, "link_expired");
    // An empty field is an answer, too: anybody may have asked for the link.
    let link = asked(&app, OTHER).await;
    let fields = [("token", link.as_str()), ("password", PASSWORD), ("name", "")];
    let other = app.browser();
    other.call("finish_registration", &fields).await.expect(200);
    assert_eq!(other.user().await["name"], serde_json::Value::Null);
}

#[tokio::test]
async fn links_end_after_a_day_and_with_a_newer_one() {
    let app = registering_by(Registration::Confirm).await;
    let first = asked(&app, NEW).await;
    let second = asked(&app, NEW).await;
    let browser = app.browser().unhindered();
    finish(&browser, &first, PASSWORD)
        .await
        .refused(410, "link_expired");
    app.advance(24 * 3600);
    finish(&browser, &second, PASSWORD)
        .await
        .refused(410, "link_expired");
    browser
        .get(&format!("/register/finish?token={second}"))
        .await
        .expect(410);
    app.assert_counts(&[("users", 0)]).await;
}

#[tokio::test]
async fn nothing_tells_whether_an_address_has_a_user() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let app = switched(app, Registration::Confirm).await;
    mails(&app).await;
    let register = async |email| app.browser().call("register", &[("email", email)]).await;
    let known = register(ADA).await.expect(200);
    let unknown = register(NEW).await.expect(200);
    assert_eq!(known.comparable(), unknown.comparable());
    app.assert_counts(&[("mail_outbox", 2), ("mail_tokens", 2), ("users", 1)])
        .await;
    let told = newest(&app, ADA).await;
    assert!(
        told.text.contains("You have one already") && !told.text.contains("?token="),
        "{}",
        told.text
    );
    assert!(!contains(&app.disk(), "Grace"));
    for email in [ADA, NEW] {
        let fields = [("email", email), ("name", "Grace")];
        app.browser()
            .submit("/register", "register", &fields)
            .await
            .leads_to("/register/sent");
    }
    app.browser().get("/register/sent").await.expect(200);
    register("not an address").await.refused(422, "invalid_email");
}

/// Somebody has registered with the address before it had to be confirmed.
#[tokio::test]
async fn an_account_that_somebody_has_prepared_is_not_handed_over() {
    let app = TestApp::new().await;
    let squatter = app.registered(NEW).await;
    squatter
        .call("update_public_data", &[("bio", "theirs")])
        .await
        .expect(200);
    let app = switched(app, Registration::Confirm).await;
    let link = asked(&app, NEW).await;
    let owner = app.browser();
    finish(&owner, &link, OTHER_PASSWORD).await.expect(200);
    assert_eq!(
        owner.call("get_public_data", &[]).await.json()["bio"],
        Value::Null
    );
    let squatter = squatter.before(&app);
    assert_eq!(squatter.user().await["email"], Value::Null);
    assert_eq!(
        squatter.call("get_public_data", &[]).await.json()["bio"],
        "theirs"
    );
    app.browser()
        .login(NEW, PASSWORD)
        .await
        .refused(401, "invalid_credentials");
    app.assert_counts(&[("users", 2)]).await;
}

#[tokio::test]
async fn an_address_that_was_verified_meanwhile_is_taken() {
    let app = registering_by(Registration::Confirm).await;
    let link = asked(&app, NEW).await;
    let open = switched(app.clone(), Registration::Open).await;
    verified(&open, NEW).await;
    finish(&app.browser(), &link, PASSWORD)
        .await
        .refused(409, "email_taken");
    app.assert_counts(&[("users", 1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_uses_at_once_one_counts() {
    let app = registering_by(Registration::Confirm).await;
    let link = asked(&app, NEW).await;
    let uses = (0..5).map(|place| {
        let (browser, link) = (app.browser().at(&format!("198.51.100.{place}")), link.clone());
        async move { finish(&browser, &link, PASSWORD).await.status }
    });
    let done = all_at_once(uses.collect::<Vec<_>>()).await;
    assert_eq!(
        done.iter().filter(|status| **status == 200).count(),
        1,
        "{done:?}"
    );
    app.assert_counts(&[("users", 1), ("sessions", 1)]).await;
}

#[tokio::test]
async fn closed_takes_nobody_without_an_invitation() {
    let app = registering_by(Registration::Confirm).await;
    let link = asked(&app, NEW).await;
    let app = switched(app, Registration::Closed).await;
    let stranger = app.browser();
    for fields in [&[("email", NEW), ("password", PASSWORD)][..], &[("email", NEW)]] {
        stranger
            .call("register", fields)
            .await
            .refused(403, "registration_closed");
    }
    // Not with what was sent before, either.
    finish(&stranger, &link, PASSWORD)
        .await
        .refused(403, "registration_closed");
    let page = stranger.get("/register").await.expect(200);
    assert!(page.shows("by invitation only") && !page.shows("action=\"/api/register\""));
    app.assert_counts(&[("users", 0)]).await;

    let invitation = invited(&app, NEW, "admin").await;
    stranger
        .call("register", &[("email", NEW), ("password", PASSWORD)])
        .await
        .refused(403, "registration_closed");
    app.advance(7 * 24 * 3600 - 1);
    finish(&stranger, &invitation, PASSWORD).await.expect(200);
    assert_eq!(stranger.user().await["role"], "admin");
    finish(&app.browser(), &invitation, PASSWORD)
        .await
        .refused(410, "link_expired");
}

#[tokio::test]
async fn an_invitation_ends_after_a_week_and_with_a_newer_one() {
    let app = registering_by(Registration::Closed).await;
    let first = invited(&app, NEW, "user").await;
    let second = invited(&app, NEW, "user").await;
    let browser = app.browser().unhindered();
    finish(&browser, &first, PASSWORD)
        .await
        .refused(410, "link_expired");
    app.advance(7 * 24 * 3600);
    finish(&browser, &second, PASSWORD)
        .await
        .refused(410, "link_expired");
}

/// Registering with the address is no proof of it.
#[tokio::test]
async fn who_only_types_an_invited_address_gets_neither_role_nor_invitation() {
    let app = TestApp::new().await;
    let invitation = invited(&app, NEW, "admin").await;
    let squatter = app.registered(NEW).await;
    assert_eq!(squatter.user().await["role"], "user");
    let owner = app.browser();
    finish(&owner, &invitation, OTHER_PASSWORD).await.expect(200);
    assert_eq!(owner.user().await["role"], "admin");
    assert_eq!(squatter.user().await["email"], Value::Null);
    assert_eq!(squatter.user().await["role"], "user");
}

#[tokio::test]
async fn a_user_who_has_the_address_is_told_so_and_nothing_changes() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    app.auth.mail.invite(ADA, auth::Role::Admin).await.unwrap();
    let mail = newest(&app, ADA).await;
    assert!(mail.text.contains("nothing has changed") && !mail.text.contains("?token="));
    assert_eq!(ada.user().await["role"], "user");
    let recorded = "audit_events WHERE kind = 'invite' AND user_id IS NULL
                    AND CAST(detail AS TEXT) LIKE '%command line%'";
    assert_eq!(app.count(recorded).await, 1);
    let odd = app.auth.mail.invite("not an address", auth::Role::User).await;
    assert!(matches!(odd, Err(auth::Error::InvalidEmail)));
}

// wing:admin
#[tokio::test]
async fn an_administrator_invites_by_a_form() {
    let app = registering_by(Registration::Closed).await;
    let open = switched(app.clone(), Registration::Open).await;
    open.registered("root@example.com").await;
    app.promote("root@example.com").await;
    let root = app.signed_in("root@example.com").await;
    drop(open);
    let page = root.get("/admin").await.expect(200);
    assert!(page.shows("action=\"/api/admin/invite\""));
    let fields = [("email", NEW), ("role", "admin")];
    root.submit("/admin", "admin/invite", &fields)
        .await
        .leads_to("/admin");
    assert!(
        root.get("/admin")
            .await
            .expect(200)
            .shows("The invitation is on its way.")
    );
    let link = token(&newest(&app, NEW).await);
    let guest = app.browser();
    finish(&guest, &link, PASSWORD).await.expect(200);
    assert_eq!(guest.user().await["role"], "admin");
    assert_eq!(
        app.number("SELECT count(*) FROM audit_events WHERE kind = 'invite' AND actor_id IS NOT NULL")
            .await,
        1
    );
    // What an administrator gave ends with the role until it is accepted: otherwise an invitation to oneself would outlive it.
    root.call(
        "admin/invite",
        &[("email", "late@example.com"), ("role", "admin")],
    )
    .await
    .expect(200);
    let late = token(&newest(&app, "late@example.com").await);
    let people = app.auth.administration();
    let id = people.find("root@example.com").await.unwrap().id;
    people
        .set_role(auth::admin::By::CommandLine, id, auth::Role::Support)
        .await
        .unwrap();
    let guest = app.browser();
    finish(&guest, &late, PASSWORD).await.expect(200);
    assert_eq!(guest.user().await["role"], "user");
    people
        .set_role(auth::admin::By::CommandLine, id, auth::Role::Admin)
        .await
        .unwrap();

    let invite = async |role, email| {
        root.call("admin/invite", &[("email", email), ("role", role)])
            .await
    };
    invite("owner", NEW).await.refused(422, "invalid_input");
    invite("user", "not an address")
        .await
        .refused(422, "invalid_email");
    for _ in 0..5 {
        invite("user", "guest@example.com").await.expect(200);
    }
    invite("user", "guest@example.com")
        .await
        .refused(429, "too_many_attempts");
    app.advance(600);
    invite("user", NEW).await.refused(403, "reauth_required");
}
// end wing:admin

#[tokio::test]
async fn a_new_person_of_a_provider_needs_an_invitation_for_the_address_it_vouches_for() {
    let world = World::new().await;
    let world = world
        .configured(|config| config.auth.registration = Registration::Closed)
        .await;
    let app = &world.app;
    let browser = world.browser();
    let ada = person("ada");
    browser
        .sign_in("acme", &world.acme, &ada)
        .await
        .assert_failed("closed");
    app.assert_counts(&[("users", 0), ("accounts", 0)]).await;
    invited(app, ADA, "admin").await;
    let unproven = person_with("ada", serde_json::json!({ "email_verified": false }));
    browser
        .sign_in("acme", &world.acme, &unproven)
        .await
        .assert_failed("closed");
    browser
        .sign_in("acme", &world.acme, &ada)
        .await
        .assert_leads_to("/profile");
    assert_eq!(browser.user().await["role"], "admin");
    app.assert_counts(&[("mail_tokens", 0)]).await;
    // Whom it knows, it lets in.
    let again = world.browser();
    again
        .sign_in("acme", &world.acme, &ada)
        .await
        .assert_leads_to("/profile");
    let page = browser.get("/login?error=closed").await;
    drop(page);
    assert!(
        world
            .browser()
            .get("/login?error=closed")
            .await
            .expect(200)
            .shows("by invitation only")
    );
}

#[tokio::test]
async fn a_user_who_has_verified_the_address_connects_a_provider_where_registration_is_closed() {
    let world = World::new().await;
    let ada = verified(&world.app, ADA).await;
    drop(ada);
    let world = world
        .configured(|config| config.auth.registration = Registration::Closed)
        .await;
    let browser = world.browser();
    browser
        .sign_in("acme", &world.acme, &person("ada"))
        .await
        .assert_failed("link_required");
    browser.login(ADA, PASSWORD).await.expect(200);
    assert_eq!(browser.providers().await, ["acme"]);
}

#[tokio::test]
async fn a_mode_that_does_not_exist_or_cannot_work_is_refused_at_the_start() {
    use server::config::ServerConfig;

    let problems = |vars: &[(&str, &str)]| {
        let vars = vars.iter().copied().collect();
        let problems = ServerConfig::from_vars(&vars, true).err().unwrap_or_default();
        let named = problems
            .iter()
            .filter(|problem| problem.variable == "REGISTRATION");
        named.map(|problem| problem.message.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        problems(&[("REGISTRATION", "ask")]),
        ["must be open, confirm or closed"]
    );
    assert_eq!(
        problems(&[("REGISTRATION", "confirm")]),
        ["cannot be confirm without mail: set SMTP_URL and MAIL_FROM"]
    );
    assert!(problems(&[("REGISTRATION", "closed")]).is_empty());
    let mail = [("SMTP_URL", "smtps://mail.example"), ("MAIL_FROM", "a@b.example")];
    assert!(problems(&[("REGISTRATION", "confirm"), mail[0], mail[1]]).is_empty());
}

#[test]
fn the_command_line_invites() {
    use crate::support::{Folder, command};

    let folder = Folder::new();
    let vars = [
        ("PUBLIC_URL", "http://127.0.0.1:3000"),
        ("SESSION_SECRET", crate::support::SECRET),
    ];
    let run = |arguments: &[&str]| {
        let output = command(&folder, &vars).args(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    assert!(run(&["migrate"]).0);
    let (succeeded, said) = run(&["invite", NEW, "--role", "admin"]);
    assert!(
        succeeded && said.contains("new@example.com is invited with the role admin"),
        "{said}"
    );
    let (succeeded, said) = run(&["invite", "nobody"]);
    assert!(!succeeded && said.contains("nobody is not an address"), "{said}");
    assert!(!run(&["invite", NEW, "--role", "owner"]).0);
}
