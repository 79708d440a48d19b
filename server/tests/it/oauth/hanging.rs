//! A provider that accepts connections and never responds: it is in the way only of those who want to go there.

use std::{future::Future, time::Duration};

use tokio::{task::JoinHandle, time::timeout};

use crate::oauth::{
    idp::{Endpoint, Gate, Reply},
    support::{Hop, PLACES, World, person},
};
use crate::support::{Answer, Browser, until};

/// Less than a provider is waited for.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(8), work)
        .await
        .expect("it waits for nobody")
}

/// Pages, passwords and the other provider are as always.
async fn others_are_served(world: &World) {
    let browser = world.browser();
    browser.get("/login").await.expect(200);
    browser.register("lin@example.com").await;
    world.signed_in("corp", &person("grace")).await;
}

fn send(browser: &Browser, address: &str) -> JoinHandle<Answer> {
    let (browser, address) = (browser.copy(), address.to_owned());
    tokio::spawn(async move { browser.get(&address).await })
}

fn start(world: &World) -> JoinHandle<Answer> {
    let browser = world.browser();
    let fields = [("return_to", "/settings/public")];
    tokio::spawn(async move { browser.press("acme", &fields).await })
}

#[tokio::test]
async fn starts_wait_in_their_providers_places_and_are_refused_beyond() {
    let world = World::new().await;
    let gate = Gate::closed();
    world.acme.reply(Endpoint::Metadata, Reply::Held(gate.clone()));
    let crowd = world.crowd("acme", PLACES - 1).await;
    let waiting = start(&world);
    until(|| world.acme.count(Endpoint::Metadata) == 1).await;
    let refused = soon(start(&world)).await.unwrap();
    refused.assert_leads_to("/login?error=provider&return_to=%2Fsettings%2Fpublic");
    gate.open();
    Hop::of("acme", &waiting.await.unwrap());
    assert_eq!(world.acme.count(Endpoint::Metadata), 1);
    // What is known is not waited for.
    let whole = world.crowd("acme", 1).await;
    Hop::of("acme", &start(&world).await.unwrap());
    drop((crowd, whole));
}

#[tokio::test]
async fn a_start_whose_client_goes_away_goes_on_to_its_end() {
    let world = World::new().await;
    let gate = Gate::closed();
    world.acme.reply(Endpoint::Metadata, Reply::Held(gate.clone()));
    let browser = world.browser();
    let leaving = tokio::spawn(async move { browser.press("acme", &[]).await });
    until(|| world.acme.count(Endpoint::Metadata) == 1).await;
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());
    gate.open();
    let drained = world.app.auth.detached.drain(Duration::from_secs(30));
    assert!(drained.await);
    world.app.assert_counts(&[("sign_in_flows", 1)]).await;
}

#[tokio::test]
async fn callbacks_wait_for_their_turn_and_their_flows_with_them() {
    let world = World::new().await;
    let mut callbacks = Vec::new();
    for name in ["ada", "eve"] {
        let browser = world.browser();
        let hop = browser.begin("acme").await;
        callbacks.push((browser, hop.approved(&world.acme, &person(name))));
    }
    let crowd = world.crowd("acme", PLACES).await;
    let [patient, leaving] = [0, 1].map(|one| send(&callbacks[one].0, &callbacks[one].1));
    others_are_served(&world).await;
    assert_eq!(world.acme.count(Endpoint::Token), 0);
    world.app.assert_counts(&[("sign_in_flows", 2)]).await;

    // A client that goes away while waiting has begun nothing.
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());
    drop(crowd);
    patient.await.unwrap().assert_leads_to("/profile");
    let (browser, address) = callbacks.remove(1);
    browser.get(&address).await.assert_leads_to("/profile");
}
