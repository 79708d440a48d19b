//! Apple.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::Method;
use p256::{
    ecdsa::{Signature, SigningKey, VerifyingKey, signature::Verifier},
    pkcs8::DecodePrivateKey,
};
use serde_json::{Value, json};

use super::Preset;
use crate::oauth::{idp::Endpoint, support::person_with};
use crate::support::Answer;

const APPLE_KEY: &str = include_str!("../../../../../auth/src/oauth/testdata/p256.pem");

async fn apple() -> Preset {
    let key = APPLE_KEY.trim().replace('\n', "\\n");
    let more = [
        ("APPLE_CLIENT_SECRET", ""),
        ("APPLE_TEAM_ID", "TEAM"),
        ("APPLE_KEY_ID", "KEY"),
        ("APPLE_PRIVATE_KEY", key.as_str()),
    ];
    Preset::oidc("apple", "", &more).await
}

/// Somebody at Apple: booleans are texts, and there is no name.
fn apple_person() -> Value {
    person_with(
        "ada",
        json!({ "name": null, "email_verified": "true", "is_private_email": "true", "nonce_supported": true }),
    )
}

/// Apple's form: from its own site, and so without our cookies.
async fn posted(apple: &Preset, fields: &[(&str, &str)]) -> Answer {
    let stranger = apple.browser();
    let call = stranger
        .post("/auth/callback/apple", fields)
        .header("origin", "https://appleid.apple.com")
        .header("sec-fetch-site", "cross-site");
    let answer = call.send().await;
    assert!(answer.cookies().is_empty(), "{:?}", answer.cookies());
    answer
}

#[tokio::test]
async fn apple_posts_its_answer_and_the_browser_brings_it_with_its_cookies() {
    let apple = apple().await;
    let browser = apple.browser();
    let hop = browser.begin("apple").await;
    assert_eq!(hop.param("response_mode").as_deref(), Some("form_post"));
    assert_eq!(hop.param("scope").as_deref(), Some("name email"));
    assert!(
        hop.url.query().unwrap().contains("scope=name%20email"),
        "{}",
        hop.url
    );
    assert!(hop.param("nonce").is_some() && hop.param("code_challenge").is_some());

    let code = apple.idp.approve(&hop.url, &apple_person());
    let user = r#"{"name":{"firstName":"Ada","lastName":"Lovelace & <b>"},"email":"victim@example.com"}"#;
    let answer = posted(
        &apple,
        &[("state", &hop.state()), ("code", &code), ("user", user)],
    )
    .await;
    // It has only been sent on.
    assert_eq!(apple.idp.count(Endpoint::Token), 0);
    apple
        .app
        .assert_counts(&[("users", 0), ("sign_in_flows", 1)])
        .await;
    assert_eq!(answer.status, 303);
    let address = answer.location().to_owned();
    let mut sent_on: Vec<(String, String)> =
        serde_urlencoded::from_str(address.strip_prefix("/auth/callback/apple?").unwrap()).unwrap();
    sent_on.sort();
    let expected = [("code", code.as_str()), ("state", &hop.state()), ("user", user)];
    assert_eq!(
        sent_on,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );

    browser.get(&address).await.assert_leads_to("/profile");
    let user = browser.user().await;
    assert_eq!(
        (&user["email"], &user["email_verified"]),
        (&json!("ada@example.com"), &json!(true))
    );
    assert_eq!(user["name"], "Ada Lovelace & <b>");
    // There is no userinfo at Apple.
    assert_eq!(apple.idp.count(Endpoint::Userinfo), 0);
    // The next time no name comes, and the old one stays.
    assert_eq!(apple.user(&apple_person()).await["name"], "Ada Lovelace & <b>");
}

#[tokio::test]
async fn apples_client_secret_is_signed_for_the_occasion() {
    let apple = apple().await;
    apple.user(&apple_person()).await;
    let asked = apple.last(Endpoint::Token);
    assert_eq!(asked.form["client_id"], "apple-client");
    assert_eq!(asked.header("authorization"), "");
    let parts: Vec<&str> = asked.form["client_secret"].split('.').collect();
    let read = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let json = |part: &str| serde_json::from_slice::<Value>(&read(part)).unwrap();
    let now = apple.idp.now();
    assert_eq!(json(parts[0]), json!({ "alg": "ES256", "kid": "KEY" }));
    let claims = json(parts[1]);
    assert_eq!(
        (&claims["iss"], &claims["sub"]),
        (&json!("TEAM"), &json!("apple-client"))
    );
    assert_eq!(claims["aud"], "https://appleid.apple.com");
    assert_eq!(claims["iat"], now);
    // Apple's cap is six months; there is no need for more than minutes.
    assert!((now + 1..=now + 600).contains(&claims["exp"].as_i64().unwrap()));
    let signature = Signature::from_slice(&read(parts[2])).unwrap();
    let key = VerifyingKey::from(&SigningKey::from_pkcs8_pem(APPLE_KEY).unwrap());
    assert!(
        key.verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &signature)
            .is_ok()
    );
}

#[tokio::test]
async fn apples_word_on_an_address_may_be_a_text() {
    for (claim, verified) in [
        (json!("true"), true),
        (json!(true), true),
        (json!("false"), false),
        (json!("True"), false),
        (json!(1), false),
        (Value::Null, false),
    ] {
        let apple = apple().await;
        let mut person = apple_person();
        person["email_verified"] = claim.clone();
        assert_eq!(apple.user(&person).await["email_verified"], verified, "{claim}");
    }
}

/// What comes by form from anywhere is judged by the GET it becomes.
#[tokio::test]
async fn a_posted_answer_that_is_wrong_fails_as_a_get_and_uses_up_its_flow() {
    let apple = apple().await;
    let long = "n".repeat(20_000);
    for (fields, code) in [
        (
            vec![("error", "user_cancelled_authorize"), ("state", "{state}")],
            "denied",
        ),
        (
            vec![("error", "<script>canary"), ("state", "{state}")],
            "provider",
        ),
        (
            vec![("code", "a"), ("code", "b"), ("state", "{state}")],
            "provider",
        ),
        (
            vec![("code", "a"), ("state", "{state}"), ("state", "x")],
            "provider",
        ),
        (
            vec![("code", "a"), ("error", "b"), ("state", "{state}")],
            "provider",
        ),
        (vec![("code", &long), ("state", "{state}")], "provider"),
        (vec![("state", "{state}")], "provider"),
        (
            vec![
                ("code", "a"),
                ("state", "{state}"),
                ("iss", "https://evil.example"),
            ],
            "provider",
        ),
    ] {
        let browser = apple.browser();
        let hop = browser.begin("apple").await;
        let state = hop.state();
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.replace("{state}", &state)))
            .collect();
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = posted(&apple, &fields).await;
        assert_eq!(answer.status, 303, "{fields:.100?}");
        assert!(
            answer.location().starts_with("/auth/callback/apple?"),
            "{}",
            answer.location()
        );
        assert!(answer.location().len() <= 8 * 1024 + 64);
        browser.get(answer.location()).await.assert_failed(code);
        assert_eq!(apple.idp.count(Endpoint::Token), 0, "{fields:.100?}");
        apple.app.assert_untouched().await;
    }
    // A name too long for an address is left behind; the rest goes on.
    let browser = apple.browser();
    let hop = browser.begin("apple").await;
    let code = apple.idp.approve(&hop.url, &apple_person());
    let user = json!({ "name": { "firstName": "\"".repeat(4000) } }).to_string();
    let answer = posted(
        &apple,
        &[("code", &code), ("state", &hop.state()), ("user", &user)],
    )
    .await;
    assert!(answer.location().len() <= 8 * 1024 + 64);
    browser.get(answer.location()).await.assert_leads_to("/profile");
    assert_eq!(browser.user().await["name"], Value::Null);
}

#[tokio::test]
async fn an_apple_answer_posted_into_another_browser_is_waste() {
    let apple = apple().await;
    let attacker = apple.browser();
    let hop = attacker.begin("apple").await;
    let code = apple.idp.approve(&hop.url, &apple_person());
    let answer = posted(&apple, &[("code", &code), ("state", &hop.state())]).await;
    let victim = apple.browser();
    victim.begin("apple").await;
    victim.get(answer.location()).await.assert_failed("expired");
    assert_eq!(victim.session().await, Value::Null);
    assert_eq!(apple.idp.count(Endpoint::Token), 0);
}

#[tokio::test]
async fn a_body_that_is_no_form_is_sent_nowhere_in_particular() {
    let apple = apple().await;
    let browser = apple.browser();
    for body in [
        Vec::new(),
        vec![0xff; 100],
        b"//evil.example".to_vec(),
        b"\r\nset-cookie: a=b".to_vec(),
        vec![b'a'; 3 << 20],
    ] {
        let call = browser
            .request(Method::POST, "/auth/callback/apple")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let answer = call.send().await;
        match answer.status {
            303 => assert!(answer.location().starts_with("/auth/callback/apple?")),
            status => assert!((400..500).contains(&status), "{status}"),
        }
        assert!(answer.cookies().is_empty());
    }
}
