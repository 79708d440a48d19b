//! The last administrator stays, also where a user is deleted.

use auth::{Error, Role, admin::By};
use uuid::Uuid;

use crate::support::{TestApp, all_at_once};

async fn admins(app: &TestApp, count: usize) -> Vec<Uuid> {
    let people = app.auth.administration();
    let mut ids = Vec::new();
    for place in 0..count {
        let email = format!("admin-{place}@example.com");
        let browser = app.browser().at(&format!("192.0.2.{place}"));
        browser.register(&email).await;
        let id = people.find(&email).await.unwrap().id;
        people.set_role(By::CommandLine, id, Role::Admin).await.unwrap();
        ids.push(id);
    }
    ids
}

async fn delete(auth: &auth::Auth, id: Uuid) -> auth::Result<()> {
    let mut tx = auth.db.begin().await?;
    auth.delete_user(&mut tx, id).await?;
    Ok(tx.commit().await?)
}

#[tokio::test]
async fn the_last_administrator_is_not_deleted() {
    let app = TestApp::new().await;
    let ids = admins(&app, 2).await;
    let ada = app.registered("ada@example.com").await;
    let ada: Uuid = ada.session().await["user_id"].as_str().unwrap().parse().unwrap();
    // One who is disabled looks after nothing.
    let people = app.auth.administration();
    people.disable(By::CommandLine, ids[1]).await.unwrap();
    let refused = delete(&app.auth, ids[0]).await;
    assert!(matches!(refused, Err(Error::LastAdmin)), "{refused:?}");
    assert_eq!(app.number("SELECT count(*) FROM users").await, 3);
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 2);
    delete(&app.auth, ada).await.unwrap();
    delete(&app.auth, ids[1]).await.unwrap();
    people.find("admin-0@example.com").await.unwrap();
    // Where there is none, there is none to keep.
    app.sql("UPDATE users SET role = 'user'").await;
    delete(&app.auth, ids[0]).await.unwrap();
    assert_eq!(app.number("SELECT count(*) FROM users").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_administrators_who_are_deleted_and_disabled_at_once_one_is_left() {
    let app = TestApp::new().await;
    let ids = admins(&app, 6).await;
    let attempts = ids.into_iter().enumerate().map(|(place, id)| {
        let (auth, people) = (app.auth.clone(), app.auth.administration());
        async move {
            match place % 3 {
                0 => people.disable(By::CommandLine, id).await,
                1 => people.set_role(By::CommandLine, id, Role::User).await,
                _ => delete(&auth, id).await,
            }
        }
    });
    let outcomes = all_at_once(attempts).await;
    let refused = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(Error::LastAdmin)))
        .count();
    assert_eq!(refused, 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 5);
    let left = "SELECT count(*) FROM users WHERE role = 'admin' AND disabled_at IS NULL";
    assert_eq!(app.number(left).await, 1);
}
