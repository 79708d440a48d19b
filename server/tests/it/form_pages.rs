//! Forms and their pages: an outcome finds the page of its form, what was typed comes back there and to the
//! person who typed it, and nothing else ever comes back.

use app::pages::{FORMS, form_at};
use auth::form_texts::Typist;

use crate::support::{Answer, Browser, FUNCTIONS, ORIGIN, PASSWORD, TestApp, contains};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";
const PUBLIC_PAGE: &str = "/settings/public";
const UNSENT: &str = "What you typed is here again. It has not been saved yet.";
const ANOTHER: &str = "This page belongs to a different account";
const AMISS: &str = "Something in this form is not valid."; // wing:admin
const NO_WEBSITE: &str = "This is not the address of a website.";

/// The mark that the forms of a page carry.
async fn mark_on(browser: &Browser, page: &str) -> String {
    let text = browser.get(page).await.expect(200).text();
    let marks: std::collections::BTreeSet<&str> = text
        .split("name=\"_for\" value=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(marks.len(), 1, "{page}: {marks:?}");
    marks.into_iter().next().unwrap().to_owned()
}

/// The forms of a page, each from its tag to its end.
fn forms_of(text: &str) -> Vec<&str> {
    text.split("<form")
        .skip(1)
        .map(|form| form.split("</form>").next().unwrap())
        .collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!("{name}=\""))?.1.split('"').next()
}

/// How many rows there are of what server functions write.
async fn rows(app: &TestApp) -> Vec<i64> {
    let mut rows = Vec::new();
    for table in [
        "users",
        "sessions",
        "user_data",
        "audit_events",
        "sign_in_flows",
        "form_texts",
    ] {
        rows.push(app.number(&format!("SELECT count(*) FROM {table}")).await);
    }
    rows
}

async fn sign_in(browser: &Browser, email: &str, return_to: &str) -> Answer {
    let fields = [("email", email), ("password", PASSWORD), ("return_to", return_to)];
    let page = format!("/login?return_to={}", return_to.replace('/', "%2F"));
    browser.submit(&page, "login", &fields).await.leads_to(return_to)
}

#[tokio::test]
async fn every_form_has_declared_its_page_and_no_field_for_a_secret_comes_back() {
    let app = TestApp::new().await;
    let (root, ada) = (
        app.registered("root@example.com").await,
        app.registered(ADA).await,
    );
    // wing:admin
    app.promote("root@example.com").await;
    let disabled = app.registered("off@example.com").await.user().await["id"].clone();
    root.call("admin/disable_user", &[("user_id", disabled.as_str().unwrap())])
        .await
        .expect(200);
    let ada_page = format!("/admin/people/{}", app.id_of(ADA).await);
    let disabled_page = format!("/admin/people/{}", disabled.as_str().unwrap());
    // end wing:admin
    for browser in [&root, &ada] {
        // wing:private-data
        browser
            .call("update_private_data", &[("api_token", "x")])
            .await
            .expect(200);
        // end wing:private-data
        browser
            .call("update_public_data", &[("bio", "x")])
            .await
            .expect(200);
    }
    let other = app.signed_in(ADA).await;
    let device_page = crate::clients::device_page(&app).await; // wing:clients
    // wing:second-factors
    let beginner = app.registered("beginner@example.com").await;
    beginner.call("start_totp", &[]).await.expect(200);
    let careful = app.registered("careful@example.com").await;
    crate::second_factors::App::of(&careful).await;
    let careful_page = format!("/admin/people/{}", app.id_of("careful@example.com").await); // wing:admin
    // end wing:second-factors
    // wing:passkeys
    let with_passkey = app.registered("passkey@example.com").await;
    crate::passkeys::Authenticator::of(&with_passkey).await;
    // end wing:passkeys
    // wing:mail
    let reset_page = crate::mail::reset_page(&app, ADA).await;
    let finish_page = crate::mail::finish_page(&app).await;
    let (mover, confirm_page, undo_page) = crate::mail::change_pages(&app).await;
    // end wing:mail
    let mut seen = std::collections::BTreeSet::new();
    let stranger = app.browser();
    // Without a password of one's own the form is another.
    app.sql("UPDATE users SET password_hash = NULL WHERE email = 'root@example.com'")
        .await;
    for (browser, page) in [
        (&stranger, "/login"),
        (&stranger, "/register"),
        (&ada, "/"),
        (&ada, "/profile"),
        (&ada, "/settings"),
        (&ada, "/settings/public"),
        (&ada, "/settings/private"), // wing:private-data
        (&ada, "/settings/accounts"),
        (&ada, "/settings/sessions"),
        (&ada, "/settings/security"),
        (&root, "/settings/security"),
        // wing:second-factors
        (&stranger, "/login/second"),
        (&beginner, "/settings/security"),
        (&careful, "/settings/security"),
        // end wing:second-factors
        (&with_passkey, "/settings/security"), // wing:passkeys
        // wing:mail
        (&stranger, "/forgot"),
        (&stranger, "/login?error=link_required"),
        (&stranger, "/login/mail"),
        (&stranger, finish_page.as_str()),
        (&stranger, "/login/code"),
        (&stranger, reset_page.as_str()),
        (&ada, "/verify"),
        (&mover, confirm_page.as_str()),
        (&stranger, undo_page.as_str()),
        // end wing:mail
        (&ada, "/settings/access"),      // wing:clients
        (&ada, device_page.as_str()),    // wing:clients
        (&root, "/admin"),               // wing:admin
        (&root, ada_page.as_str()),      // wing:admin
        (&root, careful_page.as_str()),  // wing:admin+second-factors
        (&root, disabled_page.as_str()), // wing:admin
    ] {
        let text = browser.get(page).await.expect(200).text();
        for form in forms_of(&text) {
            let action = attribute(form, "action").unwrap();
            // wing:admin
            // A search changes nothing.
            if attribute(form, "method") == Some("get") {
                continue;
            }
            // end wing:admin
            let is_marked = form.contains("name=\"_for\"");
            assert_eq!(is_marked, !std::ptr::eq(browser, &stranger), "{page}: {action}");
            if !action.starts_with("/api/") {
                continue;
            }
            seen.insert(action.to_owned());
            let declared = form_at(action).unwrap_or_else(|| panic!("{action} is not declared"));
            let path = page.split('?').next().unwrap();
            assert!(declared.is_on(path), "{action} is on {page}");
            for input in form.split("<input").skip(1) {
                let input = input.split('>').next().unwrap();
                let name = attribute(input, "name").unwrap_or("");
                let is_secret = attribute(input, "type") == Some("password");
                assert!(
                    !(is_secret && declared.comes_back.contains(&name)),
                    "{action}: {name}"
                );
            }
        }
    }
    drop(other);
    // Without an account of a provider to disconnect.
    seen.insert("/api/unlink_account".to_owned());
    // Without a user who has nothing else to confirm with.
    seen.insert("/api/send_confirmation_code".to_owned()); // wing:mail
    // A second button of the form that uploads one.
    seen.insert("/api/remove_picture".to_owned()); // wing:pictures
    let declared: Vec<_> = FORMS
        .iter()
        .copied()
        .flatten()
        .map(|form| form.path)
        .filter(|path| !seen.contains(*path))
        .collect();
    assert!(declared.is_empty(), "{declared:?} are on no page");
}

#[tokio::test]
async fn nothing_comes_back_but_the_fields_that_a_form_has_declared() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let canary = "canary-of-what-was-typed";
    let odd = [
        "api_token[x]",
        "api_token[]",
        "api_token[0][y]",
        "unknown_api_token",
        "API_TOKEN",
        "api_token ",
        "webhook_secret",
        "password",
        "data",
        "some_field_of_a_fork",
        "bio[x]",
        "email",
        "_for[]",
        "return_to",
    ];
    for (function, page) in [
        ("update_private_data", "/settings/private"), // wing:private-data
        ("update_public_data", PUBLIC_PAGE),
        ("change_password", "/settings/security"),
        ("set_password", "/settings/security"),
        ("confirm_identity", "/settings/security"),
        ("get_user", "/"),
    ] {
        for field in odd {
            // Too long, so that every form is refused that has the field.
            let long = canary.repeat(300);
            ada.submit(
                page,
                function,
                &[(field, &long), (field, canary), ("website", "no address")],
            )
            .await
            .expect(303);
            let cookie = ada.cookie("flash");
            for page in [page, "/", PUBLIC_PAGE, "/profile", "/login"] {
                let shown = ada.get(page).await;
                assert!(
                    !shown.everything().contains(canary),
                    "{function}: {field} on {page}"
                );
            }
            assert!(!cookie.unwrap_or_default().contains(canary));
        }
    }
    let anonymous = app.browser();
    for function in ["login", "register"] {
        let page = format!("/{function}");
        for field in odd
            .into_iter()
            .filter(|field| !["email", "return_to"].contains(field))
        {
            anonymous
                .submit(&page, function, &[(field, canary), ("email", "x")])
                .await
                .leads_to(&page);
            let shown = anonymous.get(&page).await.expect(200);
            assert!(!shown.everything().contains(canary), "{function}: {field}");
            app.advance(60);
        }
    }
    assert!(!contains(&app.disk(), canary));
}

#[tokio::test]
async fn text_as_long_as_its_field_allows_comes_back_and_is_stored_only_sealed() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for bio in [
        "漢".repeat(1000),
        "漢".repeat(2000),
        "\u{1f511}".repeat(2000),
        "<&\">\n".repeat(400),
    ] {
        let fields = [
            ("display_name", "Countess"),
            ("bio", bio.as_str()),
            ("website", "no address"),
            ("theme", "dark"),
        ];
        ada.submit(PUBLIC_PAGE, "update_public_data", &fields)
            .await
            .leads_to(PUBLIC_PAGE);
        assert!(
            ada.cookie("flash").unwrap().len() < 1000,
            "the cookie only names it"
        );
        assert!(!contains(&app.disk(), &bio[..60]), "at rest it is sealed");
        assert_eq!(app.number("SELECT count(*) FROM form_texts").await, 1);
        let shown = ada.get(PUBLIC_PAGE).await.expect(200);
        let escaped = bio
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        assert!(shown.shows(NO_WEBSITE) && shown.shows(&escaped));
        assert!(shown.shows("value=\"Countess\"") && shown.shows("value=\"no address\""));
        assert!(shown.shows("value=\"dark\" selected"));
        assert_eq!(app.number("SELECT count(*) FROM form_texts").await, 0, "once");
        assert!(!ada.get(PUBLIC_PAGE).await.shows(&escaped));
    }
    // What nobody fetches goes by itself, and of one person there are never many.
    for _ in 0..25 {
        ada.submit(
            PUBLIC_PAGE,
            "update_public_data",
            &[("bio", "x"), ("website", "x")],
        )
        .await
        .expect(303);
    }
    assert_eq!(app.number("SELECT count(*) FROM form_texts").await, 20);
    app.advance(599);
    app.auth.sweep().await.unwrap();
    assert_eq!(app.number("SELECT count(*) FROM form_texts").await, 20);
    app.advance(1);
    app.auth.sweep().await.unwrap();
    assert_eq!(app.number("SELECT count(*) FROM form_texts").await, 0);
}

#[tokio::test]
async fn an_outcome_waits_for_its_own_page_whatever_loads_first() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let fields = [("bio", "typed in one tab"), ("website", "x")];
    ada.submit(PUBLIC_PAGE, "update_public_data", &fields)
        .await
        .leads_to(PUBLIC_PAGE);
    let wrong = [
        ("current_password", "wrong"),
        ("new_password", "another one, long enough"),
    ];
    ada.submit("/settings/security", "change_password", &wrong)
        .await
        .leads_to("/settings/security");
    for other in [
        "/",
        "/profile",
        "/settings",
        "/settings/sessions",
        "/nowhere",
        "/settings/nowhere",
    ] {
        let shown = ada.get(other).await;
        assert!(
            !shown.shows("role=\"alert\"") && !shown.shows("typed in one tab"),
            "{other}"
        );
    }
    let shown = ada.get("/settings/security").await.expect(200);
    assert!(shown.shows("The current password is incorrect.") && !shown.shows("typed in one tab"));
    let shown = ada.get(&format!("{PUBLIC_PAGE}?tab=1")).await.expect(200);
    assert!(shown.shows(NO_WEBSITE) && shown.shows("typed in one tab"));
    assert_eq!(ada.cookie("flash"), None);
}

#[tokio::test]
async fn typed_text_survives_the_end_of_the_session_for_its_user_only() {
    let app = TestApp::new().await;
    let (ada, _eve) = (app.registered(ADA).await, app.registered(EVE).await);
    let words = "漢 words of an hour ".repeat(60);
    for ends in ["revoked", "signed out", "expired"] {
        if ends != "revoked" {
            sign_in(&ada, ADA, "/profile").await;
        }
        let mark = mark_on(&ada, PUBLIC_PAGE).await;
        match ends {
            "revoked" => drop(app.sql("DELETE FROM sessions").await),
            "signed out" => drop(ada.call("logout", &[]).await.expect(200)),
            _ => app.advance(1801),
        }
        let fields = [
            ("_for", mark.as_str()),
            ("bio", &words),
            ("website", "https://example.org/"),
        ];
        ada.submit(PUBLIC_PAGE, "update_public_data", &fields)
            .await
            .leads_to(PUBLIC_PAGE);
        let guarded = ada
            .get(PUBLIC_PAGE)
            .await
            .leads_to("/login?return_to=%2Fsettings%2Fpublic");
        assert!(!guarded.everything().contains("an hour"));
        // Another person in this browser finds nothing of it, and it goes on waiting.
        let shown = ada.get("/login?return_to=%2Fsettings%2Fpublic").await.expect(200);
        assert!(!shown.shows("an hour"));
        // A password that was mistyped takes nothing away.
        ada.submit("/login", "login", &[("email", ADA), ("password", "x")])
            .await
            .leads_to("/login");
        assert!(ada.get("/login").await.shows("do not match"));
        sign_in(&ada, EVE, PUBLIC_PAGE).await;
        let shown = ada.get(PUBLIC_PAGE).await.expect(200);
        assert!(!shown.shows("an hour") && !shown.shows(UNSENT), "{ends}");
        // Nor does who takes the cookie to a browser of their own.
        let thief = app.browser();
        thief.set_cookie("flash", ada.cookie("flash").as_deref());
        sign_in(&thief, EVE, PUBLIC_PAGE).await;
        assert!(!thief.get(PUBLIC_PAGE).await.shows("an hour"));
        ada.call("logout", &[]).await.expect(200);
        // And then the one who typed it.
        sign_in(&ada, ADA, PUBLIC_PAGE).await;
        let shown = ada.get(PUBLIC_PAGE).await.expect(200);
        assert!(shown.shows(&words) && shown.shows(UNSENT), "{ends}");
        assert!(shown.shows("value=\"https://example.org/\"") && !shown.shows("role=\"alert\""));
        assert!(!ada.get(PUBLIC_PAGE).await.shows("an hour"), "once");
        app.advance(300);
    }
}

#[tokio::test]
async fn a_browser_whose_session_has_ended_says_itself_whose_it_was() {
    let app = TestApp::new().await;
    let (ada, _eve) = (app.registered(ADA).await, app.registered(EVE).await);
    for ends in ["revoked", "expired"] {
        match ends {
            "revoked" => drop(app.sql("DELETE FROM sessions").await),
            _ => app.advance(1801),
        }
        let fields = [("bio", "typed without a mark")];
        ada.submit(PUBLIC_PAGE, "update_public_data", &fields)
            .await
            .leads_to(PUBLIC_PAGE);
        sign_in(&ada, EVE, PUBLIC_PAGE).await;
        assert!(!ada.get(PUBLIC_PAGE).await.shows("typed without"));
        sign_in(&ada, ADA, PUBLIC_PAGE).await;
        let shown = ada.get(PUBLIC_PAGE).await.expect(200);
        assert!(
            shown.shows("typed without a mark") && shown.shows(UNSENT),
            "{ends}"
        );
    }
    // A snapshot beside another id says nothing.
    let (_, snapshot) = ada.session_cookies();
    let call = ada
        .post("/api/update_public_data", &[("bio", "planted")])
        .header("accept", "text/html")
        .cookies(&format!(
            "__Host-id=AAAAAAAAAAAAAAAAAAAAAA; __Host-auth={snapshot}"
        ));
    let answer = call.send().await.leads_to(PUBLIC_PAGE);
    assert!(answer.cookie("__Host-flash").is_none());
}

/// A mark and an old cookie say whom a text is for. Whoever else has them fills no table, and takes nothing away.
#[tokio::test]
async fn few_texts_of_anonymous_visitors_are_kept_and_they_push_no_other_out() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mark = mark_on(&ada, PUBLIC_PAGE).await;
    let texts = async || app.number("SELECT count(*) FROM form_texts").await;
    app.sql("DELETE FROM sessions").await;
    for (marks, is_script) in [(&[][..], false), (&[("_for", mark.as_str())], true)] {
        for _ in 0..5 {
            let thief = ada.copy();
            let fields: Vec<_> = marks.iter().copied().chain([("bio", "planted")]).collect();
            if is_script {
                let refused = thief.call("update_public_data", &fields).await;
                refused.refused(401, "unauthenticated");
            } else {
                let led = thief.submit(PUBLIC_PAGE, "update_public_data", &fields).await;
                led.leads_to(PUBLIC_PAGE);
            }
        }
        assert_eq!(texts().await, 4);
    }
    // Nor for who is somebody else, whatever address it comes from.
    let eve = app.registered(EVE).await.at("192.0.2.1");
    let fields = [("_for", mark.as_str()), ("bio", "planted")];
    eve.submit(PUBLIC_PAGE, "update_public_data", &fields)
        .await
        .leads_to(PUBLIC_PAGE);
    assert_eq!(texts().await, 4);
    // What she types herself is kept beside them.
    let ada = app.browser();
    sign_in(&ada, ADA, "/profile").await;
    let fields = [("bio", "her own words"), ("website", "no address")];
    ada.submit(PUBLIC_PAGE, "update_public_data", &fields)
        .await
        .leads_to(PUBLIC_PAGE);
    assert_eq!(texts().await, 5);
    assert!(ada.get(PUBLIC_PAGE).await.shows("her own words"));
    // What waits no longer takes no room, swept or not.
    app.advance(600);
    let fields = [("_for", mark.as_str()), ("bio", "in time")];
    app.browser()
        .submit(PUBLIC_PAGE, "update_public_data", &fields)
        .await
        .leads_to(PUBLIC_PAGE);
    assert_eq!(texts().await, 5);
}

#[tokio::test]
async fn texts_of_anonymous_visitors_are_limited_by_address() {
    let app = TestApp::new().await;
    let mut marks = Vec::new();
    for place in 0..12 {
        let user = app.registered(&format!("user{place}@example.com")).await;
        marks.push(mark_on(&user, PUBLIC_PAGE).await);
    }
    let texts = async || app.number("SELECT count(*) FROM form_texts").await;
    let send = async |ip: &str, mark: &str| {
        let answer = app
            .browser()
            .at(ip)
            .submit(
                PUBLIC_PAGE,
                "update_public_data",
                &[("_for", mark), ("bio", "planted")],
            )
            .await;
        answer.leads_to(PUBLIC_PAGE);
    };
    for mark in &marks {
        send("203.0.113.7", mark).await;
    }
    assert_eq!(texts().await, 10);
    send("203.0.113.8", &marks[11]).await;
    assert_eq!(texts().await, 11);
    app.advance(60);
    send("203.0.113.7", &marks[11]).await;
    assert_eq!(texts().await, 12);
}

#[tokio::test]
async fn nothing_is_kept_for_a_disabled_or_deleted_user() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for end in ["UPDATE users SET disabled_at = created_at", "DELETE FROM users"] {
        app.sql("DELETE FROM sessions").await;
        app.sql(end).await;
        ada.submit(PUBLIC_PAGE, "update_public_data", &[("bio", "typed")])
            .await
            .leads_to(PUBLIC_PAGE);
        assert_eq!(app.number("SELECT count(*) FROM form_texts").await, 0, "{end}");
    }
}

/// Whatever a cookie says of whose it is.
#[tokio::test]
async fn a_text_is_handed_to_its_user_alone_once_and_in_time() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    app.registered(EVE).await;
    let (ada, eve) = (app.id_of(ADA).await, app.id_of(EVE).await);
    let texts = &app.auth.form_texts;
    let fields = vec![("bio".to_owned(), "words".to_owned())];
    let keep = async || {
        let kept = texts.keep(ada, fields.clone(), Typist::SignedIn).await;
        kept.unwrap().unwrap()
    };
    let id = keep().await;
    assert_eq!(texts.take(eve, id).await.unwrap(), None);
    assert_eq!(texts.take(ada, id).await.unwrap(), Some(fields.clone()));
    assert_eq!(texts.take(ada, id).await.unwrap(), None);
    let id = keep().await;
    app.advance(600);
    assert_eq!(texts.take(ada, id).await.unwrap(), None);
}

#[tokio::test]
async fn text_without_a_valid_mark_is_not_kept() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mark = mark_on(&ada, PUBLIC_PAGE).await;
    ada.call("logout", &[]).await.expect(200);
    let mut flipped = mark.clone().into_bytes();
    flipped[3] ^= 1;
    let flipped = String::from_utf8(flipped).unwrap();
    for marks in [
        &[][..],
        &[("_for", "")],
        &[("_for", flipped.as_str())],
        &[("_for[]", mark.as_str())],
    ] {
        let fields: Vec<_> = marks.iter().copied().chain([("bio", "typed")]).collect();
        let answer = ada
            .submit(PUBLIC_PAGE, "update_public_data", &fields)
            .await
            .leads_to(PUBLIC_PAGE);
        assert!(answer.cookie("__Host-flash").is_none());
    }
    assert_eq!(app.number("SELECT count(*) FROM form_texts").await, 0);
}

#[tokio::test]
async fn a_hydrated_page_finds_its_text_again_as_well() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mark = mark_on(&ada, PUBLIC_PAGE).await;
    let send = async |bio: &str| {
        ada.call("update_public_data", &[("_for", mark.as_str()), ("bio", bio)])
            .await
    };
    app.sql("DELETE FROM sessions").await;
    send("typed for long").await.refused(401, "unauthenticated");
    sign_in(&ada, ADA, PUBLIC_PAGE).await;
    let shown = ada.get(PUBLIC_PAGE).await.expect(200);
    assert!(shown.shows("typed for long") && shown.shows(UNSENT));
    // Sent again from the same tab, after signing in in another: then it is done, and does not come back.
    app.sql("DELETE FROM sessions").await;
    send("typed again").await.refused(401, "unauthenticated");
    sign_in(&ada, ADA, "/profile").await;
    send("typed again").await.expect(200);
    assert_eq!(ada.cookie("flash"), None);
    assert!(!ada.get(PUBLIC_PAGE).await.shows(UNSENT));
    // A script of somebody's own is told, and given nothing to keep.
    app.sql("DELETE FROM sessions").await;
    let answer = ada
        .call("update_public_data", &[("bio", "x")])
        .await
        .refused(401, "unauthenticated");
    assert!(answer.cookie("__Host-flash").is_none());
}

#[tokio::test]
async fn a_form_that_was_made_for_another_person_changes_nothing() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    let adas = mark_on(&ada, PUBLIC_PAGE).await;
    assert_eq!(
        adas,
        mark_on(&app.signed_in(ADA).await, "/profile").await,
        "the user's, not the session's"
    );
    let eves = mark_on(&eve, PUBLIC_PAGE).await;
    assert_ne!(adas, eves);
    // In one browser: the page is Ada's still, and Eve has signed in.
    let browser = ada.copy();
    sign_in(&browser, EVE, "/profile").await;
    let before = rows(&app).await;
    for &(function, fields) in FUNCTIONS {
        for mark in [adas.as_str(), "forged", ""] {
            let fields: Vec<_> = fields.iter().copied().chain([("_for", mark)]).collect();
            browser
                .call(function, &fields)
                .await
                .refused(409, "signed_in_as_another");
            let doubled: Vec<_> = fields.iter().copied().chain([("_for", eves.as_str())]).collect();
            browser
                .call(function, &doubled)
                .await
                .refused(409, "signed_in_as_another");
        }
    }
    let link = browser.post("/auth/login/acme", &[("_for", &adas), ("intent", "link")]);
    let link = link.header("accept", "text/html").send().await.expect(409);
    assert!(link.shows(ANOTHER) && link.cookies().is_empty());
    assert_eq!(rows(&app).await, before);
    assert_eq!(browser.user().await["email"], EVE);

    // Without JavaScript: Eve reads why, and Ada finds her text when she is back.
    let fields = [("_for", adas.as_str()), ("bio", "words of Ada")];
    browser
        .submit(PUBLIC_PAGE, "update_public_data", &fields)
        .await
        .leads_to(PUBLIC_PAGE);
    let shown = browser.get(PUBLIC_PAGE).await.expect(200);
    assert!(shown.shows(ANOTHER) && shown.shows("role=\"alert\"") && !shown.shows("words of Ada"));
    sign_in(&browser, ADA, PUBLIC_PAGE).await;
    let shown = browser.get(PUBLIC_PAGE).await.expect(200);
    assert!(shown.shows("words of Ada") && shown.shows(UNSENT));
    assert!(browser.call("get_public_data", &[]).await.json()["bio"].is_null());

    // One's own form, and none at all, are as ever.
    let own = [("_for", adas.as_str()), ("bio", "saved")];
    browser
        .submit(PUBLIC_PAGE, "update_public_data", &own)
        .await
        .leads_to(PUBLIC_PAGE);
    assert!(browser.get(PUBLIC_PAGE).await.shows("Saved."));
    browser
        .call("update_public_data", &[("bio", "by a script")])
        .await
        .expect(200);
    // And of who is nobody, nobody is another.
    app.browser().call("logout", &[("_for", &adas)]).await.expect(200);
}

#[tokio::test]
async fn a_form_that_no_browser_says_the_page_of_leads_to_its_own() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let trimmed = format!("{ORIGIN}/");
    let path = |page: &str| format!("{ORIGIN}{page}");
    for (function, fields, page, is_refused) in [
        (
            "update_public_data",
            &[("website", "x")][..],
            "/settings/public",
            true,
        ),
        ("clear_private_data", &[], "/settings/private", false), // wing:private-data
        (
            "unlink_account",
            &[("account_id", "x")],
            "/settings/accounts",
            true,
        ),
        (
            "revoke_session",
            &[("session_id", "x")],
            "/settings/sessions",
            true,
        ),
        (
            "change_password",
            &[("current_password", "x")],
            "/settings/security",
            true,
        ),
        (
            "confirm_identity",
            &[("password", "x")],
            "/settings/security",
            true,
        ),
    ] {
        for referer in [
            "",
            trimmed.as_str(),
            ORIGIN,
            "https://evil.example/settings/public",
            &path("/profile"),
            &path(&format!("/x/..{page}")),
        ] {
            let call = ada
                .post(&format!("/api/{function}"), fields)
                .header("accept", "text/html");
            let call = if referer.is_empty() {
                call
            } else {
                call.header("referer", referer)
            };
            call.send().await.leads_to(page);
        }
        let shown = ada.get(page).await.expect(200);
        assert!(shown.shows("role=\"alert\"") || !is_refused, "{function}");
        app.advance(60);
    }
    // A page that has it as well.
    let settings = [("website", "x")];
    ada.submit("/settings", "update_public_data", &settings)
        .await
        .leads_to("/settings");
    assert!(ada.get("/settings").await.shows(NO_WEBSITE));
}

#[tokio::test]
async fn the_way_on_is_kept_though_the_browser_does_not_say_where_it_was() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let fields = [
        ("email", ADA),
        ("password", "x"),
        ("return_to", "/settings/public?a=1&b=%2F"),
    ];
    let encoded = "return_to=%2Fsettings%2Fpublic%3Fa%3D1%26b%3D%252F";
    for (referer, location) in [
        (None, format!("/login?{encoded}")),
        (Some(ORIGIN.to_owned()), format!("/login?{encoded}")),
        (Some(format!("{ORIGIN}/login")), format!("/login?{encoded}")),
        (
            Some(format!("{ORIGIN}/login?x=1")),
            format!("/login?x=1&{encoded}"),
        ),
        (
            Some(format!("{ORIGIN}/login?return_to=%2Fprofile")),
            "/login?return_to=%2Fprofile".to_owned(),
        ),
        (
            Some("https://evil.example/login".to_owned()),
            format!("/login?{encoded}"),
        ),
    ] {
        let browser = app.browser();
        let call = browser.post("/api/login", &fields).header("accept", "text/html");
        let call = match &referer {
            Some(referer) => call.header("referer", referer),
            None => call,
        };
        call.send().await.leads_to(&location);
        let shown = browser.get(&location).await.expect(200);
        assert!(shown.shows("role=\"alert\"") && shown.shows("name=\"return_to\""));
        app.advance(60);
    }
    for bad in ["//evil.example", "https://evil.example", "/login", "/a/../b"] {
        let fields = [("email", ADA), ("password", "x"), ("return_to", bad)];
        let call = app
            .browser()
            .post("/api/login", &fields)
            .header("accept", "text/html");
        call.send().await.leads_to("/login");
        app.advance(60);
    }
}

// wing:admin
#[tokio::test]
async fn a_form_about_a_person_leads_to_that_persons_page() {
    let app = TestApp::new().await;
    let (root, ada) = (
        app.registered("root@example.com").await,
        app.registered(ADA).await,
    );
    app.promote("root@example.com").await;
    let adas = ada.user().await["id"].as_str().unwrap().to_owned();
    let page = format!("/admin/people/{adas}");
    for fields in [
        [("user_id", adas.as_str()), ("role", "emperor")],
        [("user_id", "x"), ("role", "user")],
    ] {
        let call = root
            .post("/api/admin/set_role", &fields)
            .header("accept", "text/html");
        let answer = call.send().await;
        match fields[0].1 {
            "x" => answer.leads_to("/admin/people/x"),
            _ => answer.leads_to(&page),
        };
    }
    assert!(root.get(&page).await.expect(200).shows(AMISS));
    let call = root.post(
        "/api/admin/revoke_session",
        &[("user_id", &adas), ("session_id", crate::support::SOME_ID)],
    );
    call.header("accept", "text/html").send().await.leads_to(&page);
    assert!(root.get(&page).await.shows("There is nothing here."));
}
// end wing:admin

#[tokio::test]
async fn signing_out_without_a_session_sets_nothing() {
    let app = TestApp::new().await;
    for browser in [app.browser(), app.registered(ADA).await] {
        if browser.is_signed_in().await {
            let answer = browser.submit("/profile", "logout", &[]).await.leads_to("/");
            assert!(answer.clears() && answer.cookie("__Host-flash").is_none());
        }
        let answer = browser.submit("/", "logout", &[]).await.leads_to("/");
        assert!(answer.cookies().is_empty(), "{:?}", answer.headers);
        let answer = browser.call("logout", &[]).await.expect(200);
        assert!(answer.json().is_null() && answer.cookies().is_empty());
    }
}

#[tokio::test]
async fn a_user_who_has_to_wait_reads_how_long() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let browser = app.browser();
    let fields = [("email", ADA), ("password", "wrong")];
    for _ in 0..5 {
        browser.call("login", &fields).await.expect(401);
    }
    let refused = browser
        .call("login", &fields)
        .await
        .refused(429, "too_many_attempts");
    assert_eq!(
        refused.json()["message"],
        "Too many attempts. Please wait a moment."
    );
    assert_eq!(refused.header("retry-after"), Some("300"));
    app.advance(100);
    let answer = browser
        .submit("/login", "login", &fields)
        .await
        .leads_to("/login");
    assert_eq!(answer.header("retry-after"), Some("200"));
    let shown = browser.get("/login").await.expect(200);
    assert!(
        shown.shows("Too many attempts. Please try again in 4 minutes."),
        "{}",
        shown.text()
    );
    assert!(shown.shows(&format!("value=\"{ADA}\"")));
    // A refusal that is a page of its own.
    let start = || {
        browser
            .post("/auth/login/acme", &[])
            .header("accept", "text/html")
            .send()
    };
    for _ in 0..30 {
        start().await.expect(200);
    }
    let refused = start().await.expect(429);
    let wait = refused.header("retry-after").unwrap();
    assert!(refused.shows(&format!(
        "<h1>Too many attempts. Please try again in {wait} seconds.</h1>"
    )));
}
