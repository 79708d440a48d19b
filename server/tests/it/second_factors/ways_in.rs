//! All the ways in, each with only its first factor.

use std::{fs, path::Path};

use super::{ADA, App, RETURN_TO, half_way, is_half_way, second};
use crate::oauth::support::{World, person};
use crate::support::OTHER_PASSWORD; // wing:mail
use crate::support::{PASSWORD, SOME_ID, TestApp};

/// What leads to the beginning of a session in `session/request.rs`.
const BEGINNINGS: &[&str] = &[
    "start_session",
    "start_session_by_two_factors", // wing:passkeys
];

/// What begins a session, where in `auth/src`, and how often. A new one needs a test below.
const WAYS_IN: &[(&str, &str, usize)] = &[
    // Registering and signing in with a password.
    ("password/mod.rs", ".start_session(", 2),
    // Signing in with a provider.
    ("oauth/flow/arrival.rs", ".start_session(", 1),
    // wing:mail
    // Signing in by mail; registering with the link of a mail and claiming an address, whose new users have no second factor
    // yet. Their tests are beside the other ones of mail.
    ("mail/sign_in.rs", ".start_session(", 1),
    ("mail/registration.rs", ".start_session(", 1),
    ("oauth/flow/claim.rs", ".start_session(", 1),
    // end wing:mail
    // wing:passkeys
    // Two factors in one, which are asked for no second one: see the tests of passkeys.
    ("passkeys/sign_in.rs", ".start_session_by_two_factors(", 1),
    // end wing:passkeys
    // These two are behind the second factor: what all of the above leads to, and what completes it.
    ("session/request.rs", ".begin(tx, user_id", BEGINNINGS.len()),
    ("session/half_way.rs", ".begin(tx, half_way.user_id", 1),
    ("second_factors/sign_in.rs", "request.complete(", 1),
    // All of those end here.
    ("session/request.rs", "table::insert(", 1),
    ("session/table.rs", "INSERT INTO sessions", 1),
    // The sessions of clients and keys, which a user has allowed in a session of a browser.
    ("clients/sessions.rs", "INSERT INTO sessions", 1), // wing:clients
];

/// A way that goes around the second factor would be found here, as would one that is not tested.
#[test]
fn there_is_no_other_way_in() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../auth/src");
    let mut found = Vec::new();
    read(&root, &mut |file, text| {
        let file = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        // The words that `WAYS_IN` goes by. `oauth` has a `table::insert` of its own.
        let words = [
            ".start_session(",
            // wing:passkeys
            ".start_session_by_two_factors(",
            // end wing:passkeys
            ".begin(tx, ",
            "request.complete(",
            "INSERT INTO sessions",
        ];
        let of_sessions = file.starts_with("session/").then_some("table::insert(");
        for word in words.into_iter().chain(of_sessions) {
            let count = text.matches(word).count();
            if count > 0 && file != "session/tests.rs" {
                found.push((file.clone(), word, count));
            }
        }
    });
    for (file, word, count) in &found {
        let known = WAYS_IN
            .iter()
            .find(|(known, with, _)| known == file && with.starts_with(word));
        assert_eq!(known.map(|known| known.2), Some(*count), "{word} in {file}");
    }
    assert_eq!(found.len(), WAYS_IN.len(), "{found:?}");
}

fn read(folder: &Path, each: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, each);
        } else {
            each(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

#[tokio::test]
async fn a_script_is_refused_and_gets_no_session() {
    let app = TestApp::new().await;
    let its = App::of(&app.registered(ADA).await).await;
    let script = app.browser();
    let fields = [("email", ADA), ("password", PASSWORD), ("remember", "true")];
    let answer = script.call("login", &fields).await;
    is_half_way(&answer);
    answer.refused(403, "second_factor_required");
    script
        .call("list_sessions", &[])
        .await
        .refused(401, "unauthenticated");
    app.assert_counts(&[("sessions", 1)]).await;
    let answer = second(&script, &its.code(&app)).await.expect(200);
    // What the first factor was sent with is kept.
    assert!(answer.cookie("__Host-id").unwrap().max_age.is_some());
}

#[tokio::test]
async fn registering_again_is_no_way_in() {
    let app = TestApp::new().await;
    App::of(&app.registered(ADA).await).await;
    let browser = app.browser();
    let fields = [("email", ADA), ("password", PASSWORD)];
    browser
        .call("register", &fields)
        .await
        .refused(409, "email_taken");
    assert!(browser.is_empty());
    app.assert_counts(&[("sessions", 1)]).await;
}

#[tokio::test]
async fn a_provider_alone_begins_no_session() {
    let world = World::new().await;
    let app = &world.app;
    let ada = world.signed_in("acme", &person("ada")).await;
    let its = App::of(&ada).await;
    let browser = world.browser();
    let hop = browser.begin_with("acme", &[("return_to", RETURN_TO)]).await;
    let callback = hop.approved(&world.acme, &person("ada"));
    let answer = browser.get(&callback).await;
    let page = "/login/second?return_to=/settings/sessions";
    answer.assert_leads_to(page);
    assert!(!answer.renews() && !browser.is_signed_in().await);
    app.assert_counts(&[("sessions", 1)]).await;
    // Loaded again, it leads to the same page.
    browser.get(&callback).await.assert_leads_to(page);
    second(&browser, &its.code(app)).await.expect(200);
    assert_eq!(
        browser.call("list_sessions", &[]).await.json()[0]["method"],
        "acme"
    );
    // By now there is something that the callback would give again.
    browser.get(&callback).await.assert_leads_to(page);
    app.assert_counts(&[("sessions", 2)]).await;
}

#[tokio::test]
async fn a_provider_that_is_disconnected_meanwhile_begins_none() {
    let world = World::new().await;
    let app = &world.app;
    let ada = world.signed_in("acme", &person("ada")).await;
    ada.call("set_password", &[("new_password", PASSWORD)])
        .await
        .expect(200);
    let its = App::of(&ada).await;
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    browser
        .finish(&hop, &world.acme, &person("ada"))
        .await
        .assert_leads_to("/login/second");
    ada.unlink(&ada.account_id("acme").await).await.expect(200);
    second(&browser, &its.code(app))
        .await
        .refused(401, "unauthenticated");
}

/// Ada's account at a provider waits in this browser until she has signed in with her password.
#[tokio::test]
async fn a_provider_account_that_waits_is_connected_after_the_second_factor() {
    let world = World::new().await;
    let app = &world.app;
    let its = App::of(&app.registered(ADA).await).await;
    let browser = world.browser();
    browser
        .sign_in("acme", &world.acme, &person("ada"))
        .await
        .assert_failed("link_required");
    browser
        .login(ADA, PASSWORD)
        .await
        .refused(403, "second_factor_required");
    app.assert_counts(&[("accounts", 0), ("pending_links", 1)]).await;
    second(&browser, &its.code(app)).await.expect(200);
    assert_eq!(browser.providers().await, ["acme"]);
    app.assert_counts(&[("accounts", 1), ("pending_links", 0)]).await;
}

/// What a half-way browser holds opens nothing that a session opens.
#[tokio::test]
async fn half_way_is_not_signed_in() {
    let app = TestApp::new().await;
    let its = App::of(&app.registered(ADA).await).await;
    let browser = half_way(&app).await;
    for page in ["/profile", "/settings/security", "/settings/sessions"] {
        let answer = browser.get(page).await.expect(303);
        assert!(answer.location().starts_with("/login?return_to="), "{page}");
    }
    for function in [
        "list_sessions",
        "get_second_factors",
        "start_totp",
        "disable_totp",
        "new_recovery_codes",
        "revoke_other_sessions",
    ] {
        browser.call(function, &[]).await.refused(401, "unauthenticated");
    }
    browser
        .call("confirm_identity", &[("password", PASSWORD)])
        .await
        .refused(401, "unauthenticated");
    browser
        .call("confirm_identity", &[("code", &its.code(&app))])
        .await
        .refused(401, "unauthenticated");
    browser
        .call("revoke_session", &[("session_id", SOME_ID)])
        .await
        .refused(401, "unauthenticated");
    // wing:clients
    let key = [("name", "Backups"), ("scope", "app")];
    browser
        .call("create_key", &key)
        .await
        .refused(401, "unauthenticated");
    let device = [("user_code", "BCDF-GHJK"), ("decision", "allow")];
    browser
        .call("decide_device", &device)
        .await
        .refused(401, "unauthenticated");
    // end wing:clients
    second(&browser, &its.code(&app)).await.expect(200);
}

// wing:clients
/// A client's grants begin no sessions: they need one that has passed the second factor.
#[tokio::test]
async fn a_client_gets_nothing_from_a_half_way_browser() {
    let app = TestApp::new().await;
    let its = App::of(&app.registered(ADA).await).await;
    let address = crate::clients::authorization_address(&app).await;
    let browser = half_way(&app).await;
    let answer = browser.get(&address).await.expect(303);
    assert!(
        answer.location().starts_with("/login?return_to="),
        "{}",
        answer.location()
    );
    app.assert_counts(&[("authorization_codes", 0)]).await;
    second(&browser, &its.code(&app)).await.expect(200);
    browser.get(&address).await.expect(200);
}
// end wing:clients

// wing:mail
/// A password chosen by mail is a first factor like any other.
#[tokio::test]
async fn a_reset_keeps_the_second_factor() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    crate::mail::verify(&app, &ada, ADA).await;
    let its = App::of(&ada).await;
    let browser = app.browser();
    let waiting = half_way(&app).await;
    let token = crate::mail::reset_token(&app, ADA).await;
    let fields = [("token", token.as_str()), ("new_password", OTHER_PASSWORD)];
    let answer = browser.call("reset_password", &fields).await.expect(200);
    assert!(answer.cookies().is_empty());
    second(&waiting, &its.code(&app))
        .await
        .refused(401, "unauthenticated");
    let answer = browser.login(ADA, OTHER_PASSWORD).await;
    is_half_way(&answer);
    answer.refused(403, "second_factor_required");
    app.assert_counts(&[("sessions", 0), ("totp", 1), ("recovery_codes", 10)])
        .await;
    second(&browser, &its.code(&app)).await.expect(200);
}

/// The address was never verified: whoever set up the app may not be its owner.
#[tokio::test]
async fn a_reset_of_an_unverified_address_removes_what_another_has_set_up() {
    let app = TestApp::new().await;
    let squatter = app.registered(ADA).await;
    let theirs = App::of(&squatter).await;
    let token = crate::mail::reset_token(&app, ADA).await;
    let ada = app.browser();
    let fields = [("token", token.as_str()), ("new_password", OTHER_PASSWORD)];
    ada.call("reset_password", &fields).await.expect(200);
    app.assert_counts(&[("sessions", 0), ("totp", 0), ("recovery_codes", 0)])
        .await;
    ada.login(ADA, OTHER_PASSWORD).await.expect(200);
    second(&squatter, &theirs.code(&app))
        .await
        .refused(401, "unauthenticated");
}
// end wing:mail
