//! Any issuer by configuration alone, however peculiar, and errors that name both sides.

use auth::Vars;
use serde_json::json;
use server::config::ServerConfig;

use crate::oauth::{
    idp::{Endpoint, Idp},
    keys::Signer,
    support::{World, person},
};
use crate::support::{Log, clock};

#[tokio::test]
async fn an_audience_beside_us_must_have_been_named() {
    let world = World::with(&[("ACME_AUDIENCES", "project-1, account")]).await;
    for (audience, good) in [
        (json!("acme-client"), true),
        (json!(["acme-client", "project-1"]), true),
        (json!(["account", "project-1", "acme-client"]), true),
        (json!(["acme-client", "other"]), false),
        (json!(["project-1"]), false),
        (json!("project-1"), false),
        (json!(["acme-client", "acme-client", "account"]), false),
    ] {
        let (log, _guard) = Log::capture();
        let claims = json!({ "aud": audience, "azp": "acme-client" });
        world.acme.script(|script| script.claims = claims);
        let answer = world.browser().sign_in("acme", &world.acme, &person("ada")).await;
        if good {
            answer.assert_leads_to("/profile");
            world.app.wipe().await;
        } else {
            answer.assert_failed("provider");
            let log = log.text();
            assert!(log.contains("acme-client") && log.contains("_AUDIENCES"), "{log}");
        }
    }
    // What one provider may name, another may not.
    let claims = json!({ "aud": ["corp-client", "project-1"] });
    world.corp.script(|script| script.claims = claims);
    let answer = world.browser().sign_in("corp", &world.corp, &person("ada")).await;
    answer.assert_failed("provider");
}

#[tokio::test]
async fn metadata_is_read_where_configured_and_must_still_be_the_issuers() {
    let mut world = World::new().await;
    let inside = world.acme.at("/inside/.well-known/openid-configuration?p=policy");
    world.restart(&[("ACME_METADATA_URL", &inside)]).await;
    // It names the place it is at, and not the issuer.
    let answer = world.browser().press("acme", &[]).await;
    answer.assert_leads_to("/login?error=provider");

    let issuer = world.acme.origin().to_owned();
    world
        .acme
        .script(|script| script.metadata = json!({ "issuer": issuer }));
    world.app.advance(5);
    world.signed_in("acme", &person("ada")).await;
    let asked = world.acme.asked(Endpoint::Metadata);
    assert!(
        asked
            .iter()
            .all(|asked| asked.path.starts_with("/inside/") && asked.query["p"] == "policy")
    );
}

#[tokio::test]
async fn configured_parameters_go_with_the_request_and_replace_nothing() {
    let world = World::with(&[("ACME_PARAMS", "prompt=select_account&login_hint=a%2Bb%40c%20d")]).await;
    let hop = world.browser().begin("acme").await;
    assert_eq!(hop.param("prompt").as_deref(), Some("select_account"));
    assert_eq!(hop.param("login_hint").as_deref(), Some("a+b@c d"));
    assert!(hop.url.query().unwrap().contains("a%2Bb%40c%20d"), "{}", hop.url);
    assert_eq!(hop.param("response_type").as_deref(), Some("code"));
    for name in ["state", "nonce", "code_challenge", "redirect_uri"] {
        assert!(hop.param(name).is_some(), "{name}");
    }
    assert_eq!(world.browser().begin("corp").await.param("prompt"), None);
    world.signed_in("acme", &person("ada")).await;

    for ours in [
        "state=x",
        "redirect_uri=https://evil.example",
        "scope=a",
        "request_uri=x",
        "nonce=",
        "x",
    ] {
        #[cfg(feature = "postgres")] // wing:postgres
        let database_url = "postgres://localhost/x"; // wing:postgres
        #[cfg(not(feature = "postgres"))] // wing:postgres
        let database_url = "sqlite:data/x.db";
        let vars: Vars = [
            ("DATABASE_URL", database_url),
            ("AUTH_PROVIDERS", "acme"),
            ("ACME_ISSUER", "https://idp.example"),
            ("ACME_CLIENT_ID", "c"),
            ("ACME_CLIENT_SECRET", "s"),
            ("SESSION_SECRET", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
            ("ACME_PARAMS", ours),
        ]
        .into_iter()
        .collect();
        let problems = ServerConfig::from_vars(&vars, false).unwrap_err();
        let variables: Vec<_> = problems.iter().map(|problem| problem.variable.as_str()).collect();
        assert_eq!(variables, ["ACME_PARAMS"], "{ours}");
    }
}

/// The provider is reached through the proxy only: there is nothing at its own address.
#[tokio::test]
async fn all_calls_of_a_sign_in_go_through_the_proxy() {
    let clock = clock();
    let proxy = Idp::start(&clock).await;
    let issuer = "http://127.0.0.1:1";
    let at = |path: &str| format!("{issuer}{path}");
    let metadata = json!({
        "issuer": issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/userinfo"), "jwks_uri": at("/jwks"),
    });
    proxy.script(|script| {
        script.metadata = metadata;
        script.claims = json!({ "iss": issuer });
    });
    let world = World::with(&[("ACME_ISSUER", issuer), ("PROVIDER_PROXY", proxy.origin())]).await;
    world
        .browser()
        .sign_in("acme", &proxy, &person("ada"))
        .await
        .assert_leads_to("/profile");
    for endpoint in [
        Endpoint::Metadata,
        Endpoint::Keys,
        Endpoint::Token,
        Endpoint::Userinfo,
    ] {
        assert_eq!(proxy.count(endpoint), 1, "{endpoint:?}");
        assert_eq!(proxy.asked(endpoint)[0].header("host"), "127.0.0.1:1");
    }
}

/// What `server doctor` prints, and what is in the log.
#[tokio::test]
async fn errors_name_what_was_found_and_what_was_expected() {
    let world = World::new().await;
    let issuer = world.acme.origin().to_owned();
    let check = async |world: &World| {
        world.app.advance(3601);
        world.app.auth.oauth.check("acme").await.unwrap_err()
    };
    for (metadata, both) in [
        (
            json!({ "issuer": format!("{issuer}/") }),
            [format!("\"{issuer}/\""), format!("\"{issuer}\"")],
        ),
        (
            json!({ "id_token_signing_alg_values_supported": ["HS256", "ES512"] }),
            ["HS256, ES512".to_owned(), "RS256, RS384".to_owned()],
        ),
        (
            json!({ "token_endpoint": "http://idp.example/token" }),
            ["token_endpoint".to_owned(), "http://idp.example/token".to_owned()],
        ),
    ] {
        world.acme.script(|script| script.metadata = metadata);
        let error = check(&world).await;
        assert!(both.iter().all(|side| error.contains(side)), "{error}");
    }
    world.acme.behave();
    world
        .acme
        .script(|script| script.jwks = json!({ "keys": [{ "kty": "oct" }] }));
    let error = check(&world).await;
    assert!(
        error.contains(&world.acme.at("/jwks")) && error.contains("no usable key"),
        "{error}"
    );

    world.acme.behave();
    world.app.advance(5);
    for (claims, header, both) in [
        (
            json!({ "iss": "https://other.example" }),
            json!({}),
            ["https://other.example", issuer.as_str()],
        ),
        (json!({ "aud": "other" }), json!({}), ["other", "acme-client"]),
        (json!({}), json!({ "alg": "PS512" }), ["PS512", "RS256, ES256"]),
    ] {
        let (log, _guard) = Log::capture();
        world.acme.script(|script| {
            script.claims = claims;
            script.header = header;
        });
        let answer = world.browser().sign_in("acme", &world.acme, &person("ada")).await;
        answer.assert_failed("provider");
        let log = log.text();
        let line = log
            .lines()
            .find(|line| line.contains("a provider flow failed"))
            .unwrap();
        assert!(both.iter().all(|side| line.contains(side)), "{line}");
    }
    // RFC 9207: in the callback itself.
    let (log, _guard) = Log::capture();
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let callback = hop.callback(&[
        ("code", "c"),
        ("state", &hop.state()),
        ("iss", "https://mixed.example"),
    ]);
    browser.get(&callback).await.assert_failed("provider");
    let log = log.text();
    assert!(
        log.contains("https://mixed.example") && log.contains(&format!("expected \\\"{issuer}\\\"")),
        "{log}"
    );
}

#[tokio::test]
async fn a_provider_out_of_reach_is_described_with_all_causes() {
    let world = World::with(&[("ACME_ISSUER", "http://127.0.0.1:1")]).await;
    let error = world.app.auth.oauth.check("acme").await.unwrap_err();
    assert!(
        error.contains("http://127.0.0.1:1/") && error.contains("refused"),
        "{error}"
    );
}

#[tokio::test]
async fn algorithms_are_fixed_by_configuration_among_all_that_are_known() {
    let world = World::with(&[("ACME_ALGS", "ES384 PS512")]).await;
    for (alg, good) in [
        ("ES384", true),
        ("PS512", true),
        ("ES256", false),
        ("RS512", false),
    ] {
        world.acme.script(|script| {
            let key = Signer::of(alg, "k");
            script.jwks = json!({ "keys": [key.jwk] });
            script.signer = key.into();
        });
        let answer = world.browser().sign_in("acme", &world.acme, &person("ada")).await;
        println!("{alg}");
        if good {
            answer.assert_leads_to("/profile");
            world.app.wipe().await;
        } else {
            answer.assert_failed("provider");
        }
        world.app.advance(3601);
    }
}
