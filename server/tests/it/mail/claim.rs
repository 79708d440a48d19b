//! The owner of an address and the one who has only typed it.

use auth::mail::Registration;
use serde_json::{Value, json};

use super::{ADA, newest, token, verified};
use crate::oauth::support::{World, person, person_with};
use crate::support::{Answer, Browser, PASSWORD};

async fn claim(browser: &Browser) -> Answer {
    browser.call("claim_address", &[]).await
}

/// A browser in which Ada's account at a provider waits, because somebody has her address here.
async fn waiting(world: &World) -> Browser {
    let browser = world.browser();
    browser
        .sign_in("acme", &world.acme, &person("ada"))
        .await
        .assert_failed("link_required");
    browser
}

#[tokio::test]
async fn a_pre_registered_trap_is_worth_nothing() {
    let world = World::new().await;
    let squatter = world.browser();
    squatter.register(ADA).await;
    squatter
        .call("update_public_data", &[("bio", "theirs")])
        .await
        .expect(200);
    let prepared = token(&newest(&world.app, ADA).await);
    let ada = waiting(&world).await;
    let answer = claim(&ada).await.expect(200);
    assert!(answer.renews());
    let session = answer.json();
    assert_eq!(
        (&session["email"], &session["email_verified"]),
        (&ADA.into(), &true.into())
    );
    assert_eq!(ada.providers().await, ["acme"]);
    assert_eq!(ada.call("get_public_data", &[]).await.json()["bio"], Value::Null);
    assert_eq!(ada.call("list_sessions", &[]).await.json()[0]["method"], "acme");
    // The squatter keeps account and data, without the address, and knows at once.
    let left = squatter.session().await;
    assert_eq!(
        (&left["email"], &left["email_verified"]),
        (&Value::Null, &false.into())
    );
    assert_ne!(left["user_id"], session["user_id"]);
    assert_eq!(
        squatter.call("get_public_data", &[]).await.json()["bio"],
        "theirs"
    );
    assert_eq!(
        squatter.call("list_own_events", &[]).await.json()[0]["kind"],
        "lose_email"
    );
    assert!(squatter.providers().await.is_empty());
    squatter
        .call("verify_email", &[("token", &prepared)])
        .await
        .refused(410, "link_expired");
    world
        .browser()
        .login(ADA, PASSWORD)
        .await
        .refused(401, "invalid_credentials");
    let counts = [("users", 2), ("accounts", 1), ("pending_links", 0)];
    world.app.assert_counts(&counts).await;
    claim(&ada).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_verified_address_is_not_to_be_had_and_what_waits_stays() {
    let world = World::new().await;
    verified(&world.app, ADA).await;
    let browser = waiting(&world).await;
    claim(&browser).await.refused(409, "email_taken");
    world
        .app
        .assert_counts(&[("users", 1), ("accounts", 0), ("pending_links", 1)])
        .await;
    browser.login(ADA, PASSWORD).await.expect(200);
    assert_eq!(browser.providers().await, ["acme"]);
}

/// The pending account is this browser's, and for ten minutes.
#[tokio::test]
async fn nobody_claims_without_what_waits_in_the_browser() {
    let world = World::new().await;
    world.browser().register(ADA).await;
    claim(&world.browser()).await.refused(404, "not_found");
    let browser = waiting(&world).await;
    let thief = world.browser();
    thief
        .sign_in("corp", &world.corp, &person("eve"))
        .await
        .assert_leads_to("/profile");
    claim(&thief).await.refused(404, "not_found");
    world.app.advance(600);
    claim(&browser).await.refused(404, "not_found");
    // What the provider does not vouch for never waits.
    let unverified = person_with("ada", json!({ "email_verified": false }));
    let browser = world.browser();
    browser
        .sign_in("acme", &world.acme, &unverified)
        .await
        .assert_failed("unverified");
    claim(&browser).await.refused(404, "not_found");
    world.app.assert_counts(&[("users", 2)]).await;
}

#[tokio::test]
async fn an_address_that_has_become_free_is_claimed_too() {
    let world = World::new().await;
    world.browser().register(ADA).await;
    let browser = waiting(&world).await;
    world.app.sql("UPDATE users SET email = NULL").await;
    claim(&browser).await.expect(200);
    assert_eq!(browser.user().await["email"], ADA);
}

#[tokio::test]
async fn where_registration_is_closed_closed_comes_first_unless_there_is_an_invitation() {
    let world = World::new().await;
    world.browser().register(ADA).await;
    let early = waiting(&world).await;
    let world = world
        .configured(|config| config.auth.registration = Registration::Closed)
        .await;
    claim(&early.before(&world.app))
        .await
        .refused(403, "registration_closed");
    let browser = world.browser();
    browser
        .sign_in("acme", &world.acme, &person("ada"))
        .await
        .assert_failed("closed");
    world.app.auth.mail.invite(ADA, auth::Role::Admin).await.unwrap();
    let browser = waiting(&world).await;
    claim(&browser).await.expect(200);
    assert_eq!(browser.user().await["role"], "admin");
    world.app.assert_counts(&[("users", 2)]).await;
}

#[tokio::test]
async fn without_javascript_the_page_to_sign_in_has_the_form() {
    let world = World::new().await;
    world.browser().register(ADA).await;
    let browser = world.browser();
    let hop = browser
        .begin_with("acme", &[("return_to", "/settings/sessions")])
        .await;
    let answer = browser.get(&hop.approved(&world.acme, &person("ada"))).await;
    let page = answer.location().to_owned();
    assert!(page.starts_with("/login?error=link_required"), "{page}");
    assert!(
        !browser
            .get("/login")
            .await
            .expect(200)
            .shows("/api/claim_address")
    );
    let shown = browser.get(&page).await.expect(200);
    assert!(shown.shows("action=\"/api/claim_address\""), "{}", shown.text());
    browser
        .submit(&page, "claim_address", &[("return_to", "/settings/sessions")])
        .await
        .leads_to("/settings/sessions");
    assert!(browser.is_signed_in().await);
    // There is nothing to claim any more.
    let other = world.browser();
    other.submit(&page, "claim_address", &[]).await.leads_to(&page);
    assert!(other.get(&page).await.expect(200).shows("There is nothing here."));
}

/// Signed in as somebody else meanwhile, the browser changes to the new user.
#[tokio::test]
async fn the_session_of_the_browser_ends_with_the_claim() {
    let world = World::new().await;
    world.browser().register(ADA).await;
    let browser = waiting(&world).await;
    browser.register("eve@example.com").await;
    let eve = browser.copy();
    claim(&browser).await.expect(200);
    assert_eq!(browser.user().await["email"], ADA);
    assert!(!eve.is_signed_in().await);
}

// wing:admin
#[tokio::test]
async fn an_operator_gives_an_address_back_unverified() {
    use auth::admin::By;

    let world = World::new().await;
    let loser = world.browser();
    loser.register(ADA).await;
    let ada = waiting(&world).await;
    claim(&ada).await.expect(200);
    let people = world.app.auth.administration();
    let id = loser.user_id().await;
    let set = async |email: &str| people.set_email(By::CommandLine, id, email).await;
    assert!(matches!(set(ADA).await, Err(auth::Error::EmailTaken)));
    assert!(matches!(
        set("not an address").await,
        Err(auth::Error::InvalidEmail)
    ));
    set(" Eve@Example.com ").await.unwrap();
    let session = loser.session().await;
    assert_eq!(
        (&session["email"], &session["email_verified"]),
        (&"eve@example.com".into(), &false.into())
    );
    assert_eq!(
        loser.call("list_own_events", &[]).await.json()[0]["kind"],
        "set_email"
    );
    world
        .browser()
        .login("eve@example.com", PASSWORD)
        .await
        .expect(200);
    let nobody = people
        .set_email(By::CommandLine, uuid::Uuid::nil(), "x@example.com")
        .await;
    assert!(matches!(nobody, Err(auth::Error::NotFound)));
}

#[test]
fn the_command_line_sets_addresses() {
    use crate::support::{Folder, SOME_ID, command};

    let folder = Folder::new();
    let vars = [("PUBLIC_URL", "http://127.0.0.1:3000")];
    let run = |arguments: &[&str]| {
        let output = command(&folder, &vars).args(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    assert!(run(&["migrate"]).0);
    let (succeeded, said) = run(&["users", "set-email", SOME_ID, ADA]);
    assert!(!succeeded && said.contains("no user has the id"), "{said}");
    assert!(!run(&["users", "set-email", "x", ADA]).0);
}
// end wing:admin
