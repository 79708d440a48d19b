//! Callbacks as browsers really send them: loaded ahead, broken off, sent twice, or too late.

use http::Method;
use serde_json::Value;

use crate::oauth::{
    idp::{Endpoint, Gate, Reply},
    support::{Hop, World, person},
};
use crate::support::{Answer, Browser, until};

/// Sends a callback and goes away while the provider is being asked; the work is done before this returns.
async fn break_off(world: &World, browser: &Browser, address: &str) {
    let (gate, before) = (Gate::closed(), world.token_requests());
    world.acme.reply(Endpoint::Token, Reply::Held(gate.clone()));
    let sending = tokio::spawn({
        let (browser, address) = (browser.copy(), address.to_owned());
        async move { browser.get(&address).await }
    });
    until(|| world.token_requests() > before).await;
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled());
    gate.open();
    world.acme.behave();
    assert!(
        world
            .app
            .auth
            .detached
            .drain(std::time::Duration::from_secs(30))
            .await
    );
}

fn id_cookie(answer: &Answer) -> String {
    answer.cookie("__Host-id").expect("it has the id").value
}

#[tokio::test]
async fn a_callback_that_is_loaded_ahead_touches_nothing() {
    let world = World::new().await;
    let browser = world.browser();
    // A dead session, which any other request would clear.
    browser.register("grace@example.com").await;
    world.app.sql("DELETE FROM sessions").await;
    browser.set_cookie("auth", None);
    let hop = browser.begin("acme").await;
    browser.set_cookie("id", Some("AAAAAAAAAAAAAAAAAAAAAA"));
    let address = hop.approved(&world.acme, &person("ada"));
    for (name, value) in [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
        ("purpose", "preview"),
        ("x-moz", "prefetch"),
    ] {
        let call = browser.request(Method::GET, &address).header(name, value);
        let answer = call.send().await;
        assert_eq!(answer.status, 503, "{name}: {value}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.cookies().is_empty(), "{:?}", answer.cookies());
    }
    assert_eq!(world.token_requests(), 0);
    world.app.assert_counts(&[("sign_in_flows", 1)]).await;
    browser.get(&address).await.assert_leads_to("/profile");
    assert_eq!(browser.session().await["email"], "ada@example.com");
}

#[tokio::test]
async fn a_callback_that_is_broken_off_is_finished_and_its_repeat_is_answered_like_it() {
    let world = World::new().await;
    let browser = world.browser();
    let fields = [("return_to", "/settings/public"), ("remember", "true")];
    let hop = browser.begin_with("acme", &fields).await;
    let address = hop.approved(&world.acme, &person("ada"));
    break_off(&world, &browser, &address).await;
    world.app.assert_counts(&[("users", 1), ("sessions", 1)]).await;

    world.app.advance(59);
    let answer = browser.get(&address).await;
    answer.assert_leads_to("/settings/public");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    for cookie in answer.cookies() {
        // It is kept for what is left of it.
        assert_eq!(cookie.max_age, Some(2_592_000 - 59), "{}", cookie.text);
    }
    assert_eq!(browser.session().await["email"], "ada@example.com");
    assert_eq!(browser.user().await["name"], "ada");
    // Whoever has the session already keeps it as it is.
    let before = browser.cookie_header();
    let again = browser.get(&address).await;
    again.assert_leads_to("/settings/public");
    assert!(again.cookies().is_empty() && browser.cookie_header() == before);
    assert_eq!(world.token_requests(), 1);
    world.app.assert_counts(&[("users", 1), ("sessions", 1)]).await;
    // Later it is a page loaded again.
    world.app.advance(1);
    browser.get(&address).await.assert_leads_to("/profile");
    assert_eq!(world.token_requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_that_is_sent_while_the_first_is_under_way_joins_it() {
    let world = World::new().await;
    let gate = Gate::closed();
    world.acme.reply(Endpoint::Token, Reply::Held(gate.clone()));
    let browser = world.browser();
    // Another user's session, which the sign-in ends.
    browser.register("grace@example.com").await;
    let hop = browser.begin("acme").await;
    let address = hop.approved(&world.acme, &person("ada"));
    let send = || {
        let (browser, address) = (browser.copy(), address.clone());
        tokio::spawn(async move { browser.get(&address).await })
    };
    let first = send();
    until(|| world.token_requests() == 1).await;
    let others: Vec<_> = (0..5).map(|_| send()).collect();
    gate.open();
    let first = first.await.unwrap();
    first.assert_leads_to("/profile");
    for other in others {
        let other = other.await.unwrap();
        other.assert_leads_to("/profile");
        assert_eq!(id_cookie(&other), id_cookie(&first));
    }
    assert_eq!(world.token_requests(), 1);
    world.app.assert_counts(&[("users", 2), ("sessions", 1)]).await;
    browser.keep(&first);
    assert_eq!(browser.session().await["email"], "ada@example.com");
}

#[tokio::test]
async fn only_the_same_browsers_same_callback_is_answered_like_the_first() {
    let world = World::new().await;
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let address = hop.approved(&world.acme, &person("ada"));
    break_off(&world, &browser, &address).await;
    let elsewhere = world.browser();
    elsewhere.get(&address).await.assert_failed("expired");
    elsewhere.begin("acme").await;
    elsewhere.get(&address).await.assert_failed("expired");
    let bare = browser.copy();
    bare.set_cookie("flow", None);
    bare.get(&address).await.assert_failed("expired");
    browser
        .get(&format!("{address}&x=1"))
        .await
        .assert_failed("expired");
    let other = address.replace("/acme?", "/corp?");
    browser.get(&other).await.assert_failed("expired");
    assert_eq!(world.token_requests(), 1);
    browser.get(&address).await.assert_leads_to("/profile");
}

#[tokio::test]
async fn a_repeat_brings_no_session_back_that_has_ended() {
    let world = World::new().await;
    for ended in ["signed out", "revoked", "disabled"] {
        let browser = world.browser();
        let fields = [("return_to", "/settings/public")];
        let hop = browser.begin_with("acme", &fields).await;
        let address = hop.approved(&world.acme, &person("ada"));
        break_off(&world, &browser, &address).await;
        match ended {
            "signed out" => {
                let whole = browser.copy();
                whole.get(&address).await.assert_leads_to("/settings/public");
                whole.call("logout", &[]).await;
            }
            "revoked" => drop(world.app.sql("DELETE FROM sessions").await),
            _ => {
                world.app.sql("UPDATE users SET disabled_at = created_at").await;
            }
        }
        let answer = browser.get(&address).await;
        // Signing out forgets where it would have led.
        let way = match ended {
            "signed out" => "",
            _ => "&return_to=%2Fsettings%2Fpublic",
        };
        answer.assert_leads_to(&format!("/login?error=expired{way}"));
        assert!(!answer.touches_session(), "{ended}");
    }
}

#[tokio::test]
async fn a_repeat_leaves_a_later_sign_in_alone() {
    let world = World::new().await;
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let address = hop.approved(&world.acme, &person("ada"));
    break_off(&world, &browser, &address).await;
    browser.register("grace@example.com").await;
    let before = browser.session().await;
    let answer = browser.get(&address).await;
    answer.assert_leads_to("/profile");
    assert!(!answer.touches_session());
    assert_eq!(browser.session().await, before);
}

#[tokio::test]
async fn a_repeat_of_a_link_gets_the_sessions_new_id() {
    let world = World::new().await;
    let browser = world.browser();
    browser.register("ada@example.com").await;
    let before = browser.session().await;
    let hop = browser.begin_link("acme").await;
    let address = hop.approved(&world.acme, &person("ada"));
    break_off(&world, &browser, &address).await;
    assert_eq!(browser.live_session_id().await, None, "its id has changed");
    browser.get(&address).await.assert_leads_to("/settings/accounts");
    assert_eq!(browser.session().await["session_id"], before["session_id"]);
    assert_eq!(world.token_requests(), 1);
    world.app.assert_counts(&[("accounts", 1), ("sessions", 1)]).await;
}

#[tokio::test]
async fn a_callback_that_failed_fails_again_in_the_same_way() {
    let world = World::new().await;
    let browser = world.browser();
    let fields = [("return_to", "/settings/public")];
    let hop = browser.begin_with("acme", &fields).await;
    let address = hop.callback(&[("code", "made-up"), ("state", &hop.state())]);
    for _ in 0..2 {
        let answer = browser.get(&address).await;
        answer.assert_leads_to("/login?error=provider&return_to=%2Fsettings%2Fpublic");
    }
    assert_eq!(world.token_requests(), 1);
    world.app.advance(60);
    let answer = browser.get(&address).await;
    answer.assert_leads_to("/login?error=expired&return_to=%2Fsettings%2Fpublic");
    assert_eq!(world.token_requests(), 1);
}

/// What another process has in its memory is not known here; but the flow is used up for all.
#[tokio::test]
async fn on_another_instance_a_repeat_starts_again_and_keeps_its_way() {
    let mut world = World::new().await;
    let browser = world.browser();
    let fields = [("return_to", "/settings/public")];
    let hop = browser.begin_with("acme", &fields).await;
    let address = hop.approved(&world.acme, &person("ada"));
    break_off(&world, &browser, &address).await;
    world.restart(&[]).await;
    let browser = browser.before(&world.app);
    let answer = browser.get(&address).await;
    answer.assert_leads_to("/login?error=expired&return_to=%2Fsettings%2Fpublic");
    assert_eq!(world.token_requests(), 1);
    let page = browser.get(answer.location()).await;
    assert!(page.shows("Please start again"), "{}", page.text());
    let hop = browser.begin_with("acme", &fields).await;
    browser
        .finish(&hop, &world.acme, &person("ada"))
        .await
        .assert_leads_to("/settings/public");
    world.app.assert_counts(&[("users", 1), ("sessions", 2)]).await;
}

/// "No" at the provider, Back, "yes".
#[tokio::test]
async fn a_flow_that_is_used_up_keeps_its_way() {
    let world = World::new().await;
    let browser = world.browser();
    let fields = [("return_to", "/settings/public?a=1")];
    let hop = browser.begin_with("acme", &fields).await;
    let no = hop.callback(&[("error", "access_denied"), ("state", &hop.state())]);
    let way = "return_to=%2Fsettings%2Fpublic%3Fa%3D1";
    browser
        .get(&no)
        .await
        .assert_leads_to(&format!("/login?error=denied&{way}"));
    let yes = hop.approved(&world.acme, &person("ada"));
    let answer = browser.get(&yes).await;
    answer.assert_leads_to(&format!("/login?error=expired&{way}"));
    assert_eq!(world.token_requests(), 0);
    // It is the browser's own to know.
    let elsewhere = world.browser();
    elsewhere.begin("acme").await;
    elsewhere.get(&yes).await.assert_failed("expired");
    // The page leads there in the end.
    let page = browser.get(answer.location()).await;
    assert!(page.shows("/settings/public?a=1"), "{}", page.text());
}

#[tokio::test]
async fn a_flow_that_was_swept_keeps_its_way_for_an_hour() {
    let world = World::new().await;
    let browser = world.browser();
    let begin = async |browser: &Browser, intent| {
        let fields = [("return_to", "/settings/public"), ("intent", intent)];
        browser.begin_with("acme", &fields).await
    };
    browser.register("grace@example.com").await;
    let link = begin(&browser, "link").await;
    world.app.sql("DELETE FROM sessions").await;
    let hop = begin(&browser, "").await;
    for (seconds, known) in [(600, true), (2999, true), (1, false)] {
        world.app.advance(seconds);
        world.app.auth.sweep().await.unwrap();
        world.app.assert_counts(&[("sign_in_flows", 0)]).await;
        let way = if known {
            "&return_to=%2Fsettings%2Fpublic"
        } else {
            ""
        };
        browser
            .get(&hop.approved(&world.acme, &person("ada")))
            .await
            .assert_leads_to(&format!("/login?error=expired{way}"));
        if known {
            browser
                .get(&link.approved(&world.acme, &person("ada")))
                .await
                .assert_leads_to("/settings/accounts?error=expired");
        }
    }
    world.app.assert_counts(&[("ways_back", 0)]).await;
    // And so many of a browser.
    for _ in 0..25 {
        begin(&browser, "").await;
    }
    world.app.assert_counts(&[("ways_back", 20)]).await;
}

#[tokio::test]
async fn a_browser_can_be_forgotten_with_all_its_flows() {
    let world = World::new().await;
    let (browser, other) = (world.browser(), world.browser());
    let fields = [("return_to", "/settings/public")];
    for browser in [&browser, &other] {
        browser.begin_with("acme", &fields).await;
    }
    world.browser().register("ada@example.com").await;
    browser
        .sign_in("corp", &world.corp, &person("ada"))
        .await
        .assert_failed("link_required");
    world
        .app
        .assert_counts(&[("sign_in_flows", 2), ("ways_back", 2), ("pending_links", 1)])
        .await;
    let auth = &world.app.auth;
    for flow in [None, Some("x"), browser.cookie("flow").as_deref()] {
        let mut tx = auth.db.begin().await.unwrap();
        auth.oauth.forget_browser(&mut tx, flow).await.unwrap();
        tx.commit().await.unwrap();
    }
    world
        .app
        .assert_counts(&[("sign_in_flows", 1), ("ways_back", 1), ("pending_links", 0)])
        .await;
}

#[tokio::test]
async fn errors_that_a_new_try_cures_say_so() {
    let world = World::new().await;
    for (error, code) in [
        ("login_required", "expired"),
        ("interaction_required", "expired"),
        ("consent_required", "expired"),
        ("account_selection_required", "expired"),
        // Keycloak, of a sign-in page that was left open.
        ("temporarily_unavailable", "expired"),
        ("server_error", "provider"),
        ("LOGIN_REQUIRED", "provider"),
    ] {
        let browser = world.browser();
        let fields = [("return_to", "/settings/public")];
        let hop = browser.begin_with("acme", &fields).await;
        let pairs = [
            ("error", error),
            ("error_description", "authentication_expired"),
            ("state", &hop.state()),
        ];
        let answer = browser.get(&hop.callback(&pairs)).await;
        answer.assert_leads_to(&format!("/login?error={code}&return_to=%2Fsettings%2Fpublic"));
        let page = browser.get(answer.location()).await.text();
        assert_eq!(page.contains("Please start again"), code == "expired", "{error}");
    }
    assert_eq!(world.token_requests(), 0);
}

#[tokio::test]
async fn keep_me_signed_in_holds_for_providers_too() {
    let world = World::new().await;
    for (fields, kept) in [
        (&[][..], false),
        (&[("remember", "")], false),
        (&[("remember", "false")], false),
        (&[("remember", "true")], true),
    ] {
        let browser = world.browser();
        let hop = browser.begin_with("acme", fields).await;
        let answer = browser.finish(&hop, &world.acme, &person("ada")).await;
        answer.assert_leads_to("/profile");
        for cookie in answer.cookies() {
            let max_age = kept.then_some(2_592_000);
            assert_eq!(cookie.max_age, max_age, "{fields:?}: {}", cookie.text);
        }
        world.app.advance(1801);
        assert_eq!(browser.session().await.is_null(), !kept, "{fields:?}");
    }
    let browser = world.browser();
    browser.press("acme", &[("remember", "maybe")]).await.expect(422);
}

/// Without JavaScript a field belongs to one form: so the providers' buttons are in the one for the password.
#[tokio::test]
async fn one_checkbox_serves_the_password_and_the_providers() {
    let world = World::new().await;
    for path in [
        "/login?return_to=/settings/public",
        "/register?return_to=/settings/public",
    ] {
        let page = world.browser().get(path).await.text();
        let main = &page[page.find("<main").unwrap()..];
        let start = main.find("<form").unwrap();
        let form = &main[start..start + main[start..].find("</form>").unwrap()];
        assert_eq!(form.matches("name=\"remember\"").count(), 1, "{path}");
        assert!(
            form.contains("name=\"return_to\" value=\"/settings/public\""),
            "{form}"
        );
        for provider in ["acme", "corp"] {
            let action = format!("formaction=\"/auth/login/{provider}\"");
            let at = form.find(&action).expect("its button is in the form");
            let button = &form[form[..at].rfind("<button").unwrap()..];
            let button = &button[..button.find('>').unwrap()];
            assert!(button.contains("formnovalidate"), "{button}");
            // Enter presses the first button.
            assert!(form.find("button-primary").unwrap() < at, "{form}");
        }
    }
    // What such a button sends: all of the form.
    let browser = world.browser();
    let fields = [
        ("email", "ada@example.com"),
        ("password", "half a pass"),
        ("remember", "true"),
        ("return_to", "/settings/public"),
    ];
    let answer = browser.press("acme", &fields).await;
    let hop = Hop::of("acme", &answer);
    assert!(!format!("{answer:?}").contains("half a pass"));
    let answer = browser.finish(&hop, &world.acme, &person("ada")).await;
    answer.assert_leads_to("/settings/public");
    assert_eq!(answer.cookies()[0].max_age, Some(2_592_000));
    assert_ne!(browser.session().await, Value::Null);
}
