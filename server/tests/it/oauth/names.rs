//! Names and pictures follow the provider that a person signs in with.

use serde_json::{Value, json};

use crate::oauth::support::{World, person_with};
use crate::support::Browser;

async fn shown(browser: &Browser) -> (Value, Value) {
    let user = browser.user().await;
    (user["name"].clone(), user["avatar_url"].clone())
}

fn ada(name: Value, picture: Value) -> Value {
    person_with("ada", json!({ "name": name, "picture": picture }))
}

#[tokio::test]
async fn each_sign_in_brings_name_and_picture_of_today() {
    let world = World::new().await;
    // Nothing listens there, and it is on this machine.
    let (one, two) = ("http://127.0.0.1:9/1.png", "http://127.0.0.1:9/2.png");
    for (sent, expected) in [
        ((json!("Ada"), json!(one)), (json!("Ada"), json!(one))),
        ((json!("Countess"), json!(one)), (json!("Countess"), json!(one))),
        ((json!("Countess"), json!(two)), (json!("Countess"), json!(two))),
        // What is not sent, or is of no use, changes nothing: Apple sends a name once.
        ((Value::Null, Value::Null), (json!("Countess"), json!(two))),
        (
            (json!(" \u{7}"), json!("javascript:alert(1)")),
            (json!("Countess"), json!(two)),
        ),
        ((json!("Ada"), Value::Null), (json!("Ada"), json!(two))),
    ] {
        world.app.advance(1);
        let browser = world
            .signed_in("acme", &ada(sent.0.clone(), sent.1.clone()))
            .await;
        assert_eq!(shown(&browser).await, expected, "{sent:?}");
    }
    world.app.assert_counts(&[("users", 1), ("accounts", 1)]).await;
}

#[tokio::test]
async fn an_account_that_is_connected_fills_in_what_is_missing_and_the_sign_in_with_it_the_rest() {
    let world = World::new().await;
    let browser = world.signed_in("acme", &ada(json!("Ada"), Value::Null)).await;
    let picture = "http://127.0.0.1:9/corp.png";
    let at_corp = person_with("ada-at-corp", json!({ "name": "A. L.", "picture": picture }));
    browser
        .link("corp", &world.corp, &at_corp)
        .await
        .assert_leads_to("/settings/accounts");
    assert_eq!(shown(&browser).await, (json!("Ada"), json!(picture)));
    let browser = world.signed_in("corp", &at_corp).await;
    assert_eq!(shown(&browser).await, (json!("A. L."), json!(picture)));
    world.app.assert_counts(&[("users", 1), ("accounts", 2)]).await;
}

#[tokio::test]
async fn what_people_call_themselves_here_stays() {
    let world = World::new().await;
    let browser = world.signed_in("acme", &ada(json!("Ada"), Value::Null)).await;
    browser
        .call("update_public_data", &[("display_name", "The Enchantress")])
        .await
        .expect(200);
    let browser = world
        .signed_in("acme", &ada(json!("Countess"), Value::Null))
        .await;
    let data = browser.call("get_public_data", &[]).await;
    assert!(data.shows("The Enchantress"), "{}", data.text());
    assert_eq!(shown(&browser).await.0, "Countess");
}

/// A sign-in that fails brings no profile.
#[tokio::test]
async fn a_failed_sign_in_changes_no_name() {
    let world = World::new().await;
    let browser = world.signed_in("acme", &ada(json!("Ada"), Value::Null)).await;
    world
        .acme
        .script(|script| script.claims = json!({ "nonce": "wrong" }));
    world
        .browser()
        .sign_in("acme", &world.acme, &ada(json!("Mallory"), Value::Null))
        .await
        .assert_failed("provider");
    assert_eq!(shown(&browser).await.0, "Ada");
}
