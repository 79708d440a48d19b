//! GitHub.

use auth::oauth::Checked;
use http::StatusCode;
use serde_json::{Value, json};

use super::Preset;
use crate::oauth::idp::{Endpoint, Idp, Reply};
use crate::support::clock;

/// Somebody at GitHub, as `/user` tells it: the public address is not shown.
pub fn octocat(changes: Value) -> Value {
    let mut user = json!({
        "id": 583_231, "login": "octocat", "name": null, "email": null,
        "avatar_url": "http://127.0.0.1:9/u/583231", "type": "User",
    });
    crate::oauth::keys::patch(&mut user, &changes);
    user
}

pub async fn github(emails: Value) -> Preset {
    let github = Preset::plain("github", &[]).await;
    github.idp.script(|script| {
        script.emails = emails;
        script.answer = json!({ "id_token": null, "scope": "read:user,user:email", "token_type": "bearer", "expires_in": null });
    });
    github
}

pub fn address(email: &str, primary: bool, verified: bool) -> Value {
    json!({ "email": email, "primary": primary, "verified": verified, "visibility": null })
}

#[tokio::test]
async fn github_is_asked_for_the_list_of_addresses() {
    let github = github(json!([
        address("first@example.com", false, true),
        address("octocat@example.com", true, true),
        address("last@example.com", false, false),
    ]))
    .await;
    // It publishes nothing to compare.
    let checked = github.app.auth.oauth.check("github").await;
    assert_eq!(checked, Ok(Checked::NotAsked));
    let browser = github.browser();
    let hop = browser.begin("github").await;
    assert!(hop.url.as_str().starts_with(&github.idp.at("/authorize?")));
    assert_eq!(hop.param("scope").as_deref(), Some("read:user user:email"));
    assert_eq!(hop.param("code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(hop.param("nonce"), None);
    browser
        .finish(&hop, &github.idp, &octocat(json!({})))
        .await
        .assert_leads_to("/profile");

    let user = browser.user().await;
    assert_eq!(
        (&user["email"], &user["email_verified"]),
        (&json!("octocat@example.com"), &json!(true))
    );
    assert_eq!(
        (&user["name"], &user["avatar_url"]),
        (&json!("octocat"), &json!("http://127.0.0.1:9/u/583231"))
    );
    assert_eq!(github.subject().await, "583231");
    assert_eq!(
        github.app.text("SELECT scopes FROM accounts").await,
        "read:user user:email"
    );
    let token = github.last(Endpoint::Token);
    assert_eq!(
        (
            token.form["client_id"].as_str(),
            token.form["client_secret"].as_str()
        ),
        ("github-client", "github-secret")
    );
    assert_eq!(token.header("authorization"), "");
    assert_eq!(token.header("accept"), "application/json");
    for endpoint in [Endpoint::Userinfo, Endpoint::Emails] {
        let asked = github.last(endpoint);
        assert!(asked.header("authorization").starts_with("Bearer access-"));
        assert!(!asked.header("user-agent").is_empty());
    }
    assert_eq!(github.last(Endpoint::Emails).path, "/user/emails");
    // There is no metadata, and no key set.
    assert_eq!(
        (
            github.idp.count(Endpoint::Metadata),
            github.idp.count(Endpoint::Keys)
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn of_githubs_addresses_only_the_primary_and_verified_one_counts() {
    for (emails, public, expected) in [
        (
            json!([address("a@example.com", true, true)]),
            json!("public@example.com"),
            json!("a@example.com"),
        ),
        (
            json!([
                address("a@example.com", true, false),
                address("b@example.com", false, true)
            ]),
            Value::Null,
            Value::Null,
        ),
        (
            json!([address("b@example.com", false, true)]),
            json!("b@example.com"),
            Value::Null,
        ),
        (json!([]), json!("public@example.com"), Value::Null),
        (json!([{ "email": "a@example.com" }]), Value::Null, Value::Null),
    ] {
        let github = github(emails.clone()).await;
        let user = github.user(&octocat(json!({ "email": public }))).await;
        assert_eq!(user["email"], expected, "{emails}");
    }
    // Nobody becomes somebody else by a public address, or by a login that changed hands.
    let github = github(json!([])).await;
    let first = github.user(&octocat(json!({}))).await["id"].clone();
    assert_eq!(
        github.user(&octocat(json!({ "login": "renamed" }))).await["id"],
        first
    );
    assert_ne!(github.user(&octocat(json!({ "id": 583_232 }))).await["id"], first);
}

#[tokio::test]
async fn github_may_withhold_the_list_but_not_garble_it() {
    let github = github(json!([address("a@example.com", true, true)])).await;
    for status in [403, 404] {
        github.idp.reply(
            Endpoint::Emails,
            Reply::json(status, json!({ "message": "Resource not accessible" })),
        );
        assert_eq!(github.user(&octocat(json!({}))).await["email"], Value::Null);
        github.app.wipe().await;
    }
    for reply in [
        Reply::text(500, "text/plain", "oops"),
        Reply::json(401, json!({})),
        Reply::json(200, json!({ "email": "a@example.com" })),
        Reply::json(
            200,
            json!([{ "email": "a@example.com", "primary": "true", "verified": "true" }]),
        ),
        Reply::text(200, "text/html", "[]"),
        Reply::Padded(300 * 1024),
        Reply::Break,
    ] {
        github.idp.reply(Endpoint::Emails, reply);
        let (_, answer) = github.sign_in(&octocat(json!({}))).await;
        answer.assert_failed("provider");
        github.app.assert_untouched().await;
    }
}

#[tokio::test]
async fn githubs_errors_come_with_status_200() {
    let github = github(json!([])).await;
    let canary = "<script>canary</script>";
    let refusal = json!({
        "error": "bad_verification_code", "error_description": canary, "error_uri": "https://docs.example/canary",
    });
    github.idp.reply(Endpoint::Token, Reply::json(200, refusal));
    let (browser, answer) = github.sign_in(&octocat(json!({}))).await;
    answer.assert_failed("provider");
    assert!(!browser.get(answer.location()).await.shows("canary"));
    assert_eq!(github.idp.count(Endpoint::Userinfo), 0);
    github.app.assert_untouched().await;
    // Form-encoded, as GitHub answers who does not ask for JSON.
    github.idp.reply(
        Endpoint::Token,
        Reply::text(
            200,
            "application/x-www-form-urlencoded",
            "access_token=a&token_type=bearer",
        ),
    );
    github
        .sign_in(&octocat(json!({})))
        .await
        .1
        .assert_failed("provider");
}

#[tokio::test]
async fn a_github_user_without_a_usable_id_is_refused() {
    let github = github(json!([address("a@example.com", true, true)])).await;
    for id in [
        Value::Null,
        json!(""),
        json!(1.5),
        json!([583_231]),
        json!(true),
        json!("x".repeat(256)),
    ] {
        github
            .sign_in(&octocat(json!({ "id": id, "sub": "583231" })))
            .await
            .1
            .assert_failed("provider");
        github.app.assert_untouched().await;
    }
    for reply in [
        Reply::json(401, json!({ "message": "Bad credentials" })),
        Reply::json(200, json!([octocat(json!({}))])),
        Reply::text(200, "text/html", "<h1>hello</h1>"),
        Reply::Whole(
            StatusCode::FOUND,
            vec![("location", github.idp.at("/elsewhere/user"))],
            Vec::new(),
        ),
    ] {
        github.idp.reply(Endpoint::Userinfo, reply);
        github
            .sign_in(&octocat(json!({})))
            .await
            .1
            .assert_failed("provider");
        github.app.assert_untouched().await;
    }
}

#[tokio::test]
async fn githubs_list_of_addresses_can_be_elsewhere() {
    let clock = clock();
    let elsewhere = Idp::start(&clock).await;
    let url = elsewhere.at("/api/v3/my/emails");
    let github = Preset::plain("github", &[("GITHUB_EMAILS_URL", &url)]).await;
    let list = json!([address("octocat@example.com", true, true)]);
    elsewhere.reply(Endpoint::Emails, Reply::json(200, list));
    assert_eq!(
        github.user(&octocat(json!({}))).await["email"],
        "octocat@example.com"
    );
    assert_eq!(github.idp.count(Endpoint::Emails), 0);
    assert_eq!(elsewhere.asked(Endpoint::Emails)[0].path, "/api/v3/my/emails");
}

/// So many addresses that do not count, and then the one that does.
fn many(others: usize) -> Value {
    let mut list: Vec<Value> = (0..others)
        .map(|number| address(&format!("{number}@example.com"), false, true))
        .collect();
    list.push(address("octocat@example.com", true, true));
    json!(list)
}

#[tokio::test]
async fn githubs_address_is_found_on_whichever_page_it_is() {
    for (others, email, pages) in [
        (29, json!("octocat@example.com"), 1),
        (99, json!("octocat@example.com"), 1),
        (100, json!("octocat@example.com"), 2),
        (250, json!("octocat@example.com"), 3),
        // Not on and on.
        (2000, Value::Null, 10),
    ] {
        let github = github(many(others)).await;
        assert_eq!(github.user(&octocat(json!({}))).await["email"], email, "{others}");
        assert_eq!(github.idp.count(Endpoint::Emails), pages, "{others}");
        assert_eq!(github.idp.count(Endpoint::Other), 0);
    }
}

#[tokio::test]
async fn a_confirmation_asks_for_a_sign_in() {
    Preset::plain("github", &[])
        .await
        .asks_afresh(&[("prompt", Some("select_account"))])
        .await;
}
