//! The users that sign in with providers: the adapter that keeps them, and all that goes with one who is deleted.

use std::sync::{Arc, Mutex};

use auth::{Email, Error, Lookup, NewUser, Occasion, Result, SqlUsers, User, UserAdapter, db::Tx};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::oauth::support::{World, person};

#[tokio::test]
async fn with_a_user_goes_all_that_is_theirs_and_snapshots_are_void_at_once() {
    let world = World::new().await;
    let auth = &world.app.auth;
    let phone = world.signed_in("acme", &person("ada")).await;
    let laptop = world.signed_in("acme", &person("ada")).await;
    let other = world.browser();
    other.register("grace@example.com").await;
    for browser in [&phone, &other] {
        let functions = [
            ("update_public_data", "bio"),
            ("update_private_data", "api_token"), // wing:private-data
        ];
        for (function, field) in functions {
            browser.call(function, &[(field, "x")]).await.expect(200);
        }
    }
    let ada = phone.user_id().await;

    // Without a commit nothing has happened: snapshots are asked about, and the sessions found alive.
    let mut tx = auth.db.begin().await.unwrap();
    auth.delete_user(&mut tx, ada).await.unwrap();
    drop(tx);
    assert_eq!(phone.session().await["user_id"], json!(ada));

    // That left marks in memory. They are forgotten here, so that only the next ones count.
    world.app.advance(421);
    auth.sweep().await.unwrap();
    laptop.begin_link("corp").await;
    for browser in [&phone, &laptop, &other] {
        browser.session().await;
        assert!(browser.has_live_snapshot());
    }
    // An account of another person's waits for Ada.
    let waiting = json!({ "sub": "2", "email": "ada@example.com", "email_verified": true });
    let stranger = world.browser();
    stranger
        .sign_in("corp", &world.corp, &waiting)
        .await
        .assert_failed("link_required");
    let mut tx = auth.db.begin().await.unwrap();
    auth.delete_user(&mut tx, ada).await.unwrap();
    tx.commit().await.unwrap();

    assert!(!phone.has_live_snapshot() && !laptop.has_live_snapshot());
    for browser in [&phone, &laptop] {
        assert_eq!(browser.session().await, Value::Null);
    }
    assert!(other.has_live_snapshot());
    assert_eq!(other.session().await["email"], "grace@example.com");
    world
        .app
        .assert_counts(&[
            ("users", 1),
            ("accounts", 0),
            ("sessions", 1),
            ("tower_sessions", 1),
            ("sign_in_flows", 0),
            ("pending_links", 0),
            ("user_data WHERE bucket = 'public'", 1),
            ("user_data WHERE bucket = 'private'", 1), // wing:private-data
            ("audit_events WHERE kind = 'sign_in'", 3),
            ("audit_events WHERE kind = 'sign_in' AND user_id IS NULL", 2),
            ("audit_events WHERE kind = 'delete_user' AND user_id IS NULL", 1),
            ("stale_sessions", 2),
        ])
        .await;

    let mut tx = auth.db.begin().await.unwrap();
    let again = auth.delete_user(&mut tx, ada).await;
    assert!(matches!(again, Err(Error::NotFound)));
    drop(tx);
    // Whoever comes back is a new user.
    let back = world.signed_in("acme", &person("ada")).await;
    assert_ne!(back.user_id().await, ada);
    world.app.assert_counts(&[("users", 2)]).await;
}

/// An adapter of a fork's: it knows names of its own, and asks the template's for the rest.
#[derive(Debug)]
struct Elsewhere {
    users: SqlUsers,
    calls: Arc<Mutex<Vec<&'static str>>>,
}

impl Elsewhere {
    fn note(&self, call: &'static str) {
        self.calls.lock().unwrap().push(call);
    }
}

#[async_trait::async_trait]
impl UserAdapter for Elsewhere {
    async fn get(&self, session: &Lookup, now: OffsetDateTime) -> Result<Option<User>> {
        self.note("get");
        let user = self.users.get(session, now).await?;
        Ok(user.map(|user| User {
            name: Some("from elsewhere".to_owned()),
            ..user
        }))
    }

    async fn find_by_email(&self, tx: &mut Tx, email: &Email) -> Result<Option<Uuid>> {
        self.note("find");
        self.users.find_by_email(tx, email).await
    }

    async fn upsert(
        &self,
        tx: &mut Tx,
        occasion: Occasion,
        user: NewUser,
        now: OffsetDateTime,
    ) -> Result<Uuid> {
        self.note(match occasion {
            Occasion::Registration => "insert",
            Occasion::SignIn(_) | Occasion::Link(_) => "update",
        });
        self.users.upsert(tx, occasion, user, now).await
    }

    async fn delete(&self, tx: &mut Tx, user_id: Uuid) -> Result<bool> {
        self.note("delete");
        self.users.delete(tx, user_id).await
    }
}

#[tokio::test]
async fn users_are_found_created_and_deleted_through_the_adapter() {
    let calls = Arc::<Mutex<Vec<&'static str>>>::default();
    let kept = Arc::clone(&calls);
    let world = World::with_users(|users| Arc::new(Elsewhere { users, calls: kept })).await;
    let called = || std::mem::take(&mut *calls.lock().unwrap());
    let browser = world.signed_in("acme", &person("ada")).await;
    assert_eq!(called(), ["find", "insert"]);
    world.signed_in("acme", &person("ada")).await;
    assert_eq!(called(), ["find", "update"]);
    browser
        .link("corp", &world.corp, &person("grace"))
        .await
        .assert_leads_to("/settings/accounts");
    assert_eq!(called(), ["update"]);
    assert_eq!(browser.user().await["name"], "from elsewhere");
    assert_eq!(called(), ["get"]);
    let id = browser.user_id().await;
    called();
    let mut tx = world.app.auth.db.begin().await.unwrap();
    world.app.auth.delete_user(&mut tx, id).await.unwrap();
    assert_eq!(called(), ["delete"]);
}
