//! What each role may do in administration: the table, held against every function.

use auth::{Error, Role, admin::By};

use crate::support::{Browser, PASSWORD, TestApp};

const ROOT: &str = "root@example.com";
const HELPER: &str = "helper@example.com";
const ADA: &str = "ada@example.com";

async fn with_role(app: &TestApp, email: &str, role: Role) -> (Browser, String) {
    let browser = app.registered(email).await;
    let people = app.auth.administration();
    let id = people.find(email).await.unwrap().id;
    people.set_role(By::CommandLine, id, role).await.unwrap();
    (browser, id.to_string())
}

#[tokio::test]
async fn support_sees_people_and_ends_sessions_and_is_refused_everything_else() {
    let app = TestApp::new().await;
    let (helper, _) = with_role(&app, HELPER, Role::Support).await;
    let (ada, id) = with_role(&app, ADA, Role::User).await;
    let user = [("user_id", id.as_str())];

    helper.get("/admin").await.expect(200);
    helper.call("admin/list_people", &[]).await.expect(200);
    helper.call("admin/get_person", &user).await.expect(200);
    helper.call("admin/list_events", &user).await.expect(200);
    let refused = async |function: &str, fields: &[(&str, &str)]| {
        let answer = helper.call(function, fields).await;
        answer.refused(403, "not_permitted");
    };
    refused("admin/disable_user", &user).await;
    refused("admin/enable_user", &user).await;
    refused("admin/set_role", &[user[0], ("role", "support")]).await;
    refused("admin/reset_factors", &user).await; // wing:second-factors,passkeys
    refused("admin/invite", &[("email", "new@example.com"), ("role", "user")]).await; // wing:mail
    assert!(ada.is_signed_in().await);
    assert_eq!(ada.user().await["role"], "user");

    let session_id = ada.session_id().await;
    helper
        .call("admin/revoke_session", &[("session_id", &session_id)])
        .await
        .expect(200);
    assert!(!ada.is_signed_in().await);
    ada.login(ADA, PASSWORD).await.expect(200);
    helper.call("admin/revoke_all_sessions", &user).await.expect(200);
    assert!(!ada.is_signed_in().await);
}

#[tokio::test]
async fn nobody_ends_the_sessions_of_those_who_may_do_more() {
    let app = TestApp::new().await;
    let (helper, own) = with_role(&app, HELPER, Role::Support).await;
    let (root, id) = with_role(&app, ROOT, Role::Admin).await;
    let session_id = root.session_id().await;
    for (function, field, value) in [
        ("admin/revoke_all_sessions", "user_id", &id),
        ("admin/revoke_session", "session_id", &session_id),
    ] {
        let answer = helper.call(function, &[(field, value)]).await;
        answer.refused(403, "not_permitted");
    }
    assert!(root.is_signed_in().await);
    let page = helper.get(&format!("/admin/people/{id}")).await.expect(200);
    assert!(!page.shows("/api/admin/revoke"));
    helper
        .call("admin/revoke_all_sessions", &[("user_id", &own)])
        .await
        .expect(200);
}

#[tokio::test]
async fn a_page_has_no_button_that_would_be_refused() {
    let app = TestApp::new().await;
    let (root, _) = with_role(&app, ROOT, Role::Admin).await;
    let (helper, _) = with_role(&app, HELPER, Role::Support).await;
    let (_ada, id) = with_role(&app, ADA, Role::User).await;
    let page = format!("/admin/people/{id}");
    let buttons = [
        "/api/admin/set_role",
        "/api/admin/disable_user",
        "/api/admin/revoke_all_sessions",
    ];
    let shown = |page: &str| buttons.map(|action| page.contains(&format!("action=\"{action}\"")));
    assert_eq!(
        shown(&root.get(&page).await.expect(200).text()),
        [true, true, true]
    );
    assert_eq!(
        shown(&helper.get(&page).await.expect(200).text()),
        [false, false, true]
    );
    // wing:mail
    let invites = async |browser: &Browser| browser.get("/admin").await.shows("/api/admin/invite");
    assert!(!invites(&helper).await);
    // end wing:mail
}

#[tokio::test]
async fn a_role_that_is_taken_away_ends_what_it_allowed_at_once() {
    let app = TestApp::new().await;
    let (helper, helper_id) = with_role(&app, HELPER, Role::Support).await;
    let (_, id) = with_role(&app, ADA, Role::User).await;
    let people = app.auth.administration();
    people
        .set_role(By::CommandLine, helper_id.parse().unwrap(), Role::User)
        .await
        .unwrap();
    helper.call("admin/list_people", &[]).await.expect(404);
    helper
        .call("admin/revoke_all_sessions", &[("user_id", &id)])
        .await
        .expect(404);
    assert!(!helper.get("/").await.shows(">People<"));
}

#[tokio::test]
async fn the_last_user_who_may_give_roles_stays_whatever_others_may() {
    let app = TestApp::new().await;
    let (_, root) = with_role(&app, ROOT, Role::Admin).await;
    with_role(&app, HELPER, Role::Support).await;
    let people = app.auth.administration();
    let refused = people
        .set_role(By::CommandLine, root.parse().unwrap(), Role::Support)
        .await;
    assert!(matches!(refused, Err(Error::LastAdmin)), "{refused:?}");
}
