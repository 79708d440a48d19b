//! What reads and then writes more than one table, with another request in between.

use serde_json::Value;
#[cfg(feature = "postgres")] // wing:postgres
use serde_json::json; // wing:postgres

use crate::oauth::{
    idp::{Endpoint, Gate, Reply},
    support::{World, person},
};
use crate::support::{Answer, Browser, until};

/// Ada, with a password and an account at Acme; and its id.
async fn ada(world: &World) -> (Browser, String) {
    let browser = world.browser();
    browser.register("ada@example.com").await;
    browser
        .link("acme", &world.acme, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts");
    let id = browser.account_id("acme").await;
    (browser, id)
}

fn unlink(browser: &Browser, id: &str) -> tokio::task::JoinHandle<Answer> {
    let (browser, id) = (browser.copy(), id.to_owned());
    tokio::spawn(async move { browser.unlink(&id).await })
}

fn get(browser: &Browser, address: &str) -> tokio::task::JoinHandle<(Browser, Answer)> {
    let (browser, address) = (browser.copy(), address.to_owned());
    tokio::spawn(async move {
        let answer = browser.get(&address).await;
        (browser, answer)
    })
}

/// All at once, in whatever order: in the end no session was begun with an account that is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_sign_in_survives_the_disconnecting_of_its_account() {
    let world = World::new().await;
    for round in 0..12 {
        let (here, id) = ada(&world).await;
        let mut callbacks = Vec::new();
        for _ in 0..3 {
            let browser = world.browser();
            let hop = browser.begin("acme").await;
            let address = hop.approved(&world.acme, &person("ada"));
            callbacks.push(get(&browser, &address));
        }
        let again = here
            .begin_link("acme")
            .await
            .approved(&world.acme, &person("ada"));
        let link = (round % 2 == 0).then(|| get(&here, &again));
        let unlinked = unlink(&here, &id).await.unwrap();
        // Of the link and this one gives the session another id.
        assert!(matches!(unlinked.status, 200 | 401), "{round}: {unlinked:?}");
        for callback in callbacks {
            let (_, answer) = callback.await.unwrap();
            assert!(
                ["/profile", "/login?error=link_required"].contains(&answer.location()),
                "{round}: {answer:?}"
            );
        }
        if let Some(link) = link {
            let (_, answer) = link.await.unwrap();
            assert_eq!(answer.status, 303, "{round}: {answer:?}");
        }
        let orphans = "SELECT count(*) FROM sessions s WHERE s.method = 'acme' AND NOT EXISTS (
                           SELECT 1 FROM accounts a WHERE a.user_id = s.user_id AND a.provider = s.method)";
        assert_eq!(world.app.number(orphans).await, 0, "{round}");
        world.app.wipe().await;
    }
}

/// The owner of an address, about whom the callback has read, is deleted before it writes.
#[tokio::test]
async fn an_account_does_not_wait_for_an_owner_who_is_gone() {
    let world = World::new().await;
    let owner = world.browser();
    owner.register("ada@example.com").await;
    let owner = owner.user_id().await;
    let auth = &world.app.auth;
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let gate = Gate::closed();
    world.acme.reply(Endpoint::Token, Reply::Held(gate.clone()));
    let running = get(&browser, &hop.approved(&world.acme, &person("ada")));
    until(|| world.token_requests() == 1).await;

    let mut tx = auth.db.begin().await.unwrap();
    auth.delete_user(&mut tx, owner).await.unwrap();
    gate.open();
    until(|| world.acme.count(Endpoint::Userinfo) == 1).await;
    #[cfg(feature = "postgres")] // wing:postgres
    let mut operator = crate::postgres::Operator::beside(&world.app).await; // wing:postgres
    #[cfg(feature = "postgres")] // wing:postgres
    operator.await_waiting(1).await; // wing:postgres
    tx.commit().await.unwrap();
    let (browser, answer) = running.await.unwrap();
    // The address is free by now.
    answer.assert_leads_to("/profile");
    assert_eq!(browser.session().await["email"], "ada@example.com");
    world
        .app
        .assert_counts(&[("users", 1), ("accounts", 1), ("pending_links", 0)])
        .await;
}

#[tokio::test]
async fn a_user_who_is_deleted_while_the_provider_is_asked_connects_nothing() {
    for intent in ["link", "confirm"] {
        let world = World::new().await;
        let browser = world.signed_in("acme", &person("ada")).await;
        let id = browser.user_id().await;
        let hop = browser.begin_with("acme", &[("intent", intent)]).await;
        let gate = Gate::closed();
        world.acme.reply(Endpoint::Token, Reply::Held(gate.clone()));
        let before = world.token_requests();
        let running = get(&browser, &hop.approved(&world.acme, &person("ada")));
        until(|| world.token_requests() > before).await;
        let auth = &world.app.auth;
        let mut tx = auth.db.begin().await.unwrap();
        auth.delete_user(&mut tx, id).await.unwrap();
        tx.commit().await.unwrap();
        gate.open();
        let (browser, answer) = running.await.unwrap();
        assert!(answer.location().contains("error=expired"), "{answer:?}");
        assert_eq!(browser.session().await, Value::Null);
        world.app.assert_counts(&[("users", 0), ("accounts", 0)]).await;
    }
}

// wing:postgres
#[cfg(feature = "postgres")]
mod server {
    use super::*;
    use crate::postgres::Operator;

    /// Stops whatever does this to a row of the table, from the next one on: after it is done, with all locks that
    /// were taken for it.
    async fn stop_after(world: &World, event: &str, table: &str) -> Operator {
        let mut operator = Operator::beside(&world.app).await;
        for statement in [
            "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql
             AS 'BEGIN PERFORM pg_advisory_xact_lock(7, 7); RETURN NULL; END'",
            &format!("CREATE TRIGGER stop AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION stop()"),
            "SELECT pg_advisory_lock(7, 7)",
        ] {
            operator.run(statement).await;
        }
        operator
    }

    async fn let_go(mut operator: Operator) {
        operator.run("SELECT pg_advisory_unlock(7, 7)").await;
    }

    /// The disconnection has deleted the account, and the callback reads it all the same.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_sign_in_that_comes_after_the_deletion_of_its_account_stops() {
        let world = World::new().await;
        let (here, id) = ada(&world).await;
        let browser = world.browser();
        let hop = browser.begin("acme").await;
        let address = hop.approved(&world.acme, &person("ada"));
        let mut operator = stop_after(&world, "DELETE", "accounts").await;
        let unlinking = unlink(&here, &id);
        operator.await_waiting(1).await;
        let signing_in = get(&browser, &address);
        operator.await_waiting(2).await;
        let_go(operator).await;
        unlinking.await.unwrap().expect(200);
        let (browser, answer) = signing_in.await.unwrap();
        answer.assert_failed("link_required");
        assert_eq!(browser.session().await, Value::Null);
        world.app.assert_counts(&[("accounts", 0), ("sessions", 1)]).await;
    }

    /// The sign-in holds the account when the disconnection comes: neither waits for the other for ever, and the
    /// session that has just begun ends.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_sign_in_that_comes_before_the_deletion_of_its_account_ends_with_it() {
        let world = World::new().await;
        let (here, id) = ada(&world).await;
        let browser = world.browser();
        let hop = browser.begin("acme").await;
        let address = hop.approved(&world.acme, &person("ada"));
        let mut operator = stop_after(&world, "UPDATE", "accounts").await;
        let signing_in = get(&browser, &address);
        operator.await_waiting(1).await;
        let unlinking = unlink(&here, &id);
        operator.await_waiting(2).await;
        let_go(operator).await;
        let (browser, answer) = signing_in.await.unwrap();
        answer.assert_leads_to("/profile");
        unlinking.await.unwrap().expect(200);
        assert_eq!(browser.live_session_id().await, None);
        world.app.assert_counts(&[("accounts", 0), ("sessions", 1)]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_and_a_disconnection_of_one_account_do_not_wait_for_each_other() {
        let world = World::new().await;
        let (here, id) = ada(&world).await;
        let elsewhere = world.signed_in("acme", &person("ada")).await;
        let address = here
            .begin_link("acme")
            .await
            .approved(&world.acme, &person("ada"));
        let mut operator = stop_after(&world, "UPDATE", "accounts").await;
        let linking = get(&here, &address);
        operator.await_waiting(1).await;
        let unlinking = unlink(&elsewhere, &id);
        operator.await_waiting(2).await;
        let_go(operator).await;
        linking.await.unwrap().1.assert_leads_to("/settings/accounts");
        unlinking.await.unwrap().expect(200);
        world.app.assert_counts(&[("accounts", 0)]).await;
    }

    /// A token that is given up, of a user who is being deleted.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_token_and_its_user_can_be_done_away_with_at_once() {
        let world = World::new().await;
        let answer = json!({ "refresh_token": "refresh", "expires_in": 3600 });
        world.acme.script(|script| script.answer = answer);
        let browser = world.signed_in("acme", &person("ada")).await;
        let (id, live) = (browser.user_id().await, browser.live().await);
        world.acme.withdraw();
        world.app.advance(3600);
        let auth = world.app.auth.clone();
        let mut operator = stop_after(&world, "UPDATE", "accounts").await;
        let asking = tokio::spawn({
            let auth = auth.clone();
            async move { auth.oauth.provider_token(&live, "acme").await.map(drop) }
        });
        operator.await_waiting(1).await;
        let deleting = tokio::spawn(async move {
            let mut tx = auth.db.begin().await?;
            auth.delete_user(&mut tx, id).await?;
            Ok::<_, auth::Error>(tx.commit().await?)
        });
        operator.await_waiting(2).await;
        let_go(operator).await;
        let asked = asking.await.unwrap();
        assert!(matches!(asked, Err(auth::Error::SignInAtProvider)), "{asked:?}");
        deleting.await.unwrap().unwrap();
        world.app.assert_counts(&[("users", 0), ("accounts", 0)]).await;
    }
}
// end wing:postgres
