//! What a provider answers behind the scenes, where it is not what it should be: tokens, userinfo.

use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::{Value, json};

use crate::oauth::{
    idp::{Endpoint, Reply, Script},
    keys::encode,
    support::{World, person, person_with},
};
use crate::support::{Answer, Log};

type Edit = Box<dyn Fn(&mut Script)>;

fn edit(change: impl Fn(&mut Script) + 'static) -> Edit {
    Box::new(change)
}

fn reply(endpoint: Endpoint, reply: Reply) -> Edit {
    edit(move |script| drop(script.replies.insert(endpoint, reply.clone())))
}

fn answer_with(changes: Value) -> Edit {
    edit(move |script| script.answer = changes.clone())
}

fn userinfo_with(changes: Value) -> Edit {
    edit(move |script| script.userinfo = changes.clone())
}

async fn sign_in_with(world: &World, edit: &Edit) -> Answer {
    world.acme.forget_asked();
    world.acme.behave();
    world.acme.script(edit);
    world.browser().sign_in("acme", &world.acme, &person("ada")).await
}

#[tokio::test]
async fn a_misbehaving_token_endpoint_fails_the_sign_in() {
    let world = World::new().await;
    let token = |one| reply(Endpoint::Token, one);
    let good = json!({ "access_token": "a", "token_type": "Bearer", "id_token": "x.y.z" });
    let evil = world.corp.at("/token");
    let redirect = |status| {
        let status = StatusCode::from_u16(status).unwrap();
        Reply::Whole(status, vec![("location", evil.clone())], Vec::new())
    };
    for (name, edit) in [
        (
            "invalid_grant",
            token(Reply::json(
                400,
                json!({ "error": "invalid_grant", "error_description": "<script>" }),
            )),
        ),
        (
            "an error with status 200",
            token(Reply::json(200, json!({ "error": "invalid_grant" }))),
        ),
        (
            "an error beside tokens",
            answer_with(json!({ "error": "invalid_grant" })),
        ),
        (
            "401",
            token(Reply::json(401, json!({ "error": "invalid_client" }))),
        ),
        ("403 in HTML", token(Reply::text(403, "text/html", "<h1>no</h1>"))),
        ("500", token(Reply::text(500, "text/plain", "oops"))),
        ("503 with good tokens", token(Reply::json(503, good.clone()))),
        ("302", token(redirect(302))),
        ("307", token(redirect(307))),
        ("308", token(redirect(308))),
        (
            "HTML",
            token(Reply::text(200, "text/html", "<!DOCTYPE html><script>1</script>")),
        ),
        ("nothing", token(Reply::text(200, "application/json", ""))),
        ("no object", token(Reply::json(200, json!(["access_token"])))),
        (
            "half a text",
            token(Reply::text(200, "application/json", "{\"access_token\":\"a\"")),
        ),
        (
            "not UTF-8",
            token(Reply::Whole(
                StatusCode::OK,
                vec![("content-type", "application/json".to_owned())],
                vec![0xff; 64],
            )),
        ),
        (
            "deep JSON",
            token(Reply::text(
                200,
                "application/json",
                &format!("{{\"access_token\":{}", "[".repeat(100_000)),
            )),
        ),
        ("a body cut off", token(Reply::Break)),
        // A good answer, but too much of it: nothing but the cap refuses it.
        ("300 KiB", token(Reply::Padded(300 * 1024))),
        ("10 MiB", token(Reply::Padded(10 << 20))),
        (
            "packed",
            token(Reply::Whole(
                StatusCode::OK,
                vec![
                    ("content-type", "application/json".to_owned()),
                    ("content-encoding", "gzip".to_owned()),
                ],
                // The head of a gzip stream, and zeros: nothing is unpacked.
                [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0; 1000]].concat(),
            )),
        ),
    ] {
        let started = Instant::now();
        sign_in_with(&world, &edit).await.assert_failed("provider");
        assert!(started.elapsed() < Duration::from_secs(10), "{name}");
        // Sent once, never again: a code is good for one try.
        assert_eq!(world.acme.count(Endpoint::Token), 1, "{name}");
        assert_eq!(world.acme.count(Endpoint::Userinfo), 0, "{name}");
        assert!(
            world.corp.everything().is_empty(),
            "{name}: it followed the redirect"
        );
        world.assert_recovers().await;
    }
    // A large answer within the cap is fine.
    let padded = reply(Endpoint::Token, Reply::Padded(200 * 1024));
    sign_in_with(&world, &padded).await.assert_leads_to("/profile");
}

#[tokio::test]
async fn a_token_answer_must_hold_a_bearer_token_and_an_id_token() {
    let world = World::new().await;
    for (name, changes, good) in [
        ("as it should be", json!({}), true),
        ("no ID token", json!({ "id_token": null }), false),
        ("an empty ID token", json!({ "id_token": "" }), false),
        (
            "an ID token that is no text",
            json!({ "id_token": { "sub": "ada" } }),
            false,
        ),
        ("no access token", json!({ "access_token": null }), false),
        ("an empty access token", json!({ "access_token": "" }), false),
        (
            "an access token that is a number",
            json!({ "access_token": 1 }),
            false,
        ),
        ("type MAC", json!({ "token_type": "MAC" }), false),
        ("type DPoP", json!({ "token_type": "DPoP" }), false),
        ("no type", json!({ "token_type": null }), false),
        ("type in small letters", json!({ "token_type": "bearer" }), true),
        ("type in capitals", json!({ "token_type": "BEARER" }), true),
        ("no lifetime", json!({ "expires_in": null }), true),
        ("a lifetime as text", json!({ "expires_in": "3600" }), true),
        ("a lifetime of ages", json!({ "expires_in": u64::MAX }), true),
        ("a negative lifetime", json!({ "expires_in": -1 }), true),
        ("scopes in a list", json!({ "scope": ["openid", "email"] }), true),
        (
            "fields nobody knows",
            json!({ "x": { "y": [1] }, "not-before-policy": 0 }),
            true,
        ),
    ] {
        let answer = sign_in_with(&world, &answer_with(changes)).await;
        if good {
            assert_eq!(answer.location(), "/profile", "{name}");
            world.app.wipe().await;
        } else {
            answer.assert_failed("provider");
            world.assert_recovers().await;
        }
    }
}

#[tokio::test]
async fn userinfo_about_another_person_fails_the_sign_in() {
    let world = World::new().await;
    for (name, changes) in [
        ("another subject", json!({ "sub": "mallory" })),
        ("no subject", json!({ "sub": null })),
        ("an empty subject", json!({ "sub": "" })),
        ("a subject in capitals", json!({ "sub": "ADA-AT-IDP" })),
        ("a list", json!({ "sub": ["ada-at-idp"] })),
    ] {
        sign_in_with(&world, &userinfo_with(changes))
            .await
            .assert_failed("provider");
        assert_eq!(world.acme.count(Endpoint::Userinfo), 1, "{name}");
        world.assert_recovers().await;
    }
}

/// Where the ID token has all claims, userinfo is not needed.
#[tokio::test]
async fn a_sign_in_goes_on_without_userinfo() {
    let world = World::new().await;
    let userinfo = |one| reply(Endpoint::Userinfo, one);
    let forged = json!({ "sub": "ada-at-idp", "name": "Forged" }).to_string();
    let evil = world.corp.at("/userinfo");
    for (name, edit) in [
        (
            "401",
            userinfo(Reply::json(401, json!({ "error": "invalid_token" }))),
        ),
        ("500", userinfo(Reply::text(500, "text/plain", "oops"))),
        (
            "302",
            userinfo(Reply::Whole(
                StatusCode::FOUND,
                vec![("location", evil)],
                Vec::new(),
            )),
        ),
        (
            "a list",
            userinfo(Reply::json(200, json!([{ "sub": "ada-at-idp" }]))),
        ),
        (
            "a signed token",
            userinfo(Reply::text(
                200,
                "application/jwt",
                &format!("e30.{}.x", encode(&forged)),
            )),
        ),
        ("another type", userinfo(Reply::text(200, "text/html", &forged))),
        (
            "a name twice",
            userinfo(Reply::text(
                200,
                "application/json",
                "{\"sub\":\"ada-at-idp\",\"sub\":\"mallory\"}",
            )),
        ),
        ("a body cut off", userinfo(Reply::Break)),
        ("too much", userinfo(Reply::Padded(300 * 1024))),
    ] {
        world.acme.forget_asked();
        world.acme.behave();
        world.acme.script(edit);
        let browser = world.browser();
        browser
            .sign_in("acme", &world.acme, &person("ada"))
            .await
            .assert_leads_to("/profile");
        let user = browser.user().await;
        assert_eq!(
            (&user["email"], &user["name"]),
            (&json!("ada@example.com"), &json!("ada")),
            "{name}"
        );
        assert!(
            world.corp.everything().is_empty(),
            "{name}: it followed the redirect"
        );
        world.app.wipe().await;
    }
}

#[tokio::test]
async fn userinfo_completes_what_the_id_token_leaves_out() {
    let world = World::new().await;
    // Neither source's word on an address counts for the other's.
    for (id_token, userinfo, email) in [
        (json!({}), json!({}), json!("ada@example.com")),
        (
            json!({ "email": null, "email_verified": null }),
            json!({}),
            json!("ada@example.com"),
        ),
        (
            json!({ "email": null }),
            json!({ "email_verified": null }),
            Value::Null,
        ),
        (
            json!({ "email_verified": null }),
            json!({ "email": "other@example.com" }),
            Value::Null,
        ),
        (
            json!({}),
            json!({ "email": "other@example.com" }),
            json!("ada@example.com"),
        ),
    ] {
        world.acme.behave();
        world.acme.script(|script| {
            script.claims = id_token.clone();
            script.userinfo = userinfo.clone();
        });
        let browser = world.browser();
        browser
            .sign_in("acme", &world.acme, &person("ada"))
            .await
            .assert_leads_to("/profile");
        assert_eq!(browser.user().await["email"], email, "{id_token} {userinfo}");
        world.app.wipe().await;
    }
}

#[tokio::test]
async fn an_address_is_verified_by_json_true_and_nothing_else() {
    let world = World::new().await;
    for (claim, verified) in [
        (json!(true), true),
        (json!(false), false),
        (Value::Null, false),
        (json!("true"), false),
        (json!(1), false),
        (json!("1"), false),
        (json!([true]), false),
    ] {
        let ada = person_with("ada", json!({ "email_verified": claim }));
        let browser = world.browser();
        browser
            .sign_in("acme", &world.acme, &ada)
            .await
            .assert_leads_to("/profile");
        let user = browser.user().await;
        let expected = if verified {
            json!("ada@example.com")
        } else {
            Value::Null
        };
        assert_eq!(user["email"], expected, "{claim}");
        assert_eq!(user["email_verified"], verified, "{claim}");
        // What the provider said is kept with its account, for what it is.
        assert_eq!(user["accounts"][0]["email"], "ada@example.com", "{claim}");
        world.app.wipe().await;
    }
}

#[tokio::test]
async fn odd_claims_about_a_person_are_cut_or_left_out() {
    let world = World::new().await;
    let odd = json!({
        "email": "not an address", "name": format!("A\u{0}\r\n{}", "\u{1f600}".repeat(1000)),
        "picture": "javascript:alert(1)", "groups\0": ["a\0", { "\0": "\0b" }],
    });
    let browser = world.browser();
    browser
        .sign_in("acme", &world.acme, &person_with("ada", odd))
        .await
        .assert_leads_to("/profile");
    let user = browser.user().await;
    assert_eq!(
        (&user["email"], &user["avatar_url"]),
        (&Value::Null, &Value::Null)
    );
    let name = user["name"].as_str().unwrap();
    assert_eq!(name.chars().count(), 100);
    assert!(!name.contains(char::is_control));
    // The cookies stay within what a browser takes.
    for cookie in browser.cookie_header().unwrap().split("; ") {
        assert!(cookie.len() <= 4096 + "=".len(), "{cookie}");
    }
    let script = "<script>alert('canary')</script>";
    let named = person_with("grace", json!({ "name": script }));
    browser
        .sign_in("acme", &world.acme, &named)
        .await
        .assert_leads_to("/profile");
    let page = browser.get("/profile").await.text();
    assert!(!page.contains("<script>alert"), "{page}");
}

/// What a provider writes into an error is for the log at most, and there in one line.
#[tokio::test]
async fn a_providers_words_reach_neither_the_person_nor_a_line_of_their_own() {
    let (log, _guard) = Log::capture();
    let world = World::new().await;
    let words = "<script>canary</script>\r\n2031-01-01T00:00:00Z  INFO forged line";
    let refusal = json!({ "error": words, "error_description": "<b>described-canary</b>", "message": words });
    for edit in [
        reply(Endpoint::Token, Reply::json(400, refusal.clone())),
        reply(Endpoint::Token, Reply::json(200, refusal)),
        reply(Endpoint::Token, Reply::text(500, "text/html", words)),
        answer_with(json!({ "token_type": words })),
        edit(move |script| script.header = json!({ "alg": words, "kid": words })),
    ] {
        let browser = world.browser();
        world.acme.behave();
        world.acme.script(edit);
        let answer = browser.sign_in("acme", &world.acme, &person("ada")).await;
        answer.assert_failed("provider");
        assert!(!format!("{answer:?}").contains("canary"), "{answer:?}");
        let page = browser.get(answer.location()).await;
        assert!(!page.shows("canary"), "{}", page.text());
    }
    let log = log.text();
    assert!(!log.contains("described-canary"), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("2031")), "{log}");
}

/// It waits for the client's own limit, which is short here.
#[tokio::test]
async fn an_endpoint_that_never_answers_is_given_up_in_time() {
    let most = Duration::from_secs(1);
    let mut world = World::impatient(most).await;
    world.acme.reply(Endpoint::Token, Reply::Hang);
    let started = Instant::now();
    let answer = world.browser().sign_in("acme", &world.acme, &person("ada")).await;
    let waited = started.elapsed();
    answer.assert_failed("provider");
    assert!((most..Duration::from_secs(12)).contains(&waited), "{waited:?}");
    assert_eq!(world.acme.count(Endpoint::Token), 1);
    world.restart(&[]).await;
    world.assert_recovers().await;
}
