//! The page on which a user allows what a client asks for, and what comes of it.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use auth::{Scope, clients::Refusal};
use http::Method;
use secrecy::ExposeSecret;

use super::registered::{
    Asking, CHALLENGE, ISSUER, REDIRECT, add, device, escaped, exchange, native, poll, registry, tv, web,
};
use crate::{
    oauth::support::{World, person},
    support::{Answer, Browser, Log, OTHER_PASSWORD, PASSWORD, TestApp, contains},
};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";
const STATE: &str = "a+b%2F%2B%25%26%3D";

/// No page of ours, and nobody is sent anywhere.
#[track_caller]
fn goes_nowhere(answer: &Answer) {
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.header("location"), None);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    for way in ["http-equiv", "client.example", "<form", "elsewhere"] {
        assert!(!answer.shows(way), "{way}: {}", answer.text());
    }
}

async fn codes(app: &TestApp) -> i64 {
    app.count("authorization_codes").await
}

/// The mark of the forms of a page.
fn mark(page: &Answer) -> String {
    let text = page.text();
    let rest = text.split_once("name=\"_for\" value=\"").unwrap().1;
    rest.split('"').next().unwrap().to_owned()
}

/// The hidden fields of the form with the decision.
fn fields(page: &Answer) -> Vec<(String, String)> {
    let text = page.text();
    let form = text.split_once("action=\"/oauth/authorize\"").unwrap().1;
    let form = form.split("</form>").next().unwrap();
    let attribute = |tag: &str, name: &str| {
        let rest = tag.split_once(&format!(" {name}=\""))?.1;
        let value = rest.split('"').next().unwrap();
        Some(
            value
                .replace("&quot;", "\"")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&amp;", "&"),
        )
    };
    form.split("<input")
        .skip(1)
        .map(|tag| {
            assert_eq!(attribute(tag, "type").as_deref(), Some("hidden"));
            (attribute(tag, "name").unwrap(), attribute(tag, "value").unwrap())
        })
        .collect()
}

#[tokio::test]
async fn a_request_that_cannot_be_answered_safely_sends_nobody_anywhere() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, web()).await;
    let gone = add(&app, web()).await;
    registry(&app).await.revoke(&gone).await.unwrap();
    let good = Asking::of(&client, REDIRECT);
    let bad = [
        good.clone().without("client_id"),
        good.clone().with("client_id", ""),
        good.clone().with("client_id", "elsewhere"),
        good.clone().with("client_id", "dev-app"),
        good.clone().with("client_id", &gone),
        good.clone().without("redirect_uri"),
        good.clone().with("redirect_uri", ""),
        good.clone().with("redirect_uri", "https://elsewhere.example/cb"),
        good.clone().with("redirect_uri", "https://client.example/cb"),
        good.clone()
            .with("redirect_uri", "https://client.example/cb?x=1&y"),
        good.clone()
            .with("redirect_uri", "https://client.example:443/cb?x=1"),
        good.clone().with("redirect_uri", "HTTPS://client.example/cb?x=1"),
        good.clone().and("state", "again"),
        good.clone().and("client_id", &client),
        good.clone().and("unknown", "1").and("unknown", "1"),
        good.clone().and("decision", "allow").and("decision", "deny"),
        // It counts before everything that a client would be told.
        good.clone()
            .with("client_id", "elsewhere")
            .with("response_type", "token")
            .with("scope", "admin"),
        good.clone()
            .with("redirect_uri", "https://elsewhere.example")
            .with("state", "\n"),
        good.clone().with("response_type", "token").and("state", "again"),
    ];
    for asking in &bad {
        for browser in [&ada, &app.browser()] {
            let answer = browser.get(&asking.address()).await;
            goes_nowhere(&answer);
            assert!(answer.cookies().is_empty());
            let head = browser.request(Method::HEAD, &asking.address()).send().await;
            assert_eq!(head.status, 400);
        }
        goes_nowhere(&asking.decide(&ada, "allow").await);
    }
    for raw in ["&state=%FF", "&%FF=1", "&state=%ED%A0%80"] {
        let address = good.clone().without("state").address();
        goes_nowhere(&ada.get(&format!("{address}{raw}")).await);
    }
    goes_nowhere(&ada.get("/oauth/authorize").await);
    assert_eq!(codes(&app).await, 0);
}

#[tokio::test]
async fn an_address_has_at_most_2048_bytes() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, web()).await;
    let address = |length: usize| {
        let asking = Asking::of(&client, REDIRECT).and("unknown", "");
        let address = asking.address();
        format!("{address}{}", "x".repeat(length - address.len()))
    };
    for browser in [&ada, &app.browser()] {
        goes_nowhere(&browser.get(&address(2049)).await);
    }
    ada.get(&address(2048)).await.expect(200);
    let login = app.browser().get(&address(2048)).await.expect(303);
    assert!(login.location().starts_with("/login?return_to=%2Foauth"));
    // No form asks for what no page could ask for: a sign-in could not lead back to it.
    let repeating = |times: usize| Asking::of(&client, REDIRECT).with("scope", &"profile ".repeat(times));
    goes_nowhere(&repeating(300).decide(&ada, "allow").await);
    goes_nowhere(&repeating(300).decide(&app.browser(), "allow").await);
    repeating(200).decide(&ada, "allow").await.code();
}

#[tokio::test]
async fn other_faults_are_the_clients_to_know_before_any_sign_in() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, web()).await;
    let device_only = add(
        &app,
        auth::clients::NewClient {
            redirect_uris: vec![REDIRECT.to_owned()],
            ..tv()
        },
    )
    .await;
    let good = Asking::of(&client, REDIRECT);
    let told = [
        ("invalid_request", good.clone().without("response_type")),
        ("invalid_request", good.clone().with("response_type", "")),
        (
            "unsupported_response_type",
            good.clone().with("response_type", "token"),
        ),
        (
            "unsupported_response_type",
            good.clone().with("response_type", "code id_token"),
        ),
        ("unauthorized_client", Asking::of(&device_only, REDIRECT)),
        ("invalid_request", good.clone().without("code_challenge")),
        ("invalid_request", good.clone().with("code_challenge", "")),
        (
            "invalid_request",
            good.clone().with("code_challenge", &CHALLENGE[1..]),
        ),
        (
            "invalid_request",
            good.clone()
                .with("code_challenge", &format!("{}=", &CHALLENGE[1..])),
        ),
        ("invalid_request", good.clone().without("code_challenge_method")),
        (
            "invalid_request",
            good.clone().with("code_challenge_method", "plain"),
        ),
        ("invalid_scope", good.clone().with("scope", "admin")),
        ("invalid_scope", good.clone().with("scope", "profile app")),
        (
            "invalid_target",
            good.clone().with("resource", "https://api.example/"),
        ),
    ];
    for (error, asking) in &told {
        let expected = format!("{REDIRECT}&error={error}&iss={ISSUER}&state={STATE}");
        for browser in [&ada, &app.browser()] {
            let answer = browser.get(&asking.address()).await;
            answer.leads_to(&expected);
        }
        // From a form, a redirect would be subject to the page's policy.
        let answer = asking.decide(&ada, "allow").await;
        assert_eq!(answer.handed_over(), expected);
    }
    // Without a state, none comes back. A state that cannot be one does not come back either.
    let stateless = format!("{REDIRECT}&error=invalid_scope&iss={ISSUER}");
    let asking = good.clone().with("scope", "admin");
    ada.get(&asking.clone().without("state").address())
        .await
        .leads_to(&stateless);
    for state in [&"x".repeat(513), "a\tb", "\u{7f}", "a\0", "\u{85}"] {
        let expected = format!("{REDIRECT}&error=invalid_request&iss={ISSUER}");
        ada.get(&asking.clone().with("state", state).address())
            .await
            .leads_to(&expected);
    }
    let longest = "\u{e9}".repeat(256);
    let answer = ada
        .get(&asking.with("state", &longest).address())
        .await
        .expect(303);
    assert!(
        answer
            .location()
            .ends_with(&format!("&state={}", "%C3%A9".repeat(256)))
    );
    assert_eq!(codes(&app).await, 0);
}

#[tokio::test]
async fn a_sign_in_comes_first_and_leads_back_byte_for_byte() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let client = add(&app, web()).await;
    for address in [
        Asking::of(&client, REDIRECT).address(),
        // As another client may spell it.
        format!(
            "/oauth/authorize?state=%2f%2F:@'(),;&client_id={client}&redirect_uri={}&response_type=code\
             &code_challenge={CHALLENGE}&code_challenge_method=S256&scope=data%20profile&x=",
            REDIRECT.replace('?', "%3f")
        ),
    ] {
        let stranger = app.browser();
        let answer = stranger.get(&address).await.expect(303);
        let login = answer.location().to_owned();
        let page = stranger.get(&login).await.expect(200);
        let shown = format!("name=\"return_to\" value=\"{}\"", escaped(&address));
        assert!(page.shows(&shown), "{shown}\n{}", page.text());
        let fields = [("email", ADA), ("password", PASSWORD), ("return_to", &address)];
        stranger.submit(&login, "login", &fields).await.leads_to(&address);
        stranger.get(&address).await.expect(200);
    }

    let world = World::new().await;
    let client = add(&world.app, web()).await;
    let address = Asking::of(&client, REDIRECT).address();
    let browser = world.browser();
    browser.get(&address).await.expect(303);
    let hop = browser.begin_with("acme", &[("return_to", &address)]).await;
    let answer = browser.finish(&hop, &world.acme, &person("ada")).await;
    answer.assert_leads_to(&address);
    assert!(browser.get(&address).await.expect(200).shows(ADA));
}

#[tokio::test]
async fn the_page_names_the_client_its_host_its_scopes_and_the_user() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, web()).await;
    let own = add(&app, native()).await;
    let asking = Asking::of(&client, REDIRECT).with("state", "\"><script>alert(1)</script>");
    let page = ada.get(&asking.address()).await.expect(200);
    for shown in [
        "Weather &amp; &lt;More&gt;",
        "It is not one of our applications.",
        "<strong>client.example<",
        Scope::Profile.words(),
        Scope::Data.words(),
        "<strong>ada@example.com<",
        "value=\"allow\"",
        "value=\"deny\"",
        "Use another account",
    ] {
        assert!(page.shows(shown), "{shown}: {}", page.text());
    }
    assert!(!page.shows(Scope::App.words()) && !page.shows("><script>alert"));
    assert_eq!(page.header("cache-control"), Some("no-store, no-transform"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self';"), "{policy}");
    // The form repeats the request: what it sends asks for the same.
    let mut repeated = fields(&page);
    repeated.retain(|(name, _)| name != "_for");
    let mut sent: Vec<_> = asking
        .0
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    repeated.sort();
    sent.sort();
    assert_eq!(repeated, sent);

    // Clients of the operator get a page, too, and scopes are all of the client's unless it asks for some.
    for (redirect, destination) in [
        ("http://127.0.0.1:53682/cb", "127.0.0.1:53682"),
        ("http://[::1]:8000/cb", "[::1]:8000"),
        ("com.example.cli:/cb", "com.example.cli"),
    ] {
        let page = ada.get(&Asking::of(&own, redirect).address()).await.expect(200);
        assert!(page.shows("It is one of our own applications."));
        assert!(page.shows(&format!("<strong>{destination}<")), "{}", page.text());
        assert!(page.shows(Scope::App.words()) && page.shows(Scope::Profile.words()));
    }
    let part = Asking::of(&own, "http://127.0.0.1/cb").with("scope", "profile");
    let page = ada.get(&part.address()).await.expect(200);
    assert!(page.shows(Scope::Profile.words()) && !page.shows(Scope::App.words()));
    // An `Authorization` header is for other paths.
    let with_header = ada
        .request(Method::GET, &part.address())
        .header("authorization", "Bearer x")
        .header("accept", "text/html");
    assert!(with_header.send().await.expect(200).shows(ADA));
    assert_eq!(codes(&app).await, 0, "looking changes nothing");
}

#[tokio::test]
async fn another_account_is_a_sign_out_that_leads_back() {
    let app = TestApp::new().await;
    app.registered(EVE).await;
    let ada = app.registered(ADA).await;
    let client = add(&app, web()).await;
    let address = Asking::of(&client, REDIRECT).address();
    let page = ada.get(&address).await.expect(200);
    assert!(page.shows(&format!("name=\"return_to\" value=\"{}\"", escaped(&address))));
    let sent = [("_for", &*mark(&page)), ("return_to", &address)];
    ada.submit(&address, "logout", &sent).await.leads_to(&address);
    assert!(!ada.is_signed_in().await);
    let login = ada.get(&address).await.expect(303).location().to_owned();
    let fields = [("email", EVE), ("password", PASSWORD), ("return_to", &address)];
    ada.submit(&login, "login", &fields).await.leads_to(&address);
    assert!(ada.get(&address).await.expect(200).shows(EVE));
    // It leads to pages of ours only.
    let sent = [("return_to", "https://elsewhere.example")];
    ada.submit("/profile", "logout", &sent).await.leads_to("/");
}

#[tokio::test]
async fn a_user_allows_and_the_client_gets_a_code_for_itself() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, web()).await;
    let asking = Asking::of(&client, REDIRECT);
    let page = ada.get(&asking.address()).await.expect(200);
    let sent = fields(&page);
    let sent: Vec<(&str, &str)> = sent
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .chain([("decision", "allow")])
        .collect();
    let answer = ada.post("/oauth/authorize", &sent).send().await;
    let code = answer.code();
    assert_eq!(
        answer.handed_over(),
        format!("{REDIRECT}&code={code}&iss={ISSUER}&state={STATE}")
    );
    assert!(answer.shows("Go back to Weather &amp; &lt;More&gt;"));
    assert!(!answer.shows("<form"));
    let issued = exchange(&app, &client, REDIRECT, &code).await.unwrap();
    assert_eq!(issued.scope.to_string(), "profile data");
    assert_eq!(
        app.text("SELECT scope FROM sessions WHERE kind = 'api'").await,
        "profile data"
    );
    // Bytes of the loopback address count, but not its port; and its answer leads to that port.
    let own = add(&app, native()).await;
    for redirect in [
        "http://127.0.0.1:53682/cb",
        "http://[::1]:8000/cb",
        "com.example.cli:/cb",
    ] {
        let asking = Asking::of(&own, redirect)
            .without("state")
            .with("scope", "profile");
        let answer = asking.decide(&ada, "allow").await;
        let code = answer.code();
        assert_eq!(
            answer.handed_over(),
            format!("{redirect}?code={code}&iss={ISSUER}")
        );
        let other = exchange(&app, &own, "http://127.0.0.1:1/cb", &code).await;
        assert_eq!(other.err(), Some(Refusal::InvalidGrant), "{redirect}");
    }
}

#[tokio::test]
async fn any_other_decision_gives_the_client_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, web()).await;
    let asking = Asking::of(&client, REDIRECT);
    let answered = |error: &str| format!("{REDIRECT}&error={error}&iss={ISSUER}&state={STATE}");
    assert_eq!(
        asking.decide(&ada, "deny").await.handed_over(),
        answered("access_denied")
    );
    for decision in ["", "Allow", "allow ", "yes"] {
        let answer = asking.decide(&ada, decision).await;
        assert_eq!(answer.handed_over(), answered("invalid_request"), "{decision:?}");
    }
    assert_eq!(asking.post(&ada).await.handed_over(), answered("invalid_request"));
    assert_eq!(codes(&app).await, 0);
}

#[tokio::test]
async fn a_decision_is_a_form_of_a_browser_on_our_own_page() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, web()).await;
    let asking = Asking::of(&client, REDIRECT).and("decision", "allow");
    let form = serde_urlencoded::to_string(&asking.0).unwrap();
    let post = || {
        ada.request(Method::POST, "/oauth/authorize")
            .header("accept", "text/html")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.clone())
    };
    for site in ["cross-site", "same-site"] {
        post().header("sec-fetch-site", site).send().await.expect(403);
    }
    post()
        .header("origin", "https://elsewhere.example")
        .send()
        .await
        .expect(403);
    post()
        .header("content-type", "application/json")
        .send()
        .await
        .expect(415);
    post()
        .header("content-type", "text/plain")
        .send()
        .await
        .expect(415);
    for header in ["Bearer x", "Basic eDp5", "", "junk"] {
        post()
            .header("authorization", header)
            .header("accept", "application/json")
            .send()
            .await
            .refused(403, "not_by_token");
    }
    let long = format!("{form}&unknown={}", "x".repeat(8 * 1024));
    post().body(long.clone()).send().await.expect(413);
    post().chunked(long).send().await.expect(413);
    let many = format!("{form}{}", "&a=1".repeat(64));
    post().body(many).send().await.expect(413);
    assert_eq!(codes(&app).await, 0);
    for method in ["PUT", "DELETE", "PATCH"] {
        let call = ada.request(method.parse().unwrap(), "/oauth/authorize");
        call.header("sec-fetch-site", "same-origin")
            .send()
            .await
            .expect(405);
    }
    post().send().await.handed_over();
    assert_eq!(codes(&app).await, 1);
}

#[tokio::test]
async fn without_a_session_a_decision_leads_to_the_sign_in_and_back_to_the_page() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, web()).await;
    let asking = Asking::of(&client, REDIRECT);
    let led_back = |answer: Answer| {
        let location = answer.expect(303).location().to_owned();
        let query = location
            .strip_prefix("/login?")
            .unwrap_or_else(|| panic!("{location}"));
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
        assert_eq!(pairs.len(), 1);
        let page = pairs[0].1.clone();
        let query = page.strip_prefix("/oauth/authorize?").unwrap();
        let mut asked: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
        let mut sent: Vec<_> = asking
            .0
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        asked.sort();
        sent.sort();
        assert_eq!(asked, sent, "the same request, without the decision");
        page
    };
    for decision in ["allow", "deny", "other"] {
        let page = led_back(asking.decide(&app.browser(), decision).await);
        ada.get(&page).await.expect(200);
    }
    // Only the authority knows that a session has ended elsewhere.
    let other = app.restarted(&[]).await;
    let stale = ada.copy().before(&other);
    ada.call("logout", &[]).await.expect(200);
    app.sql("DELETE FROM stale_sessions").await;
    for decision in ["allow", "deny", "other"] {
        led_back(asking.decide(&stale.copy(), decision).await);
    }
    assert_eq!(codes(&app).await, 0);
}

#[tokio::test]
async fn a_page_that_was_made_for_another_user_decides_nothing() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    let client = add(&app, web()).await;
    let asking = Asking::of(&client, REDIRECT);
    let adas = mark(&ada.get(&asking.address()).await);
    for mark in [adas.as_str(), "forged", ""] {
        for decision in ["allow", "deny"] {
            let answer = asking
                .clone()
                .and("_for", mark)
                .decide(&eve, decision)
                .await
                .expect(409);
            assert!(answer.shows("belongs to a different account"));
            assert!(!answer.shows("client.example"));
        }
    }
    assert_eq!(codes(&app).await, 0);
    asking
        .and("_for", &adas)
        .decide(&ada, "allow")
        .await
        .handed_over();
}

#[tokio::test]
async fn what_is_worth_as_much_as_a_key_needs_a_recent_session() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, native()).await;
    let redirect = "http://127.0.0.1:9/cb";
    let all = Asking::of(&client, redirect);
    let part = all.clone().with("scope", "profile");
    all.decide(&ada, "allow").await.code();
    app.advance(600);
    // Not recent any more: but a smaller scope, and a refusal, need nothing.
    part.decide(&ada, "allow").await.code();
    assert!(
        all.decide(&ada, "deny")
            .await
            .handed_over()
            .contains("access_denied")
    );
    let before = codes(&app).await;
    let answer = all.decide(&ada, "allow").await.expect(303);
    assert_eq!(codes(&app).await, before);
    let confirm = answer.location().to_owned();
    let query = confirm.strip_prefix("/settings/security?").unwrap();
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    let (name, page) = &pairs[0];
    assert_eq!(name, "return_to");
    ada.get(&confirm).await.expect(200);
    let fields = [("password", PASSWORD), ("return_to", page)];
    ada.submit(&confirm, "confirm_identity", &fields)
        .await
        .leads_to(page);
    ada.get(page).await.expect(200);
    let code = all.decide(&ada, "allow").await.code();
    let issued = exchange(&app, &client, redirect, &code).await.unwrap();
    assert_eq!(issued.scope.to_string(), "profile app");
}

/// What ends the sessions of a user.
type End = (&'static str, &'static [(&'static str, &'static str)]);

#[tokio::test]
async fn what_ends_the_sessions_takes_back_codes_and_approvals() {
    let ends: [End; 2] = [
        ("revoke_other_sessions", &[]),
        (
            "change_password",
            &[("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)],
        ),
    ];
    for (function, fields) in ends {
        let app = TestApp::new().await;
        let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
        let (client, tv) = (add(&app, web()).await, add(&app, tv()).await);
        let asking = Asking::of(&client, REDIRECT);
        let approve = async |browser: &Browser| {
            let waiting = device(&app, &tv, "profile").await;
            let fields = [("user_code", waiting.user_code.as_str()), ("decision", "allow")];
            browser.call("decide_device", &fields).await.expect(200);
            waiting
        };
        let (hers, other) = (asking.decide(&ada, "allow").await.code(), approve(&ada).await);
        let (eves, kept) = (asking.decide(&eve, "allow").await.code(), approve(&eve).await);
        ada.call(function, fields).await.expect(200);
        let outcome = exchange(&app, &client, REDIRECT, &hers).await;
        assert_eq!(outcome.err(), Some(Refusal::InvalidGrant), "{function}");
        assert!(poll(&app, &tv, &other).await.is_err(), "{function}");
        exchange(&app, &client, REDIRECT, &eves).await.unwrap();
        poll(&app, &tv, &kept).await.unwrap();
        // What is allowed afterwards counts.
        let code = asking.decide(&ada, "allow").await.code();
        exchange(&app, &client, REDIRECT, &code).await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_is_revoked_meanwhile_gets_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, web()).await;
    let asking = Asking::of(&client, REDIRECT);
    ada.get(&asking.address()).await.expect(200);
    registry(&app).await.revoke(&client).await.unwrap();
    goes_nowhere(&asking.decide(&ada, "allow").await);
    goes_nowhere(&ada.get(&asking.address()).await);
    assert_eq!(codes(&app).await, 0);
}

#[tokio::test]
async fn looks_and_decisions_are_limited_by_user() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    let client = add(&app, web()).await;
    let asking = Asking::of(&client, REDIRECT);
    for decision in ["allow", "deny", ""].repeat(10) {
        ada.get(&asking.address()).await.expect(200);
        asking.decide(&ada, decision).await.handed_over();
    }
    ada.get(&asking.address()).await.expect(429);
    for decision in ["allow", "deny", ""] {
        asking.decide(&ada, decision).await.expect(429);
    }
    assert_eq!(codes(&app).await, 10);
    eve.get(&asking.address()).await.expect(200);
    asking.decide(&eve, "allow").await.code();
    // Faults are told all the same.
    ada.get(&asking.clone().with("scope", "admin").address())
        .await
        .expect(303);
    app.advance(60);
    ada.get(&asking.address()).await.expect(200);
    asking.decide(&ada, "allow").await.code();
}

#[tokio::test]
async fn without_a_database_nothing_is_decided_or_shown() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, web()).await;
    let asking = Asking::of(&client, REDIRECT);
    app.lose_database().await;
    for browser in [&ada, &app.browser()] {
        browser.get(&asking.address()).await.expect(503);
        asking.decide(browser, "allow").await.expect(503);
    }
    goes_nowhere(&ada.get("/oauth/authorize?client_id=%20").await);
}

#[tokio::test]
async fn a_decision_is_carried_out_without_its_browser() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, web()).await;
    let asking = Asking::of(&client, REDIRECT);
    {
        let mut request = pin!(asking.decide(&ada, "allow"));
        poll_fn(|context| {
            assert!(request.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }
    assert!(app.auth.detached.drain(Duration::from_secs(30)).await);
    assert_eq!(codes(&app).await, 1);
}

#[tokio::test]
async fn a_code_is_in_one_answer_and_nowhere_else() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, native()).await;
    let (log, _guard) = Log::capture();
    let asking = Asking::of(&client, "http://127.0.0.1/cb");
    let code = asking.decide(&ada, "allow").await.code();
    let issued = exchange(&app, &client, "http://127.0.0.1/cb", &code)
        .await
        .unwrap();
    for secret in [
        code.as_str(),
        issued.access_token.expose_secret(),
        issued.refresh_token.as_ref().unwrap().expose_secret(),
    ] {
        assert!(!log.text().contains(secret), "{}", log.text());
        assert!(!contains(&app.disk(), secret));
    }
}
