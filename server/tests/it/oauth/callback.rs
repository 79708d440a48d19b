//! The way back: whose callback it is, what it may say, and that it counts once.

use std::collections::HashMap;

use http::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::oauth::{
    idp::{Asked, Endpoint, Idp},
    keys::encode,
    support::{Hop, World, callback, person, person_with},
};
use crate::support::{Answer, Log};

/// The one token request there was.
#[track_caller]
fn only_token_request(idp: &Idp) -> Asked {
    let mut asked = idp.asked(Endpoint::Token);
    assert_eq!(asked.len(), 1);
    asked.remove(0)
}

/// A state that differs in its last letter. The last of 43 letters holds four bits, so not every letter
/// can stand there.
fn one_off(state: &str) -> String {
    let (rest, last) = state.split_at(state.len() - 1);
    format!("{rest}{}", if last == "A" { "E" } else { "A" })
}

#[tokio::test]
async fn a_code_and_its_state_sign_in() {
    let world = World::new().await;
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let answer = browser.finish(&hop, &world.acme, &person("ada")).await;

    answer.assert_leads_to("/profile");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert!(answer.body.is_empty());
    // With the attributes that every answer's cookies are checked for.
    assert!(answer.renews(), "{:?}", answer.cookies());

    let user = browser.user().await;
    assert_eq!(user["email"], "ada@example.com");
    assert_eq!(user["email_verified"], true);
    assert_eq!(user["name"], "ada");
    assert_eq!(user["accounts"][0]["provider"], "acme");
    let sessions = browser.call("list_sessions", &[]).await.json();
    assert_eq!(sessions[0]["method"], "acme");
    let profile = browser.get("/profile").await.expect(200);
    assert!(profile.shows("ada@example.com"));
    world
        .app
        .assert_counts(&[
            ("users", 1),
            ("accounts", 1),
            ("sessions", 1),
            ("sign_in_flows", 0),
        ])
        .await;
}

#[tokio::test]
async fn the_token_request_is_the_standards() {
    let world = World::new().await;
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    browser
        .finish(&hop, &world.acme, &person("ada"))
        .await
        .assert_leads_to("/profile");

    let asked = only_token_request(&world.acme);
    assert_eq!(asked.method, Method::POST);
    assert_eq!(asked.form["grant_type"], "authorization_code");
    assert_eq!(
        asked.form["redirect_uri"],
        "https://app.example/auth/callback/acme"
    );
    let verifier = &asked.form["code_verifier"];
    assert!((43..=128).contains(&verifier.len()), "{verifier}");
    assert_eq!(
        encode(Sha256::digest(verifier)),
        hop.param("code_challenge").unwrap()
    );
    assert_ne!(*verifier, hop.param("nonce").unwrap());
    assert_eq!(
        asked.basic(),
        Some(("acme-client".to_owned(), "acme secret:+%&".to_owned()))
    );
    // One way to prove who we are, not two (RFC 6749 §2.3).
    assert!(!asked.form.contains_key("client_secret"));
    assert_eq!(asked.header("accept"), "application/json");
    assert!(!asked.header("user-agent").is_empty());
    for private in ["cookie", "referer", "origin"] {
        assert_eq!(asked.header(private), "", "{private}");
    }
    let userinfo = world.acme.asked(Endpoint::Userinfo);
    assert_eq!(userinfo.len(), 1);
    assert!(userinfo[0].header("authorization").starts_with("Bearer access-"));
    assert!(userinfo[0].query.is_empty());
}

#[tokio::test]
async fn a_secret_goes_into_the_body_where_the_metadata_knows_no_other_way() {
    let world = World::new().await;
    world.acme.script(|script| {
        script.metadata = json!({ "token_endpoint_auth_methods_supported": ["client_secret_post"] });
    });
    world.signed_in("acme", &person("ada")).await;
    let asked = only_token_request(&world.acme);
    assert_eq!(asked.form["client_id"], "acme-client");
    assert_eq!(asked.form["client_secret"], "acme secret:+%&");
    assert_eq!(asked.header("authorization"), "");
}

/// A state of another browser, or of none.
#[tokio::test]
async fn a_callback_without_our_state_fails_before_the_provider_is_asked() {
    let world = World::new().await;
    let stranger = world.browser();
    stranger.begin("acme").await;
    let foreign = stranger.begin("acme").await.state();
    let browser = world.browser();
    let own = browser.begin("acme").await;
    let code = world.acme.approve(&own.url, &person("ada"));
    for (name, pairs) in [
        ("no state", vec![("code", code.as_str())]),
        ("an empty state", vec![("code", &code), ("state", "")]),
        ("a wrong state", vec![("code", &code), ("state", "wrong")]),
        (
            "one letter off",
            vec![("code", &code), ("state", &one_off(&own.state()))],
        ),
        (
            "another browser's state",
            vec![("code", &code), ("state", &foreign)],
        ),
    ] {
        let answer = browser.get(&callback("acme", &pairs)).await;
        answer.assert_failed("expired");
        assert_eq!(world.token_requests(), 0, "{name}");
    }
    // The stranger's flow is used up: a state that is known to another browser must not stay usable.
    world
        .app
        .assert_counts(&[("users", 0), ("sessions", 0), ("sign_in_flows", 2)])
        .await;
    // None of this has hurt the browser's own flow.
    browser
        .get(&own.callback(&[("code", &code), ("state", &own.state())]))
        .await
        .assert_leads_to("/profile");
}

#[tokio::test]
async fn an_unsolicited_callback_fails() {
    let world = World::new().await;
    let attacker = world.browser();
    let hop = attacker.begin("acme").await;
    let gift = hop.approved(&world.acme, &person("mallory"));

    // A browser that has never been here.
    let victim = world.browser();
    victim.get(&gift).await.assert_failed("expired");
    assert_eq!(victim.session().await, Value::Null);
    assert_eq!(world.token_requests(), 0);
    // And for the attacker it is gone as well.
    attacker.get(&gift).await.assert_failed("expired");
    world.app.assert_untouched().await;
}

/// With a session of one's own, and with a flow of one's own under way.
#[tokio::test]
async fn an_attackers_code_and_state_leave_a_signed_in_victim_alone() {
    let world = World::new().await;
    let victim = world.signed_in("acme", &person("ada")).await;
    let before = victim.session().await;
    victim.begin("acme").await;
    let requests = world.token_requests();
    let attacker = world.browser();
    let hop = attacker.begin("acme").await;
    let gift = hop.approved(&world.acme, &person("mallory"));

    victim.get(&gift).await.assert_failed("expired");
    assert_eq!(victim.session().await, before);
    assert_eq!(
        victim.live_session_id().await.as_deref(),
        before["session_id"].as_str()
    );
    assert_eq!(world.token_requests(), requests);
    world.app.assert_counts(&[("users", 1), ("accounts", 1)]).await;
}

#[tokio::test]
async fn a_callback_needs_the_flow_cookie_as_it_was_given() {
    let world = World::new().await;
    type Sent = fn(&str) -> String;
    let cases: [(&str, Sent); 5] = [
        ("missing", |_| String::new()),
        ("empty", |_| "__Host-flow=".to_owned()),
        ("tampered with", |flow| format!("__Host-flow={}", one_off(flow))),
        ("under the name without prefix", |flow| format!("flow={flow}")),
        // As from a sibling domain: nothing tells which is genuine.
        ("twice", |flow| format!("__Host-flow={flow}; __Host-flow={flow}")),
    ];
    for (name, sent) in cases {
        let browser = world.browser();
        let hop = browser.begin("acme").await;
        let cookies = sent(&browser.cookie("flow").unwrap());
        let address = hop.approved(&world.acme, &person("ada"));
        let call = browser.request(Method::GET, &address).cookies(&cookies);
        call.send().await.assert_failed("expired");
        assert_eq!(world.token_requests(), 0, "{name}");
        world.app.assert_untouched().await;
    }
    world.assert_recovers().await;
}

#[tokio::test]
async fn two_tabs_of_one_browser_both_succeed() {
    let world = World::new().await;
    let browser = world.browser();
    let first = browser
        .begin_with("acme", &[("return_to", "/settings/public")])
        .await;
    let second = browser
        .begin_with("corp", &[("return_to", "/settings/sessions")])
        .await;
    assert_ne!(first.state(), second.state());
    browser
        .finish(&second, &world.corp, &person("ada"))
        .await
        .assert_leads_to("/settings/sessions");
    browser
        .finish(&first, &world.acme, &person("grace"))
        .await
        .assert_leads_to("/settings/public");
    assert_eq!(browser.session().await["email"], "grace@example.com");
    // One browser, one session: the second sign-in has ended the first.
    world
        .app
        .assert_counts(&[("sessions", 1), ("sign_in_flows", 0)])
        .await;
}

#[tokio::test]
async fn a_callback_loaded_again_after_success_changes_nothing() {
    let world = World::new().await;
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let address = hop.approved(&world.acme, &person("ada"));
    browser.get(&address).await.assert_leads_to("/profile");
    let (session, id) = (browser.session().await, browser.cookie("id").unwrap());

    for _ in 0..2 {
        let again = browser.get(&address).await;
        again.assert_leads_to("/profile");
        assert!(!again.touches_session());
        assert_eq!(browser.session().await, session);
        assert_eq!(browser.cookie("id").unwrap(), id);
    }
    assert_eq!(world.token_requests(), 1);
    world.app.assert_counts(&[("users", 1), ("sessions", 1)]).await;

    // An anonymous visitor learns that it is too late.
    let elsewhere = world.browser();
    elsewhere.get(&address).await.assert_failed("expired");
    browser.call("logout", &[]).await;
    browser.get(&address).await.assert_failed("expired");
    assert_eq!(world.token_requests(), 1);
}

/// The attacker's browser gets hold of a victim's code and brings it with a state of its own.
#[tokio::test]
async fn a_code_of_another_flow_is_stopped_by_pkce_and_by_the_nonce() {
    let world = World::new().await;
    for checks_pkce in [true, false] {
        world.acme.script(|script| script.checks_pkce = checks_pkce);
        let victim = world.browser();
        let stolen = {
            let hop = victim.begin("acme").await;
            world.acme.approve(&hop.url, &person("ada"))
        };
        let attacker = world.browser();
        let own = attacker.begin("acme").await;
        let answer = attacker
            .get(&own.callback(&[("code", &stolen), ("state", &own.state())]))
            .await;
        answer.assert_failed("provider");
        assert_eq!(
            attacker.session().await,
            Value::Null,
            "PKCE checked: {checks_pkce}"
        );
        world.app.assert_counts(&[("users", 0), ("sessions", 0)]).await;
    }
    assert_eq!(world.token_requests(), 2);
    world.app.wipe().await;
    world.assert_recovers().await;
}

/// Where the provider promises to name itself.
#[tokio::test]
async fn the_iss_of_a_callback_must_be_the_issuer_to_the_letter() {
    let world = World::new().await;
    let promise = json!({ "authorization_response_iss_parameter_supported": true });
    world.acme.script(|script| script.metadata = promise);
    let issuer = world.acme.origin().to_owned();
    let upper = issuer.replace("http", "HTTP");
    for (name, iss) in [
        ("missing", vec![]),
        ("empty", vec![""]),
        ("another's", vec![world.corp.origin()]),
        ("with a slash", vec![&format!("{issuer}/")]),
        ("in capitals", vec![&upper]),
        ("twice", vec![&issuer, &issuer]),
        ("twice, once wrong", vec![&issuer, "https://evil.example"]),
    ] {
        let browser = world.browser();
        let hop = browser.begin("acme").await;
        let code = world.acme.approve(&hop.url, &person("ada"));
        let state = hop.state();
        let pairs: Vec<_> = iss.iter().map(|iss| ("iss", *iss)).collect();
        let pairs = [&[("code", code.as_str()), ("state", &state)], &pairs[..]].concat();
        browser.get(&hop.callback(&pairs)).await.assert_failed("provider");
        assert_eq!(world.token_requests(), 0, "{name}");
        world.app.assert_untouched().await;
    }
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let code = world.acme.approve(&hop.url, &person("ada"));
    let pairs = [("code", code.as_str()), ("state", &hop.state()), ("iss", &issuer)];
    browser
        .get(&hop.callback(&pairs))
        .await
        .assert_leads_to("/profile");
}

#[tokio::test]
async fn an_iss_that_was_not_promised_is_checked_all_the_same() {
    let world = World::new().await;
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let code = world.acme.approve(&hop.url, &person("ada"));
    let pairs = [
        ("code", code.as_str()),
        ("state", &hop.state()),
        ("iss", world.corp.origin()),
    ];
    browser.get(&hop.callback(&pairs)).await.assert_failed("provider");
    assert_eq!(world.token_requests(), 0);
    world.assert_recovers().await;
}

/// One provider's answer on the other's path, in both directions.
#[tokio::test]
async fn a_mix_up_of_providers_sends_no_code_to_the_wrong_one() {
    let world = World::new().await;
    for (begun, idp, finished) in [("acme", &world.acme, "corp"), ("corp", &world.corp, "acme")] {
        let browser = world.browser();
        let hop = browser.begin(begun).await;
        let code = idp.approve(&hop.url, &person("ada"));
        let pairs = [("code", code.as_str()), ("state", &hop.state())];
        browser
            .get(&callback(finished, &pairs))
            .await
            .assert_failed("expired");
        assert_eq!(world.token_requests(), 0, "{begun} on {finished}'s path");
        // The flow is gone on its own path as well.
        browser.get(&hop.callback(&pairs)).await.assert_failed("expired");
        assert_eq!(world.token_requests(), 0);
    }
    world.assert_recovers().await;
}

#[tokio::test]
async fn a_providers_error_ends_the_flow_with_our_own_code() {
    let world = World::new().await;
    let canary = "<script>alert('canary')</script>";
    for (pairs, code) in [
        (vec![("error", "access_denied")], "denied"),
        (
            vec![
                ("error", "access_denied"),
                ("error_description", canary),
                ("error_uri", "https://evil.example/canary"),
            ],
            "denied",
        ),
        (
            vec![("error", "server_error"), ("error_description", canary)],
            "provider",
        ),
        (vec![("error", canary)], "provider"),
        (vec![("error", "denied\r\nset-cookie: canary=1")], "provider"),
        // Both at once are neither.
        (vec![("error", "access_denied"), ("code", "code-1")], "provider"),
        (vec![], "provider"),
    ] {
        let browser = world.browser();
        let hop = browser
            .begin_with("acme", &[("return_to", "/settings/public?a=1")])
            .await;
        let state = hop.state();
        let pairs = [&pairs[..], &[("state", state.as_str())]].concat();
        let answer = browser.get(&hop.callback(&pairs)).await;
        answer.assert_leads_to(&format!(
            "/login?error={code}&return_to=%2Fsettings%2Fpublic%3Fa%3D1"
        ));
        assert!(!answer.touches_session());
        assert!(!format!("{answer:?}").contains("canary"), "{answer:?}");
        let page = browser.get(answer.location()).await.expect(200);
        assert!(page.shows("role=\"alert\""), "{}", page.text());
        assert!(!page.shows("canary"), "{}", page.text());
        // The way back is kept for the next try.
        assert!(page.shows("/settings/public?a=1"), "{}", page.text());
        world.app.assert_untouched().await;
    }
    assert_eq!(world.token_requests(), 0);
    // An error with a foreign state is merely an unknown flow.
    let browser = world.browser();
    let pairs = [
        ("error", "access_denied"),
        ("error_description", canary),
        ("state", "made-up"),
    ];
    browser
        .get(&callback("acme", &pairs))
        .await
        .assert_failed("expired");
    world.assert_recovers().await;
}

/// The login page leads a signed-in user on at once: the reason goes along.
#[tokio::test]
async fn a_signed_in_user_sees_the_reason_where_the_way_back_leads() {
    let world = World::new().await;
    let browser = world.signed_in("acme", &person("ada")).await;
    let hop = browser
        .begin_with("acme", &[("return_to", "/settings/security")])
        .await;
    let denied = hop.callback(&[("error", "access_denied"), ("state", &hop.state())]);
    let answer = browser.get(&denied).await;
    answer.assert_leads_to("/login?error=denied&return_to=%2Fsettings%2Fsecurity");
    let answer = browser.get(answer.location()).await;
    answer.assert_leads_to("/settings/security");
    assert!(!answer.touches_session());
    let page = browser.get("/settings/security").await.expect(200);
    assert!(
        page.shows("cancelled or refused at the provider"),
        "{}",
        page.text()
    );
    let page = browser.get("/settings/security").await;
    assert!(!page.shows("role=\"alert\""), "{}", page.text());
}

/// Anyone can write an address of the login page.
#[tokio::test]
async fn pages_show_no_text_from_the_address() {
    let world = World::new().await;
    let browser = world.browser();
    for path in [
        "/login?error=%3Cscript%3Ecanary",
        "/login?error=provider&error_description=canary",
        "/login?error=denied&error=canary",
        "/login?__err=canary&__path=canary",
    ] {
        let page = browser.get(path).await.expect(200);
        assert!(!page.shows("canary"), "{path}: {}", page.text());
    }
    let browser = world.signed_in("acme", &person("ada")).await;
    let page = browser
        .get("/settings/accounts?error=%3Cscript%3Ecanary&message=canary")
        .await
        .expect(200);
    assert!(!page.shows("canary"), "{}", page.text());
}

#[tokio::test]
async fn an_ambiguous_callback_fails_and_uses_up_its_flow() {
    let world = World::new().await;
    for query in [
        "code={code}&code={code}&state={state}",
        "code={code}&code=other&state={state}",
        "code={code}&state={state}&state={state}",
        "code={code}&state=other&state={state}",
        "code={code}&state={state}&state=other",
        "code[]={code}&state={state}",
        "code[0]={code}&state={state}",
        "code=%ff%fe&state={state}",
        "code=%zz&state={state}",
        "code={code}&%ff=x&state={state}",
        "co%64e={code}&code={code}&state={state}",
        "state={state}",
        "code=&state={state}",
    ] {
        let browser = world.browser();
        let hop = browser.begin("acme").await;
        let code = world.acme.approve(&hop.url, &person("ada"));
        let query = query.replace("{code}", &code).replace("{state}", &hop.state());
        let answer = browser.get(&format!("/auth/callback/acme?{query}")).await;
        answer.assert_failed("provider");
        assert_eq!(world.token_requests(), 0, "{query}");
        world.app.assert_untouched().await;
        // What was good in it is good no more.
        let good = hop.callback(&[("code", &code), ("state", &hop.state())]);
        browser.get(&good).await.assert_failed("expired");
    }
    world.assert_recovers().await;
}

#[tokio::test]
async fn a_code_of_63_kib_goes_nowhere_and_a_long_one_is_fine() {
    let world = World::new().await;
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    // The most an address can hold in the `http` crate, less the rest of it.
    let long = "c".repeat(63 * 1024);
    let answer = browser
        .get(&hop.callback(&[("code", &long), ("state", &hop.state())]))
        .await;
    assert!(
        (400..500).contains(&answer.status) || answer.location() == "/login?error=provider",
        "{answer:?}"
    );
    assert!(!answer.shows("ccc"));
    assert_eq!(world.token_requests(), 0);
    assert_eq!(browser.session().await, Value::Null);
    // Some providers put 2 KiB and more into a code: it arrives whole.
    let hop = browser.begin("acme").await;
    let code = "c".repeat(4096);
    browser
        .get(&hop.callback(&[("code", &code), ("state", &hop.state())]))
        .await
        .assert_failed("provider");
    assert_eq!(only_token_request(&world.acme).form["code"], code);
}

#[tokio::test]
async fn unknown_parameters_are_ignored() {
    let world = World::new().await;
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let code = world.acme.approve(&hop.url, &person("ada"));
    // Neither the destination nor the identity comes from the address.
    let pairs = [
        ("code", code.as_str()),
        ("state", &hop.state()),
        ("session_state", "x"),
        ("scope", "openid"),
        ("return_to", "//evil.example"),
        ("email", "victim@example.com"),
        ("sub", "victim"),
        ("user", "{\"name\":{\"firstName\":\"Mallory\"}}"),
    ];
    browser
        .get(&hop.callback(&pairs))
        .await
        .assert_leads_to("/profile");
    let user = browser.user().await;
    assert_eq!(
        (&user["email"], &user["name"]),
        (&json!("ada@example.com"), &json!("ada"))
    );
}

#[tokio::test]
async fn other_methods_than_get_leave_the_flow_alone() {
    let world = World::new().await;
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let address = hop.approved(&world.acme, &person("ada"));
    let query = address.split_once('?').unwrap().1.to_owned();
    for method in [
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
    ] {
        let call = browser
            .request(method.clone(), &address)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(query.clone());
        let answer = call.send().await;
        assert_eq!(answer.status, 405, "{method}");
        let allowed = answer.header("allow").unwrap();
        assert!(allowed.contains("GET"), "{method}: {allowed}");
        assert!(!answer.touches_session(), "{method}");
        if method == Method::HEAD {
            assert!(answer.body.is_empty());
        }
    }
    assert_eq!(world.token_requests(), 0);
    browser.get(&address).await.assert_leads_to("/profile");
}

#[tokio::test]
async fn a_provider_that_is_not_configured_has_no_callback() {
    let world = World::new().await;
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let code = world.acme.approve(&hop.url, &person("ada"));
    for provider in [
        "unknown",
        "ACME",
        "Acme",
        "github",
        "dev",
        "acme%2F..%2Fcorp",
        "..%2Facme",
        "acme%00",
        "acme%20",
    ] {
        let pairs = [("code", code.as_str()), ("state", &hop.state())];
        let answer = browser.get(&callback(provider, &pairs)).await;
        assert_eq!(answer.status, 404, "{provider}");
        assert!(!answer.touches_session());
        let call = browser
            .request(Method::POST, &format!("/auth/callback/{provider}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("code=a&state=b");
        assert_eq!(call.send().await.status, 404, "{provider}");
    }
    assert_eq!(world.token_requests(), 0);
    browser
        .get(&hop.callback(&[("code", &code), ("state", &hop.state())]))
        .await
        .assert_leads_to("/profile");
}

#[tokio::test]
async fn another_host_name_changes_no_address() {
    let world = World::new().await;
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let call = browser
        .request(Method::GET, &hop.approved(&world.acme, &person("ada")))
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "http")
        .header("forwarded", "host=evil.example;proto=http");
    let answer = call.send().await;
    answer.assert_leads_to("/profile");
    assert!(!format!("{answer:?}").contains("evil.example"));
    assert_eq!(
        only_token_request(&world.acme).form["redirect_uri"],
        "https://app.example/auth/callback/acme"
    );
}

#[tokio::test]
async fn a_flow_lives_ten_minutes() {
    let world = World::new().await;
    for (seconds, in_time) in [(599, true), (600, false), (601, false)] {
        let browser = world.browser();
        let hop = browser
            .begin_with("acme", &[("return_to", "/settings/public")])
            .await;
        world.app.advance(seconds);
        let answer = browser.finish(&hop, &world.acme, &person("ada")).await;
        // Too late, but where to go is not forgotten.
        answer.assert_leads_to(if in_time {
            "/settings/public"
        } else {
            "/login?error=expired&return_to=%2Fsettings%2Fpublic"
        });
        assert_eq!(answer.touches_session(), in_time);
        assert_eq!(world.token_requests(), 1, "after {seconds} s");
        world.app.assert_counts(&[("sign_in_flows", 0)]).await;
    }
}

#[tokio::test]
async fn return_to_is_kept_by_the_server_and_judged() {
    let world = World::new().await;
    let long = format!("/settings/public?x={}", "y".repeat(2100));
    for (return_to, location) in [
        ("", "/profile"),
        ("/settings/public?tab=1&x=%2Fy", "/settings/public?tab=1&x=%2Fy"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("https://app.example/profile", "/"),
        ("javascript:alert(1)", "/"),
        ("/auth/callback/acme", "/"),
        ("/api/logout", "/"),
        ("/login", "/"),
        ("/a\r\nset-cookie: x=y", "/"),
        ("/settings/../api/logout", "/"),
        (&long, "/"),
    ] {
        let browser = world.browser();
        let hop = browser.begin_with("acme", &[("return_to", return_to)]).await;
        let answer = browser.finish(&hop, &world.acme, &person("ada")).await;
        answer.assert_leads_to(location);
        assert_eq!(answer.cookie("x"), None);
    }
}

#[tokio::test]
async fn a_doubled_return_to_leads_nowhere_in_particular() {
    let world = World::new().await;
    let browser = world.browser();
    let fields = [
        ("return_to", "/settings/public"),
        ("return_to", "/settings/sessions"),
    ];
    let answer = browser.press("acme", &fields).await;
    match answer.status {
        200 => {
            let hop = Hop::of("acme", &answer);
            browser
                .finish(&hop, &world.acme, &person("ada"))
                .await
                .assert_leads_to("/");
        }
        // A form that cannot be read is refused.
        status => assert!((400..500).contains(&status), "{status}"),
    }
}

#[tokio::test]
async fn code_and_state_stay_out_of_the_next_address_and_the_log() {
    let (log, _guard) = Log::capture();
    let world = World::new().await;
    let browser = world.browser();
    for person in [person("ada"), person_with("ada", json!({ "sub": null }))] {
        let hop = browser.begin("acme").await;
        let (state, nonce) = (hop.state(), hop.param("nonce").unwrap());
        let code = world.acme.approve(&hop.url, &person);
        let answer = browser
            .get(&hop.callback(&[("code", &code), ("state", &state)]))
            .await;
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let verifier = world.acme.asked(Endpoint::Token).pop().unwrap().form["code_verifier"].clone();
        let flow = browser.cookie("flow").unwrap();
        let text = log.text();
        for secret in [&code, &state, &nonce, &verifier, &flow] {
            assert!(!format!("{answer:?}").contains(secret.as_str()), "{answer:?}");
            assert!(!text.contains(secret.as_str()), "{secret}");
        }
    }
    assert!(log.text().contains("signed in"), "the log is captured");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_callbacks_with_one_state_share_one_exchange_and_its_result() {
    let world = World::new().await;
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let address = hop.approved(&world.acme, &person("ada"));
    let tries: Vec<_> = (0..6)
        .map(|_| {
            let (browser, address) = (browser.copy(), address.clone());
            tokio::spawn(async move { browser.get(&address).await })
        })
        .collect();
    let mut answers = Vec::new();
    for one in tries {
        answers.push(one.await.unwrap());
    }
    let id = |answer: &Answer| answer.cookie("__Host-id").unwrap().text;
    for answer in &answers {
        answer.assert_leads_to("/profile");
        assert_eq!(id(answer), id(&answers[0]));
    }
    assert_eq!(world.token_requests(), 1);
    world
        .app
        .assert_counts(&[("users", 1), ("accounts", 1), ("sessions", 1)])
        .await;
    browser.keep(&answers[0]);
    assert_eq!(browser.session().await["email"], "ada@example.com");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_first_sign_ins_of_one_person_make_one_user() {
    let world = World::new().await;
    let mut tries = Vec::new();
    for _ in 0..5 {
        let browser = world.browser();
        let hop = browser.begin("acme").await;
        let idp = world.acme.clone();
        tries.push(tokio::spawn(async move {
            let answer = browser.finish(&hop, &idp, &person("ada")).await;
            answer.assert_leads_to("/profile");
            browser.session().await["user_id"].clone()
        }));
    }
    let mut users = HashMap::new();
    for one in tries {
        *users.entry(one.await.unwrap().to_string()).or_insert(0) += 1;
    }
    assert_eq!(users.len(), 1, "{users:?}");
    world
        .app
        .assert_counts(&[("users", 1), ("accounts", 1), ("sessions", 5)])
        .await;
}

#[tokio::test]
async fn a_sign_in_ends_whatever_session_the_browser_had() {
    let world = World::new().await;
    let browser = world.signed_in("acme", &person("ada")).await;
    let (before, stolen) = (browser.session().await, browser.copy());
    browser
        .sign_in("corp", &world.corp, &person("grace"))
        .await
        .assert_leads_to("/profile");
    let after = browser.session().await;
    assert_eq!(after["email"], "grace@example.com");
    assert_ne!(after["user_id"], before["user_id"]);
    assert_ne!(after["session_id"], before["session_id"]);
    // Ada's session is over, and her account is as it was.
    assert_eq!(stolen.live_session_id().await, None);
    world
        .app
        .assert_counts(&[("users", 2), ("accounts", 2), ("sessions", 1)])
        .await;
    // The same person once more: a new session with a new id.
    let old_id = browser.cookie("id").unwrap();
    browser
        .sign_in("corp", &world.corp, &person("grace"))
        .await
        .assert_leads_to("/profile");
    assert_ne!(browser.cookie("id").unwrap(), old_id);
    assert_ne!(browser.session().await["session_id"], after["session_id"]);
    world.app.assert_counts(&[("users", 2), ("sessions", 1)]).await;
}

#[tokio::test]
async fn a_planted_session_id_is_not_taken_over() {
    let world = World::new().await;
    let attacker = world.signed_in("acme", &person("mallory")).await;
    let planted = attacker.cookie("id").unwrap();
    // An id that does not exist, and the attacker's own.
    for id in ["AAAAAAAAAAAAAAAAAAAAAA", &planted] {
        let victim = world.browser();
        victim.set_cookie("id", Some(id));
        victim
            .sign_in("acme", &world.acme, &person("ada"))
            .await
            .assert_leads_to("/profile");
        assert_ne!(victim.cookie("id").unwrap(), id);
        assert_eq!(victim.session().await["email"], "ada@example.com");
    }
    attacker.set_cookie("auth", None);
    assert_eq!(attacker.session().await, Value::Null);
}

#[tokio::test]
async fn a_callback_that_fails_keeps_the_present_session() {
    let world = World::new().await;
    let browser = world.signed_in("acme", &person("ada")).await;
    let (before, id) = (browser.session().await, browser.cookie("id").unwrap());
    let hop = browser.begin("corp").await;
    browser
        .get(&hop.callback(&[("error", "access_denied"), ("state", &hop.state())]))
        .await
        .assert_failed("denied");
    let hop = browser.begin("corp").await;
    let address = hop.callback(&[("code", "made-up"), ("state", &hop.state())]);
    browser.get(&address).await.assert_failed("provider");
    assert_eq!(browser.session().await, before);
    assert_eq!(browser.cookie("id").unwrap(), id);
    assert_eq!(
        browser.live_session_id().await.as_deref(),
        before["session_id"].as_str()
    );
}

#[tokio::test]
async fn a_disabled_user_is_not_let_in() {
    let world = World::new().await;
    let browser = world.signed_in("acme", &person("ada")).await;
    browser.call("logout", &[]).await;
    world.app.sql("UPDATE users SET disabled_at = created_at").await;
    let answer = browser
        .sign_in("acme", &world.acme, &person("ada"))
        .await
        .expect(303);
    assert!(
        answer.location().starts_with("/login?error="),
        "{}",
        answer.location()
    );
    assert!(!answer.touches_session());
    world
        .app
        .assert_counts(&[
            ("users", 1),
            ("accounts", 1),
            ("sessions", 0),
            ("sign_in_flows", 0),
        ])
        .await;
}

#[tokio::test]
async fn callbacks_are_limited_by_address() {
    let world = World::new().await;
    let browser = world.browser().at("192.0.2.7");
    for _ in 0..30 {
        browser
            .get("/auth/callback/acme?code=a&state=b")
            .await
            .assert_failed("expired");
    }
    let hop = world.browser().begin("acme").await;
    let answer = browser.get(&hop.approved(&world.acme, &person("ada"))).await;
    let answer = answer.expect(429);
    assert!((1..=60).contains(&answer.wait()));
    assert_eq!(world.token_requests(), 0);
    world.app.assert_counts(&[("sign_in_flows", 1)]).await;
    world.app.advance(60);
    browser
        .get("/auth/callback/acme?code=a&state=b")
        .await
        .assert_failed("expired");
}
