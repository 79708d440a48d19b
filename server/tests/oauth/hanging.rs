//! A provider that accepts connections and never answers: it is in nobody's way but of those who want to go there.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use http::{Method, StatusCode};
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    idp::{Endpoint, Gate, Reply},
    support::{Answer, Browser, Hop, World, person, until},
};

/// More than the whole application does at once.
const MANY: usize = 600;
/// How many may wait for one provider.
const PLACES: usize = 64;

/// Far less than a provider is waited for.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(5), work)
        .await
        .expect("it waits for nobody")
}

/// Pages, passwords and the other provider are as always.
async fn others_are_served(world: &World, name: &str) {
    let mut browser = world.browser();
    assert_eq!(soon(browser.get("/login")).await.status, StatusCode::OK);
    soon(browser.register(&format!("{name}@example.com"))).await;
    let other = world
        .browser()
        .sign_in("corp", &world.corp, &person("grace"))
        .await;
    other.assert_leads_to("/profile");
}

/// Sends a callback.
fn send(browser: &Browser, address: &str) -> JoinHandle<Answer> {
    let browser = browser.clone();
    let request = browser.request(Method::GET, address).body(Body::empty());
    tokio::spawn(async move { browser.send(request.unwrap()).await })
}

#[tokio::test]
async fn starts_wait_in_their_providers_places_and_are_refused_beyond() {
    let world = World::new().await;
    let gate = Gate::closed();
    world.acme.reply(Endpoint::Metadata, Reply::Held(gate.clone()));
    let answered = Arc::new(AtomicUsize::new(0));
    let starts: Vec<_> = (0..MANY)
        .map(|_| {
            let (mut browser, answered) = (world.browser(), Arc::clone(&answered));
            tokio::spawn(async move {
                let fields = [("return_to", "/settings/public")];
                let answer = browser.post("/auth/login/acme", &fields).await;
                answered.fetch_add(1, Ordering::SeqCst);
                answer
            })
        })
        .collect();
    soon(until(|| answered.load(Ordering::SeqCst) == MANY - PLACES)).await;
    others_are_served(&world, "ada").await;
    assert_eq!(answered.load(Ordering::SeqCst), MANY - PLACES);
    gate.open();
    let mut begun = 0;
    for start in starts {
        let answer = start.await.unwrap();
        match answer.status {
            StatusCode::OK => {
                Hop::of("acme", &answer);
                begun += 1;
            }
            _ => answer.assert_leads_to("/login?error=provider&return_to=%2Fsettings%2Fpublic"),
        }
    }
    assert_eq!(begun, PLACES);
    // All were served by one question, and more is not asked for an hour.
    world.signed_in("acme", &person("lin")).await;
    assert_eq!(world.acme.count(Endpoint::Metadata), 1);
}

#[tokio::test]
async fn a_start_whose_client_goes_away_goes_on_to_its_end() {
    let world = World::new().await;
    let gate = Gate::closed();
    world.acme.reply(Endpoint::Metadata, Reply::Held(gate.clone()));
    let mut browser = world.browser();
    let leaving = tokio::spawn(async move { browser.post("/auth/login/acme", &[]).await });
    until(|| world.acme.count(Endpoint::Metadata) == 1).await;
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());
    gate.open();
    let drained = world.app.auth().detached.drain(Duration::from_secs(30));
    assert!(drained.await);
    world.app.assert_counts(&[("sign_in_flows", 1)]).await;
}

#[tokio::test]
async fn callbacks_wait_for_their_turn_and_their_flows_with_them() {
    let world = World::new().await;
    let mut callbacks = Vec::new();
    for place in 0..PLACES + 2 {
        let mut browser = world.browser();
        let hop = browser.begin("acme").await;
        let address = hop.approved(&world.acme, &person(&format!("ada-{place}")));
        callbacks.push((browser, address));
    }
    let gate = Gate::closed();
    world.acme.reply(Endpoint::Token, Reply::Held(gate.clone()));
    let late = callbacks.split_off(PLACES);
    let running: Vec<_> = callbacks
        .iter()
        .map(|(one, address)| send(one, address))
        .collect();
    soon(until(|| world.acme.count(Endpoint::Token) == PLACES)).await;
    let waiting: Vec<_> = late.iter().map(|(one, address)| send(one, address)).collect();
    others_are_served(&world, "lin").await;
    // A start waits for nobody, since it is known where the provider is.
    soon(world.browser().begin("acme")).await;
    assert_eq!(world.acme.count(Endpoint::Token), PLACES);
    world.app.assert_counts(&[("sign_in_flows", 3)]).await;

    // Who goes away while waiting has begun nothing.
    let [patient, leaving] = waiting.try_into().unwrap();
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());
    gate.open();
    for one in running.into_iter().chain([patient]) {
        one.await.unwrap().assert_leads_to("/profile");
    }
    let (mut browser, address) = late.into_iter().next_back().unwrap();
    browser.get(&address).await.assert_leads_to("/profile");
    world.app.assert_counts(&[("sign_in_flows", 1)]).await;
}
