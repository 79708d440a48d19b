//! Forms without JavaScript: led back to their page, which says what happened, once.

use crate::support::{ORIGIN, OTHER_PASSWORD, PASSWORD, TestApp};

const ADA: &str = "ada@example.com";
const WRONG: &str = "This e-mail address and password do not match.";
const WRONG_PRESENT: &str = "The current password is incorrect.";
const TAKEN: &str = "An account with this e-mail address already exists.";

#[tokio::test]
async fn a_refused_sign_in_leads_back_and_says_so_once_keeping_what_was_typed() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let browser = app.browser();
    let page = "/login?return_to=%2Fsettings%2Faccounts";
    let typed = [
        ("email", "someone\"<b>@example.com"),
        ("password", "canary-password"),
        ("remember", "true"),
        ("return_to", "/settings/accounts"),
    ];
    let answer = browser.submit(page, "login", &typed).await.leads_to(page);
    assert_eq!(answer.status, 303);
    assert!(answer.header("serverfnerror").is_none() && answer.header("serverfnredirect").is_none());

    let shown = browser.get(page).await.expect(200);
    assert!(shown.shows("role=\"alert\"") && shown.shows(WRONG));
    assert!(
        shown.shows("value=\"someone&quot;"),
        "the address is kept: {}",
        shown.text()
    );
    assert!(!shown.shows("someone\"<b>@example.com"));
    assert!(shown.shows("checked"));
    assert!(shown.shows("value=\"/settings/accounts\""), "return_to is kept");
    assert!(!shown.everything().contains("canary-password"));
    assert_eq!(
        shown.cookie("__Host-flash").map(|cookie| cookie.removes()),
        Some(true)
    );

    let again = browser.get(page).await.expect(200);
    assert!(!again.shows("role=\"alert\"") && !again.shows(WRONG));
    assert!(!again.shows("someone"));
    // And then it works.
    let right = [
        ("email", ADA),
        ("password", PASSWORD),
        ("return_to", "/settings/accounts"),
    ];
    browser
        .submit(page, "login", &right)
        .await
        .leads_to("/settings/accounts");
    browser.get("/settings/accounts").await.expect(200);
}

#[tokio::test]
async fn every_form_says_why_it_was_refused_and_gives_no_secret_back() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let anonymous = [
        (
            "/register",
            "register",
            &[("email", ADA), ("password", PASSWORD), ("name", "Kept Name")][..],
            TAKEN,
        ),
        (
            "/register",
            "register",
            &[("email", "x"), ("password", PASSWORD)],
            "This is not an e-mail address we can use.",
        ),
        (
            "/register",
            "register",
            &[("email", "b@example.com"), ("password", "canary")],
            "This password is too short.",
        ),
        (
            "/login",
            "login",
            &[("email", ADA), ("password", "canary")],
            WRONG,
        ),
    ];
    for (page, function, fields, text) in anonymous {
        let browser = app.browser();
        browser.submit(page, function, fields).await.leads_to(page);
        let shown = browser.get(page).await.expect(200);
        assert!(
            shown.shows("role=\"alert\"") && shown.shows(text),
            "{function}: {text}"
        );
        assert!(!shown.everything().contains("canary") && !shown.shows(PASSWORD));
        if fields.len() == 3 {
            assert!(shown.shows("Kept Name"));
        }
    }
    let signed_in = [
        (
            "/settings/security",
            "change_password",
            &[("current_password", "canary-1"), ("new_password", OTHER_PASSWORD)][..],
            WRONG_PRESENT,
        ),
        (
            "/settings/security",
            "confirm_identity",
            &[("password", "canary-2")],
            WRONG_PRESENT,
        ),
        (
            "/settings/public",
            "update_public_data",
            &[("bio", "kept bio"), ("website", "javascript:alert(1)")],
            "This is not the address of a website.",
        ),
        (
            "/settings/sessions",
            "revoke_session",
            &[("session_id", crate::support::SOME_ID)],
            "There is nothing here.",
        ),
    ];
    for (page, function, fields, text) in signed_in {
        ada.submit(page, function, fields).await.leads_to(page);
        let shown = ada.get(page).await.expect(200);
        assert!(
            shown.shows("role=\"alert\"") && shown.shows(text),
            "{function}: {text}"
        );
        assert!(!shown.shows("canary") && !shown.shows(OTHER_PASSWORD));
        if function == "update_public_data" {
            assert!(
                shown.shows("kept bio") && shown.shows("javascript:alert(1)"),
                "to be corrected"
            );
        }
    }
}

#[tokio::test]
async fn of_two_forms_on_a_page_the_one_that_was_sent_says_why_at_its_field() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let page = "/settings/security";
    let change = [("current_password", "wrong"), ("new_password", OTHER_PASSWORD)];
    for (function, fields, field) in [
        ("change_password", &change[..], "current_password"),
        ("confirm_identity", &[("password", "wrong")], "password"),
    ] {
        ada.submit(page, function, fields).await.leads_to(page);
        let shown = ada.get(page).await.expect(200).text();
        let (confirm, rest) = shown.split_once("id=\"password-title\"").unwrap();
        let (card, other) = match function {
            "change_password" => (rest, confirm),
            _ => (confirm, rest),
        };
        let alert = format!("id=\"{function}-alert\"");
        assert!(
            card.contains(WRONG_PRESENT) && card.contains(&alert),
            "{function}"
        );
        let input = card.split_once(&format!("name=\"{field}\"")).unwrap().1;
        let input = input.split_once('>').unwrap().0;
        assert!(input.contains("aria-invalid=\"true\""), "{input}");
        assert!(
            input.contains(&format!("aria-describedby=\"{function}-alert\"")),
            "{input}"
        );
        assert!(!other.contains("role=\"alert\"") && !other.contains("aria-invalid"));
        assert_eq!(card.matches("aria-invalid").count(), 1);
    }
}

#[tokio::test]
async fn what_was_done_is_said_on_the_page_it_was_done_on() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let page = "/settings/public";
    ada.submit(page, "update_public_data", &[("bio", "new words")])
        .await
        .leads_to(page);
    let shown = ada.get(page).await.expect(200);
    assert!(shown.shows("role=\"status\"") && shown.shows("Saved.") && shown.shows("new words"));
    assert!(!ada.get(page).await.shows("Saved."));
    let change = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
    ada.submit("/settings/security", "change_password", &change)
        .await
        .leads_to("/settings/security");
    assert!(
        ada.get("/settings/security")
            .await
            .shows("Your password has been changed")
    );
}

#[tokio::test]
async fn only_a_referer_of_ours_leads_back() {
    let app = TestApp::new().await;
    for referer in [
        "https://evil.example/login",
        "https://app.example.evil.example/login",
        "https://app.example@evil.example/",
        "https://app.example//evil.example",
        "https://app.example/\\evil.example",
        "https://app.example/api/login",
        "http://app.example/elsewhere",
        "https://app.example",
        "/elsewhere",
        "",
    ] {
        let call = app
            .browser()
            .post("/api/login", &[("email", "x@example.com"), ("password", "x")])
            .header("accept", "text/html")
            .header("referer", referer);
        call.send().await.leads_to("/login");
        app.advance(60);
    }
    // Ours, and a page that has the form: with its query. Without the form it is no page to lead back to.
    for (referer, page) in [("/login?a=b#c", "/login?a=b"), ("/somewhere?a=b#c", "/login")] {
        let own = app
            .browser()
            .post("/api/login", &[("email", "x@example.com"), ("password", "x")])
            .header("accept", "text/html")
            .header("referer", &format!("{ORIGIN}{referer}"));
        own.send().await.leads_to(page);
    }
    app.advance(60);
    let none = app
        .browser()
        .post("/api/register", &[("email", "x"), ("password", "x")])
        .header("accept", "text/html");
    none.send().await.leads_to("/register");
}

#[tokio::test]
async fn a_flash_that_is_forged_old_or_of_another_purpose_says_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (_, snapshot) = ada.session_cookies();
    let browser = app.browser();
    browser
        .submit("/login", "login", &[("email", ADA), ("password", "x")])
        .await
        .expect(303);
    let flash = browser.cookie("flash").unwrap();
    let mut flipped = flash.clone().into_bytes();
    flipped[flash.len() / 2] ^= 1;
    let flipped = String::from_utf8(flipped).unwrap();
    let plain = "%7B%22form%22%3A%22login%22%7D";
    for value in [&flipped, &snapshot, plain, "", "x"] {
        let visitor = app.browser();
        visitor.set_cookie("flash", Some(value));
        let shown = visitor.get("/login").await.expect(200);
        assert!(!shown.shows("role=\"alert\""), "{value}");
        assert!(visitor.is_empty(), "it is cleared");
    }
    let visitor = app.browser();
    visitor.set_cookie("flash", Some(&flash));
    assert!(visitor.get("/login").await.shows(WRONG), "the true one speaks");
    app.advance(60);
    visitor.set_cookie("flash", Some(&flash));
    assert!(
        !visitor.get("/login").await.shows(WRONG),
        "but not after its minute"
    );
    // It is about one form, and speaks on no other page.
    browser.set_cookie("flash", Some(&flash));
    assert!(!browser.get("/register").await.shows("role=\"alert\""));
}

#[tokio::test]
async fn the_address_cannot_make_a_page_say_anything() {
    let app = TestApp::new().await;
    let text = "canary-text";
    for query in [
        format!("__err={text}"),
        format!("__path=%2Fapi%2Flogin&__err={text}"),
        format!(
            "__path=/api/login&__err=%7B%22error%22%3A%22too_many_attempts%22%2C%22message%22%3A%22{text}%22%7D"
        ),
        "__path=/api/login&__err=eyJlcnJvciI6InRvb19tYW55X2F0dGVtcHRzIn0=".to_owned(),
        format!("error={text}"),
        format!("error=%3Cscript%3E{text}"),
        format!("message={text}&flash={text}"),
    ] {
        for page in ["/login", "/register", "/"] {
            let shown = app.browser().get(&format!("{page}?{query}")).await.expect(200);
            assert!(!shown.shows(text), "{page}?{query}");
            assert!(
                !shown.shows("Too many attempts") && !shown.shows("role=\"alert\""),
                "{page}?{query}"
            );
        }
    }
    // The fixed table of a provider's errors is what an address may name.
    assert!(
        app.browser()
            .get("/login?error=denied")
            .await
            .expect(200)
            .shows("role=\"alert\"")
    );
}

#[tokio::test]
async fn every_form_posts_to_a_real_address_and_no_password_can_get_into_an_url() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    // wing:private-data
    ada.call("update_private_data", &[("api_token", "a-token-for-the-page")])
        .await
        .expect(200);
    // end wing:private-data
    ada.call("update_public_data", &[("bio", "x")]).await.expect(200);
    app.signed_in(ADA).await;
    let mut seen = 0;
    let stranger = app.browser();
    for (browser, page) in [
        (&stranger, "/"),
        (&stranger, "/login"),
        (&stranger, "/register"),
        (&stranger, "/nowhere"),
        (&ada, "/"),
        (&ada, "/profile"),
        (&ada, "/settings"),
        (&ada, "/settings/public"),
        (&ada, "/settings/private"), // wing:private-data
        (&ada, "/settings/accounts"),
        (&ada, "/settings/sessions"),
        (&ada, "/settings/security"),
    ] {
        let text = browser.get(page).await.text();
        for form in text.split("<form").skip(1) {
            let (attributes, _) = form.split_once('>').unwrap();
            seen += 1;
            assert!(attributes.contains("method=\"post\""), "{page}: {attributes}");
            let action = attributes
                .split_once("action=\"")
                .unwrap()
                .1
                .split('"')
                .next()
                .unwrap();
            assert!(
                action.starts_with("/api/") || action.starts_with("/auth/login/"),
                "{page}: {action}"
            );
            let answer = stranger.post(action, &[]).send().await;
            assert!(
                ![404, 405].contains(&answer.status),
                "{page}: {action} leads nowhere"
            );
        }
        for button in text.split("<button").skip(1) {
            let (attributes, _) = button.split_once('>').unwrap();
            // Every button does something without a script: it sends its form, or the browser itself opens what it names.
            // One that needs a script is not there without it.
            let works = ["type=\"submit\"", "popovertarget=\"menu\"", " hidden"]
                .iter()
                .any(|sign| attributes.contains(sign));
            assert!(works, "{page}: {attributes}");
        }
        for attribute in [" onclick=", " onsubmit=", " style=", "javascript:"] {
            assert!(!text.contains(attribute), "{page}: {attribute}");
        }
    }
    assert!(seen > 15, "{seen} forms");
    let page = stranger.get("/login").await.text();
    assert!(page.contains("autocomplete=\"current-password\"") && page.contains("autocomplete=\"username"));
    assert!(
        stranger
            .get("/register")
            .await
            .shows("autocomplete=\"new-password\"")
    );
}

#[tokio::test]
async fn a_refusal_by_a_layer_keeps_its_status_and_a_person_reads_a_page() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let html = || {
        ada.post("/api/update_public_data", &[("bio", "x")])
            .header("accept", "text/html")
    };
    let cross = html()
        .header("sec-fetch-site", "cross-site")
        .send()
        .await
        .expect(403);
    let kind = html()
        .header("content-type", "text/plain")
        .send()
        .await
        .expect(415);
    let large = html().body(vec![b'x'; 400_000]).send().await.expect(413);
    let call = ada
        .request(http::Method::GET, "/api/login")
        .header("accept", "text/html");
    let method = call.send().await.expect(405);
    let call = ada
        .request(http::Method::GET, "/api/nowhere")
        .header("accept", "text/html");
    let nowhere = call.send().await.expect(404);
    for answer in [cross, kind, large, method, nowhere] {
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(answer.shows("<h1>"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn what_was_typed_comes_back_though_it_is_too_much_for_a_cookie_or_for_its_field() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let page = "/settings/public";
    let long = "x".repeat(20_000);
    ada.submit(page, "update_public_data", &[("bio", &long)])
        .await
        .leads_to(page);
    let shown = ada.get(page).await.expect(200);
    assert!(shown.shows("role=\"alert\"") && shown.shows("Something in this form is not valid."));
    assert!(shown.shows(&long), "to be shortened");
    // More than anybody types is not kept, and the reason is told all the same.
    let far_too_long = "y".repeat(100_000);
    ada.submit(page, "update_public_data", &[("bio", &far_too_long)])
        .await
        .leads_to(page);
    let shown = ada.get(page).await.expect(200);
    assert!(shown.shows("Something in this form is not valid.") && !shown.shows("yyyy"));
}

#[tokio::test]
async fn a_session_that_ended_while_a_form_was_open_leads_to_a_new_sign_in() {
    let app = TestApp::new().await;
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    other.call("revoke_other_sessions", &[]).await.expect(200);
    let page = "/settings/public";
    let answer = ada
        .submit(page, "update_public_data", &[("bio", "typed for an hour")])
        .await;
    assert!(answer.clears());
    let answer = answer.leads_to(page);
    assert_eq!(answer.status, 303);
    ada.get(page)
        .await
        .leads_to("/login?return_to=%2Fsettings%2Fpublic");
}
