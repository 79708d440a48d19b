//! What follows a proof, and what only a word: an address is whose it is once somebody vouches for it.

use auth::admin::Grantee; // wing:admin
use serde_json::json;

use crate::{
    accounts::connect,
    support::{Browser, OTHER_PASSWORD, PASSWORD, TestApp},
};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com"; // wing:admin

async fn verify(app: &TestApp, browser: &Browser) {
    let user_id: uuid::Uuid = browser.session().await["user_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let mut tx = app.auth.db.begin().await.unwrap();
    sqlx::query("UPDATE users SET email_verified_at = created_at WHERE id = $1")
        .bind(user_id)
        .execute(&mut *tx)
        .await
        .unwrap();
    let sessions = &app.auth.sessions;
    sessions.refresh_snapshots(&mut tx, user_id).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_session_says_whether_its_address_is_verified() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let before = ada.get("/api/session").await.expect(200);
    assert_eq!(before.json()["email_verified"], false);
    verify(&app, &ada).await;
    let after = ada.get("/api/session").await.expect(200);
    assert!(after.renews(), "the mark voids what the snapshot said");
    assert_eq!(after.json()["email_verified"], true);
    assert_ne!(after.header("etag"), before.header("etag"));
    assert_eq!(ada.session().await["email_verified"], true);
    assert_eq!(ada.user().await["email_verified"], true);
    // The new snapshot carries it by itself.
    let alone = app.restarted(&[]).await;
    let copy = ada.copy().before(&alone);
    alone.lose_database().await;
    assert_eq!(copy.session().await["email_verified"], true);
}

#[tokio::test]
async fn no_address_is_no_verified_address() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    verify(&app, &ada).await;
    app.sql("UPDATE users SET email = NULL").await;
    ada.set_cookie("auth", None);
    for _ in 0..2 {
        let session = ada.session().await;
        assert_eq!(
            (&session["email"], &session["email_verified"]),
            (&json!(null), &json!(false))
        );
    }
}

// wing:admin
#[tokio::test]
async fn administrators_see_which_addresses_are_verified() {
    let app = TestApp::new().await;
    let (root, ada) = (
        app.registered("root@example.com").await,
        app.registered(ADA).await,
    );
    let eve = app.registered(EVE).await;
    app.sql("UPDATE users SET role = 'admin' WHERE email = 'root@example.com'")
        .await;
    verify(&app, &ada).await;
    for (email, verified) in [(ADA, true), (EVE, false)] {
        let list = root.call("admin/list_people", &[("query", email)]).await;
        let list = list.expect(200).json();
        assert_eq!(list["people"][0]["email_verified"], verified, "{email}");
        let row = root.get(&format!("/admin?q={email}")).await.expect(200);
        let id = list["people"][0]["id"].as_str().unwrap();
        let page = root.get(&format!("/admin/people/{id}")).await.expect(200);
        for page in [row, page] {
            assert_eq!(page.shows(">Verified<"), verified, "{email}");
            assert_eq!(page.shows(">Not verified<"), !verified, "{email}");
        }
    }
    let everybody = root.call("admin/list_people", &[]).await.expect(200).json();
    let verified = |email| {
        let people = everybody["people"].as_array().unwrap();
        let person = people.iter().find(|person| person["email"] == email);
        person.unwrap()["email_verified"].clone()
    };
    assert_eq!((verified(ADA), verified(EVE)), (json!(true), json!(false)));
    assert!(ada.get("/profile").await.expect(200).shows(">Verified<"));
    assert!(eve.get("/profile").await.expect(200).shows(">Not verified<"));
}

#[tokio::test]
async fn a_privilege_is_given_by_id_or_by_a_verified_address() {
    let app = TestApp::new().await;
    let people = app.auth.administration();
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    // A provider says that Eve's account has Ada's address, and vouches for it.
    connect(&app, EVE, "github").await;
    app.sql("UPDATE accounts SET email = 'ada@example.com', email_verified = TRUE")
        .await;
    let id = |session: serde_json::Value| session["user_id"].as_str().unwrap().to_owned();
    let (ada_id, eve_id) = (id(ada.session().await), id(eve.session().await));

    let Grantee::Unproven(candidates) = people.grantee(" Ada@Example.com ").await.unwrap() else {
        panic!("an address that anybody may have typed is no proof");
    };
    let candidates: Vec<_> = candidates
        .iter()
        .map(|candidate| {
            let accounts = candidate.ways_in.accounts.iter();
            let providers: Vec<_> = accounts.map(|account| account.provider.as_str()).collect();
            (
                candidate.person.id.to_string(),
                candidate.ways_in.has_password,
                providers,
            )
        })
        .collect();
    assert_eq!(
        candidates,
        [(ada_id.clone(), true, vec![]), (eve_id, true, vec!["github"])]
    );

    let proven = |who: String| {
        let people = people.clone();
        async move {
            match people.grantee(&who).await.unwrap() {
                Grantee::Proven(person) => person.id.to_string(),
                Grantee::Unproven(candidates) => panic!("{who}: {candidates:?}"),
            }
        }
    };
    assert_eq!(proven(ada_id.clone()).await, ada_id);
    verify(&app, &ada).await;
    assert_eq!(proven(ADA.to_owned()).await, ada_id);
    for nobody in ["grace@example.com", crate::support::SOME_ID] {
        let refused = people.grantee(nobody).await;
        assert!(matches!(refused, Err(auth::Error::NotFound)), "{refused:?}");
    }
    let refused = people.grantee("x").await;
    assert!(matches!(refused, Err(auth::Error::InvalidEmail)), "{refused:?}");
}
// end wing:admin

/// A confirmation is a proof of who somebody is; choosing a first password is none.
#[tokio::test]
async fn setting_a_first_password_does_not_confirm_but_changing_it_does() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let account = connect(&app, ADA, "github").await;
    app.sql("UPDATE users SET password_hash = NULL").await;
    let unlink = [("account_id", account.as_str())];
    app.advance(590);
    ada.call("set_password", &[("new_password", PASSWORD)])
        .await
        .expect(200);
    app.advance(10);
    ada.call("unlink_account", &unlink)
        .await
        .refused(403, "reauth_required");
    ada.call("confirm_identity", &[("password", PASSWORD)])
        .await
        .expect(200);
    app.advance(590);
    let change = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
    ada.call("change_password", &change).await.expect(200);
    app.advance(10);
    ada.call("unlink_account", &unlink).await.expect(200);
}
