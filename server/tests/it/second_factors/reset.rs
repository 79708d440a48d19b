//! What an administrator does for a user who has lost the app and the recovery codes.

use auth::admin::By;

use super::{ADA, App, half_way, second};
use crate::support::{Folder, PASSWORD, Server, TestApp, command};

const ROOT: &str = "root@example.com";

#[tokio::test]
async fn an_administrator_turns_it_off_for_a_user_who_has_lost_everything() {
    let app = TestApp::new().await;
    let root = app.registered(ROOT).await;
    app.promote(ROOT).await;
    let ada = app.registered(ADA).await;
    let id = app.id_of(ADA).await.to_string();
    let fields = [("user_id", id.as_str())];
    root.call("admin/reset_factors", &fields)
        .await
        .refused(409, "no_second_factor");
    let its = App::of(&ada).await;
    let trusting = half_way(&app).await;
    let trust = [("code", its.code(&app)), ("trust", "true".to_owned())];
    let trust = trust.each_ref().map(|(name, value)| (*name, value.as_str()));
    trusting.call("second_factor", &trust).await.expect(200);
    app.advance(30);
    let elsewhere = app.browser();
    elsewhere
        .login(ADA, PASSWORD)
        .await
        .refused(403, "second_factor_required");
    // Whoever is no administrator sees no such function.
    ada.call("admin/reset_factors", &fields)
        .await
        .refused(404, "not_found");

    let page = format!("/admin/people/{id}");
    let shown = root.get(&page).await.expect(200);
    assert!(shown.shows("action=\"/api/admin/reset_factors\""));
    root.submit(&page, "admin/reset_factors", &fields)
        .await
        .leads_to(&page);
    let shown = root.get(&page).await.expect(200);
    assert!(shown.shows("The second factors have been removed"));
    assert!(!shown.shows("action=\"/api/admin/reset_factors\""));
    app.assert_counts(&[
        ("totp", 0),
        ("recovery_codes", 0),
        ("devices", 0),
        ("ceremonies", 0),
        ("sessions", 1),
    ])
    .await;
    assert!(!ada.is_signed_in().await && !trusting.is_signed_in().await);
    second(&elsewhere, &its.code(&app))
        .await
        .refused(401, "unauthenticated");
    // The password is the one it was.
    elsewhere.login(ADA, PASSWORD).await.expect(200);
    let events = elsewhere.call("list_own_events", &[]).await.json();
    assert_eq!(events[1]["kind"], "reset_factors");
    assert!(events[1]["by"]["admin"].is_object(), "{events}");
}

#[tokio::test]
async fn nobody_turns_off_their_own_without_it() {
    let app = TestApp::new().await;
    let root = app.registered(ROOT).await;
    app.promote(ROOT).await;
    App::of(&root).await;
    let id = app.id_of(ROOT).await.to_string();
    root.call("admin/reset_factors", &[("user_id", &id)])
        .await
        .refused(409, "not_yourself");
    app.assert_counts(&[("totp", 1), ("sessions", 1)]).await;
    // An operator at the command line is nobody's self.
    let people = app.auth.administration();
    let user_id = id.parse().unwrap();
    people.reset_factors(By::CommandLine, user_id).await.unwrap();
    app.assert_counts(&[("totp", 0), ("sessions", 0)]).await;
}

#[test]
fn the_command_line_says_what_it_did() {
    let folder = Folder::new();
    let site = [("PUBLIC_URL", "http://127.0.0.1:3000")];
    let server = Server::start(&folder, &site);
    let fields = [("email", ADA), ("password", PASSWORD)];
    let answer = server.post("/api/register", "", &fields);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for (who, said) in [
        (ADA, "has no second factor"),
        ("bob@example.com", "no user has the address bob@example.com"),
    ] {
        let output = command(&folder, &site)
            .args(["users", "reset-factors", who])
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && printed.contains(said), "{printed}");
    }
    server.signal("TERM");
    server.finish();
}
