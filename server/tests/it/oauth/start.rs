//! The button: the page that hands the browser over, and the address it hands it over to.

use std::collections::HashSet;

use auth::oauth::Checked;
use http::{Method, StatusCode};
use serde_json::json;
use tokio::net::TcpListener;

use crate::oauth::{
    idp::{Endpoint, Idp, Reply},
    support::{Hop, World, person},
};
use crate::support::{PASSWORD, TestApp, clock, contains};

const PROVIDERS: [&str; 2] = ["acme", "corp"];

#[tokio::test]
async fn the_hand_over_page_leads_on_by_itself_and_by_its_link() {
    let world = World::new().await;
    let browser = world.browser();
    let answer = browser.press("acme", &[]).await.expect(200);
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let page = answer.text();
    let between = |before: &str| {
        let start = page.find(before).expect(before) + before.len();
        page[start..].split('"').next().unwrap().to_owned()
    };
    let refresh = between("<meta http-equiv=\"refresh\" content=\"0;url=");
    assert_eq!(refresh, between("<a href=\""));
    assert!(
        refresh.starts_with(&format!("{}/authorize?", world.acme.origin())),
        "{refresh}"
    );
    // A quote in a refresh address would end it in some browsers.
    assert!(!refresh.contains(['\'', '"', '<', '>', ' ', '+']), "{refresh}");
    assert!(
        answer
            .header("content-security-policy")
            .unwrap()
            .contains("form-action 'self'")
    );
    assert!(!answer.shows("<script") && !answer.shows("<form"));

    let cookies = answer.cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    assert_eq!(cookies[0].name, "__Host-flow");
    let attributes: HashSet<_> = cookies[0].text.split("; ").skip(1).collect();
    assert_eq!(
        attributes,
        HashSet::from(["HttpOnly", "SameSite=Lax", "Path=/", "Secure", "Max-Age=600"])
    );
    assert!(browser.cookie("flow").unwrap().len() >= 43);
}

#[tokio::test]
async fn the_authorization_request_is_the_standards() {
    let world = World::new().await;
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let param = |name| hop.param(name);
    assert_eq!(param("response_type").as_deref(), Some("code"));
    assert_eq!(param("client_id").as_deref(), Some("acme-client"));
    assert_eq!(
        param("redirect_uri").as_deref(),
        Some("https://app.example/auth/callback/acme")
    );
    assert_eq!(param("scope").as_deref(), Some("openid profile email"));
    assert_eq!(param("code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(param("code_challenge").unwrap().len(), 43);
    for name in [
        "client_secret",
        "code_verifier",
        "response_mode",
        "request",
        "return_to",
    ] {
        assert_eq!(param(name), None, "{name}");
    }
    let corp = browser.begin("corp").await;
    assert_eq!(
        corp.param("redirect_uri").as_deref(),
        Some("https://app.example/auth/callback/corp")
    );
}

#[tokio::test]
async fn every_flow_has_secrets_of_its_own() {
    let world = World::new().await;
    let browser = world.browser();
    let mut seen = HashSet::new();
    for _ in 0..5 {
        let hop = browser.begin("acme").await;
        for name in ["state", "nonce", "code_challenge"] {
            let value = hop.param(name).unwrap();
            assert!(value.len() >= 43, "{name}");
            assert!(seen.insert(value), "{name} occurs again");
        }
    }
    // The browser stays one and the same.
    let flow = browser.cookie("flow").unwrap();
    browser.begin("corp").await;
    assert_eq!(browser.cookie("flow").unwrap(), flow);
    // Unless what it brings is none of ours.
    for odd in ["x", &"+".repeat(43), &format!("{flow}A")] {
        browser.set_cookie("flow", Some(odd));
        browser.begin("acme").await;
        assert_ne!(browser.cookie("flow").unwrap(), odd);
    }
}

#[tokio::test]
async fn an_authorization_endpoint_keeps_its_own_query() {
    let world = World::new().await;
    let address = world.acme.at("/authorize?tenant=a%26b&prompt=login");
    world
        .acme
        .script(|script| script.metadata = json!({ "authorization_endpoint": address }));
    let hop = world.browser().begin("acme").await;
    assert_eq!(hop.param("tenant").as_deref(), Some("a&b"));
    assert_eq!(hop.param("prompt").as_deref(), Some("login"));
    assert_eq!(hop.param("response_type").as_deref(), Some("code"));
}

#[tokio::test]
async fn configured_scopes_are_asked_for_and_openid_always() {
    let world = World::with(&[("ACME_SCOPES", "email groups"), ("CORP_SCOPES", "openid")]).await;
    let browser = world.browser();
    assert_eq!(
        browser.begin("acme").await.param("scope").as_deref(),
        Some("openid email groups")
    );
    assert_eq!(
        browser.begin("corp").await.param("scope").as_deref(),
        Some("openid")
    );
}

#[tokio::test]
async fn a_button_for_each_provider_is_on_the_login_page() {
    let world = World::with(&[("ACME_NAME", "Acme & <Sons>")]).await;
    let browser = world.browser();
    let page = browser.get("/login?return_to=%2Fsettings%2Fpublic").await.text();
    for provider in PROVIDERS {
        assert!(
            page.contains(&format!("action=\"/auth/login/{provider}\"")),
            "{page}"
        );
    }
    assert!(page.contains("Acme &amp; &lt;Sons"), "{page}");
    assert!(!page.contains("<Sons>"), "{page}");
    assert!(
        page.contains("name=\"return_to\" value=\"/settings/public\""),
        "{page}"
    );
    // No provider is asked to show a page.
    assert!(world.acme.everything().is_empty() && world.corp.everything().is_empty());
}

#[tokio::test]
async fn forged_hosts_change_no_address() {
    let world = World::new().await;
    let browser = world.browser();
    let mut call = browser.post("/auth/login/acme", &[]);
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-for", "203.0.113.1"),
        ("x-original-url", "https://evil.example/"),
        ("forwarded", "for=203.0.113.1;host=evil.example;proto=http"),
    ] {
        call = call.header(name, value);
    }
    let answer = call.send().await;
    assert!(!format!("{answer:?}").contains("evil.example"), "{answer:?}");
    let hop = Hop::of("acme", &answer);
    assert_eq!(
        hop.param("redirect_uri").as_deref(),
        Some("https://app.example/auth/callback/acme")
    );
}

#[tokio::test]
async fn a_provider_that_is_not_configured_is_not_found() {
    let world = World::new().await;
    let browser = world.browser();
    for path in [
        "unknown",
        "ACME",
        "Acme",
        "github",
        "google",
        "dev",
        "acme%2F",
        "..%2Facme",
        "acme%00",
        "%20acme",
    ] {
        let answer = browser.press(path, &[]).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.cookies().is_empty(), "{path}");
    }
    world.app.assert_untouched().await;
}

#[tokio::test]
async fn a_flow_begins_by_a_post_of_our_own_only() {
    let world = World::new().await;
    let browser = world.browser();
    // An image or a link begins nothing.
    for path in ["/auth/login/acme", "/auth/login/acme?intent=link"] {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
            let call = browser.request(method.clone(), path);
            let answer = call.header("sec-fetch-site", "same-origin").send().await;
            assert_eq!(answer.status, 405, "{method}");
            assert!(answer.header("allow").unwrap().contains("POST"), "{method}");
        }
    }
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ] {
        let call = browser.post("/auth/login/acme", &[]).header(name, value);
        assert_eq!(call.send().await.status, 403, "{value}");
    }
    let call = browser.post("/auth/login/acme", &[]);
    let call = call.header("content-type", "application/json");
    call.send().await.expect(415);
    // 8 KiB is the most its form may weigh.
    let long = "x".repeat(9 * 1024);
    browser.press("acme", &[("return_to", &long)]).await.expect(413);
    browser.press("acme", &[("intent", "steal")]).await.expect(422);
    assert!(browser.is_empty());
    world.app.assert_untouched().await;
    assert!(world.acme.everything().is_empty());
    for intent in ["", "sign_in"] {
        browser.begin_with("acme", &[("intent", intent)]).await;
    }
}

#[tokio::test]
async fn a_refused_start_tells_a_browser_so_in_html() {
    let world = World::new().await;
    let browser = world.browser();
    for path in ["/auth/login/unknown", "/auth/callback/unknown"] {
        let call = browser.post(path, &[]).header("accept", "text/html");
        let page = call.send().await.expect(404).text();
        assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
    }
}

#[tokio::test]
async fn linking_begins_in_a_recent_session_only() {
    let world = World::new().await;
    let link = [("intent", "link")];
    let browser = world.browser();
    let answer = browser.press("acme", &link).await;
    answer.assert_leads_to("/login?return_to=%2Fsettings%2Faccounts");

    browser.register("ada@example.com").await;
    browser.begin_link("acme").await;
    world.app.advance(599);
    browser.begin_link("acme").await;
    world.app.advance(1);
    let flows = world.app.count("sign_in_flows").await;
    let answer = browser.press("acme", &link).await;
    answer.assert_leads_to("/settings/security?return_to=%2Fsettings%2Faccounts");
    assert!(
        answer
            .cookies()
            .iter()
            .all(|cookie| !cookie.text.contains("flow="))
    );
    assert_eq!(world.app.count("sign_in_flows").await, flows);

    browser
        .call("confirm_identity", &[("password", PASSWORD)])
        .await
        .expect(200);
    browser.begin_link("acme").await;
    // Signing in asks for nothing of the kind.
    world.app.advance(900);
    browser.begin("acme").await;
}

/// A snapshot says who the user is, not that the session is alive.
#[tokio::test]
async fn linking_asks_the_authority() {
    let world = World::new().await;
    let browser = world.signed_in("corp", &person("ada")).await;
    world.app.sql("DELETE FROM sessions").await;
    let answer = browser.press("acme", &[("intent", "link")]).await;
    answer.assert_leads_to("/login?return_to=%2Fsettings%2Faccounts");
    world.app.assert_counts(&[("sign_in_flows", 0)]).await;
}

#[tokio::test]
async fn a_start_leaves_the_session_alone() {
    let world = World::new().await;
    let browser = world.signed_in("acme", &person("ada")).await;
    let before = browser.session().await;
    browser.begin("corp").await;
    assert_eq!(browser.session().await, before);
}

/// The page may be that of a link in a mail, whose address contains its token.
#[tokio::test]
async fn where_a_flow_leads_is_stored_sealed_and_for_this_flow_only() {
    let world = World::new().await;
    let browser = world.browser();
    let begin = async |trace: &str| {
        let page = format!("/verify?token={trace}");
        (browser.begin_with("acme", &[("return_to", &page)]).await, page)
    };
    let (one, page) = begin("TracedFirst").await;
    for table in ["sign_in_flows", "ways_back"] {
        let stored = format!("{table} WHERE return_to IS NOT NULL");
        assert_eq!(world.app.count(&stored).await, 1, "{table}");
    }
    let (other, _) = begin("TracedSecond").await;
    let disk = world.app.disk();
    assert!(!contains(&disk, "TracedFirst") && !contains(&disk, "TracedSecond"));
    browser
        .finish(&one, &world.acme, &person("ada"))
        .await
        .assert_leads_to(&page);
    // Of another flow, it leads nowhere.
    let moved = "UPDATE sign_in_flows SET return_to = (SELECT min(return_to) FROM ways_back WHERE state_hash <> \
                 sign_in_flows.state_hash)";
    assert_eq!(world.app.sql(moved).await, 1);
    browser
        .finish(&other, &world.acme, &person("ada"))
        .await
        .assert_leads_to("/profile");
}

#[tokio::test]
async fn a_browser_has_twenty_flows_under_way_and_the_oldest_goes() {
    let world = World::new().await;
    let other = world.browser();
    let others = other.begin("acme").await;
    let browser = world.browser();
    let mut hops = Vec::new();
    for turn in 0..23 {
        hops.push(browser.begin(PROVIDERS[turn % 2]).await);
    }
    world.app.assert_counts(&[("sign_in_flows", 21)]).await;
    for hop in &hops[..3] {
        let error = hop.callback(&[("error", "access_denied"), ("state", &hop.state())]);
        browser.get(&error).await.assert_failed("expired");
    }
    for hop in &hops[3..] {
        let error = hop.callback(&[("error", "access_denied"), ("state", &hop.state())]);
        browser.get(&error).await.assert_failed("denied");
    }
    // The other browser has lost nothing by it.
    other
        .finish(&others, &world.acme, &person("ada"))
        .await
        .assert_leads_to("/profile");
}

#[tokio::test]
async fn unfinished_flows_are_swept() {
    let world = World::new().await;
    for _ in 0..40 {
        world.browser().begin("acme").await;
    }
    world.app.assert_counts(&[("sign_in_flows", 40)]).await;
    world.app.advance(599);
    world.app.auth.sweep().await.unwrap();
    world.app.assert_counts(&[("sign_in_flows", 40)]).await;
    world.app.advance(1);
    world.app.auth.sweep().await.unwrap();
    world.app.assert_counts(&[("sign_in_flows", 0)]).await;
    assert_eq!(world.acme.count(Endpoint::Metadata), 1, "metadata is kept");
}

#[tokio::test]
async fn starts_are_limited_by_address() {
    let world = World::new().await;
    let browser = world.browser().at("2001:db8::1");
    for _ in 0..30 {
        browser.begin("acme").await;
    }
    // The same household.
    let answer = browser.at("2001:db8::2:1").press("acme", &[]).await.expect(429);
    assert!((1..=60).contains(&answer.wait()));
    browser.at("2001:db8:0:1::1").begin("acme").await;
    world.app.advance(60);
    browser.begin("acme").await;
}

#[tokio::test]
async fn a_provider_that_is_down_harms_no_other_sign_in_and_comes_back() {
    // A port with no listener, until the provider comes up.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = port.local_addr().unwrap();
    drop(port);
    let clock = clock();
    let issuer = format!("http://{address}");
    let vars = [
        ("AUTH_PROVIDERS", "acme"),
        ("ACME_ISSUER", issuer.as_str()),
        ("ACME_CLIENT_ID", "acme-client"),
        ("ACME_CLIENT_SECRET", "acme-secret"),
    ];
    let app = TestApp::with_own_providers(&clock, &vars).await;
    let browser = app.browser().unhindered();
    let answer = browser.press("acme", &[("return_to", "/settings/public")]).await;
    answer.assert_leads_to("/login?error=provider&return_to=%2Fsettings%2Fpublic");
    let page = browser.get(answer.location()).await.expect(200);
    assert!(page.shows("role=\"alert\""));
    app.assert_untouched().await;

    let other = app.browser().unhindered();
    other.register("grace@example.com").await;
    let answer = other.press("acme", &[("intent", "link")]).await;
    answer.assert_leads_to("/settings/accounts?error=provider");
    let oauth = &app.auth.oauth;
    assert!(oauth.check("acme").await.unwrap_err().contains("metadata of"));
    assert_eq!(oauth.check("nobody").await.unwrap_err(), "is not configured");

    let idp = Idp::start_on(TcpListener::bind(address).await.unwrap(), &clock);
    app.advance(4);
    assert!(oauth.check("acme").await.is_err());
    app.advance(1);
    assert_eq!(oauth.check("acme").await, Ok(Checked::Answers));
    browser
        .sign_in("acme", &idp, &person("ada"))
        .await
        .assert_leads_to("/profile");
}

#[tokio::test]
async fn metadata_is_asked_for_once_more_where_that_may_help() {
    let world = World::new().await;
    let oops = || Reply::text(500, "text/plain", "oops");
    world
        .acme
        .reply(Endpoint::Metadata, Reply::Once(Box::new(oops())));
    world.acme.reply(Endpoint::Keys, Reply::Once(Box::new(oops())));
    world.signed_in("acme", &person("ada")).await;
    assert_eq!(world.acme.count(Endpoint::Metadata), 2);
    assert_eq!(world.acme.count(Endpoint::Keys), 2);

    for (reply, asked) in [
        (oops(), 2),
        (Reply::Break, 2),
        (Reply::json(404, json!({})), 1),
        (Reply::text(200, "text/html", "<h1>hello</h1>"), 1),
        (Reply::Padded(300 * 1024), 1),
        (
            Reply::Whole(
                StatusCode::FOUND,
                vec![("location", world.corp.at("/.well-known/openid-configuration"))],
                Vec::new(),
            ),
            1,
        ),
    ] {
        world.app.advance(3601);
        world.acme.forget_asked();
        world.acme.reply(Endpoint::Metadata, reply);
        let answer = world.browser().press("acme", &[]).await;
        answer.assert_leads_to("/login?error=provider");
        assert_eq!(world.acme.count(Endpoint::Metadata), asked);
        assert!(world.corp.everything().is_empty());
    }
    // That it failed is the answer for some seconds, and then the button works again.
    world.acme.behave();
    let before = world.acme.count(Endpoint::Metadata);
    for seconds in [0, 4] {
        world.app.advance(seconds);
        let answer = world.browser().press("acme", &[]).await;
        answer.assert_leads_to("/login?error=provider");
    }
    assert_eq!(world.acme.count(Endpoint::Metadata), before);
    world.app.advance(1);
    world.signed_in("acme", &person("ada")).await;
}
