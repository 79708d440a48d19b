//! Sessions: known without a query, over at their time, absent when anything about them is odd.

use auth::{RequestAuth, session_layer};
use axum::{Extension, Router, middleware::from_fn_with_state, routing::get};
use http::Method;

use crate::support::{
    FUNCTIONS, LOADS_NOTHING, OPEN_FUNCTIONS, OTHER_PASSWORD, PASSWORD, PROTECTED, TestApp, contains,
};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";

#[tokio::test(flavor = "multi_thread")]
async fn a_live_snapshot_answers_while_the_database_is_exclusively_locked_and_authoritative_calls_answer_503()
{
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let session = ada.session().await;

    // A lock stops some, and the others find no connection: on SQLite readers pass the lock, on PostgreSQL
    // whatever needs neither of these tables.
    let mut lock = app.auth.db.write().acquire().await.unwrap();
    #[cfg(feature = "postgres")] // wing:postgres
    let locking = "BEGIN; LOCK TABLE users, sessions IN ACCESS EXCLUSIVE MODE"; // wing:postgres
    #[cfg(not(feature = "postgres"))] // wing:postgres
    let locking = "BEGIN EXCLUSIVE";
    sqlx::raw_sql(locking).execute(&mut *lock).await.unwrap();
    let readers = app.auth.db.read();
    let left = readers.pool().options().get_max_connections();
    #[cfg(feature = "postgres")] // wing:postgres
    let left = left - 1; // wing:postgres
    let mut held = Vec::new();
    for _ in 0..left {
        held.push(readers.acquire().await.unwrap());
    }

    assert_eq!(ada.session().await, session);
    assert!(ada.get("/").await.expect(200).shows(ADA));
    let stranger = app.browser();
    let started = std::time::Instant::now();
    let (user, update, page, login, ready) = tokio::join!(
        ada.call("get_user", &[]),
        ada.call("update_public_data", &[("bio", "x")]),
        ada.get("/profile"),
        stranger.login(ADA, PASSWORD),
        stranger.get("/readyz"),
    );
    assert!(started.elapsed().as_secs() < 5, "nobody waits for longer");
    for answer in [&user, &update, &login] {
        answer.clone().refused(503, "unavailable");
    }
    for answer in [user, update, page, login, ready] {
        let answer = answer.expect(503);
        assert!(answer.header("retry-after").is_some());
        assert!(answer.cookies().is_empty());
    }

    drop(held);
    sqlx::query("ROLLBACK").execute(&mut *lock).await.unwrap();
    drop(lock);
    assert_eq!(ada.user().await["email"], ADA);
    ada.call("update_public_data", &[("bio", "x")]).await.expect(200);
}

#[tokio::test]
async fn without_a_database_every_authoritative_call_is_503_and_nothing_is_cleared() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.lose_database().await;
    for &(function, fields) in FUNCTIONS {
        let answer = ada.call(function, fields).await;
        match function {
            "get_auth_session" => drop(answer.expect(200)),
            "get_privacy" => drop(answer.expect(200)), // wing:data-rights
            // Without the cookie of a sign-in that waits, there is nothing to ask for.
            "second_factor" => drop(answer.refused(401, "unauthenticated")), // wing:second-factors
            // Nor is there anything to look for in what is no answer of an authenticator.
            "passkey_sign_in" => drop(answer.refused(401, "invalid_credentials")), // wing:passkeys
            // Nor without the cookie of a provider account that waits.
            "claim_address" => drop(answer.refused(404, "not_found")), // wing:mail
            _ => drop(answer.refused(503, "unavailable")),
        }
    }
    for &page in PROTECTED {
        let status = if LOADS_NOTHING.contains(&page) { 200 } else { 503 };
        let answer = ada.get(page).await.expect(status);
        assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    }
    // "Try again" leads to the same address, its query included.
    let asked = "/settings/security?return_to=/settings/accounts%3Fa%3Db";
    let answer = ada.get(asked).await.expect(503);
    assert!(answer.shows(&format!("href=\"{asked}\"")), "{}", answer.text());
    assert!(ada.get("/").await.expect(200).shows(ADA));
    assert_eq!(ada.get("/healthz").await.expect(200).text(), "ok\n");
    ada.get("/readyz").await.expect(503);
    assert!(ada.is_signed_in().await, "no answer cleared a cookie");
}

#[tokio::test]
async fn without_a_database_a_void_snapshot_is_503_on_pages_and_api_routes_alike() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.lose_database().await;
    app.advance(300);
    for path in ["/", "/login", "/profile", "/api/session", "/nowhere"] {
        let answer = ada.get(path).await.expect(503);
        assert!(answer.cookies().is_empty());
    }
    for &(function, fields) in FUNCTIONS {
        ada.call(function, fields).await.refused(503, "unavailable");
    }
    // Who shows no id needs no authority.
    app.browser().get("/").await.expect(200);
    app.browser().get("/profile").await.expect(303);
}

#[tokio::test]
async fn a_page_knows_its_user_without_a_query_and_get_user_returns_the_whole_user() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let session = ada.session().await;
    let keys: Vec<_> = session.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "email",
        "email_verified",
        "expires_at",
        "role",
        "session_id",
        "user_id",
    ];
    assert_eq!(keys, expected);
    assert_eq!(session["email"], ADA);
    assert_eq!(session["email_verified"], false);
    assert_eq!(session["role"], "user");
    let expires_at = session["expires_at"].as_str().unwrap();
    assert!(
        expires_at.ends_with('Z') && expires_at.len() == 20,
        "{expires_at}"
    );
    for id in ["session_id", "user_id"] {
        let id = session[id].as_str().unwrap();
        let parsed: uuid::Uuid = id.parse().unwrap();
        assert_eq!(id, parsed.hyphenated().to_string());
    }

    let user = ada.user().await;
    let keys: Vec<_> = user.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "accounts",
        "avatar_url",
        "created_at",
        "email",
        "email_verified",
        "id",
        "name",
        "role",
    ];
    assert_eq!(keys, expected);
    assert_eq!(user["id"], session["user_id"]);
    assert_eq!(user["name"], "Ada");
    assert_eq!(user["email_verified"], false);
    assert!(app.browser().user().await.is_null());
    assert!(app.browser().session().await.is_null());
}

#[tokio::test]
async fn a_snapshot_with_any_byte_flipped_counts_as_absent() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let session = ada.session().await;
    let (id, snapshot) = ada.session_cookies();
    let ask = |id: &str, snapshot: &str| {
        ada.post("/api/get_auth_session", &[])
            .cookies(&format!("__Host-id={id}; __Host-auth={snapshot}"))
            .send()
    };
    let untouched = ask(&id, &snapshot).await.expect(200);
    assert!(!untouched.renews(), "the true snapshot is believed");
    for place in 0..snapshot.len() {
        let mut bytes = snapshot.clone().into_bytes();
        bytes[place] ^= 1;
        let flipped = String::from_utf8(bytes).unwrap();
        let answer = ask(&id, &flipped).await.expect(200);
        assert_eq!(answer.json(), session, "byte {place}");
        assert!(answer.renews(), "byte {place}");
    }
    for odd in [
        "",
        "v4.local.",
        "x",
        &snapshot[..40],
        &format!("{snapshot}x"),
        &"a".repeat(8192),
    ] {
        let answer = ask(&id, odd).await.expect(200);
        assert_eq!(answer.json(), session);
        assert!(answer.renews());
    }
    app.lose_database().await;
    ask(&id, &snapshot).await.expect(200);
    let mut flipped = snapshot.into_bytes();
    *flipped.last_mut().unwrap() ^= 1;
    ask(&id, &String::from_utf8(flipped).unwrap()).await.expect(503);
}

#[tokio::test]
async fn a_snapshot_without_its_own_id_cookie_opens_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (id, snapshot) = ada.session_cookies();
    let with = |cookies: String| ada.post("/api/get_auth_session", &[]).cookies(&cookies).send();
    assert!(
        !with(format!("__Host-id={id}; __Host-auth={snapshot}"))
            .await
            .json()
            .is_null()
    );
    assert!(
        with(format!("__Host-auth={snapshot}"))
            .await
            .expect(200)
            .json()
            .is_null()
    );
    assert!(
        with(format!("__Host-id=; __Host-auth={snapshot}"))
            .await
            .expect(200)
            .json()
            .is_null()
    );
    let answer = with(format!(
        "__Host-id=AAAAAAAAAAAAAAAAAAAAAA; __Host-auth={snapshot}"
    ))
    .await;
    assert!(answer.json().is_null());
    assert!(answer.clears(), "an unknown id is cleared");

    let thief = app.browser();
    thief.set_cookie("auth", Some(&snapshot));
    thief
        .get("/profile")
        .await
        .leads_to("/login?return_to=%2Fprofile");
    assert!(!thief.get("/").await.expect(200).shows(ADA));
    for &(function, fields) in FUNCTIONS
        .iter()
        .filter(|(name, _)| !OPEN_FUNCTIONS.contains(name))
    {
        thief.call(function, fields).await.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn cookies_of_two_people_mixed_never_give_the_others_data() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    ada.call("update_public_data", &[("bio", "ada-canary")])
        .await
        .expect(200);
    eve.call("update_public_data", &[("bio", "eve-canary")])
        .await
        .expect(200);
    let ((ada_id, ada_snapshot), (eve_id, eve_snapshot)) = (ada.session_cookies(), eve.session_cookies());
    for (id, snapshot, own, others) in [
        (&ada_id, &eve_snapshot, (ADA, "ada-canary"), (EVE, "eve-canary")),
        (&eve_id, &ada_snapshot, (EVE, "eve-canary"), (ADA, "ada-canary")),
    ] {
        let mixed = app.browser();
        let plant = || {
            mixed.set_cookie("id", Some(id));
            mixed.set_cookie("auth", Some(snapshot));
        };
        plant();
        assert_eq!(mixed.session().await["email"], own.0);
        plant();
        assert_eq!(mixed.user().await["email"], own.0);
        for page in ["/", "/profile", "/settings/public", "/settings/sessions"] {
            plant();
            let answer = mixed.get(page).await.expect(200);
            assert!(answer.shows(own.0), "{page}");
            assert!(!answer.shows(others.0) && !answer.shows(others.1), "{page}");
        }
        plant();
        let data = mixed.call("get_public_data", &[]).await.expect(200);
        assert_eq!(data.json()["bio"], own.1);
    }
}

#[tokio::test]
async fn values_moved_between_cookies_are_worth_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (id, snapshot) = ada.session_cookies();
    let flash = ada
        .submit("/login", "login", &[("email", ADA), ("password", "x")])
        .await;
    let flash = flash.cookie("__Host-flash").unwrap().value;
    for cookies in [
        format!("__Host-id={snapshot}; __Host-auth={id}"),
        format!("__Host-id={snapshot}"),
        format!("__Host-auth={flash}"),
        format!("__Host-flow={id}; __Host-flash={snapshot}"),
        format!("id={id}; auth={snapshot}"),
        format!("__host-id={id}"),
        format!("__Host-id =: {id}"),
        format!("=__Host-id={id}"),
        format!("__Secure-id={id}"),
        format!("$__Host-id={id}"),
    ] {
        let answer = ada
            .post("/api/get_auth_session", &[])
            .cookies(&cookies)
            .send()
            .await;
        assert!(answer.expect(200).json().is_null(), "{cookies}");
    }
    let with_flash_for_snapshot = format!("__Host-id={id}; __Host-auth={flash}");
    let answer = ada
        .post("/api/get_auth_session", &[])
        .cookies(&with_flash_for_snapshot)
        .send()
        .await;
    assert!(answer.renews(), "the id decides");
}

#[tokio::test]
async fn an_id_is_read_from_its_cookie_only() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (id, _) = ada.session_cookies();
    let stranger = app.browser();
    let query = format!("/api/session?id={id}&__Host-id={id}");
    assert_eq!(stranger.get(&query).await.expect(200).text(), "null");
    let call = stranger
        .post("/api/get_auth_session", &[("id", &id), ("__Host-id", &id)])
        .header("x-session-id", &id);
    assert!(call.send().await.expect(200).json().is_null());
}

#[tokio::test]
async fn a_cookie_name_that_occurs_twice_counts_as_absent_in_one_header_or_two() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    let ((id, snapshot), (eve_id, eve_snapshot)) = (ada.session_cookies(), eve.session_cookies());
    let ask = || app.browser().post("/api/get_auth_session", &[]);
    for (first, second) in [(&id, &eve_id), (&eve_id, &id), (&id, &id)] {
        let one = ask().cookies(&format!(
            "__Host-id={first}; __Host-auth={snapshot}; __Host-id={second}"
        ));
        assert!(one.send().await.expect(200).json().is_null());
        let two = ask()
            .cookies(&format!("__Host-id={first}; __Host-auth={snapshot}"))
            .another("cookie", &format!("__Host-id={second}"));
        assert!(two.send().await.expect(200).json().is_null());
    }
    // A doubled snapshot is absent, so the id decides.
    let doubled = format!("__Host-id={id}; __Host-auth={eve_snapshot}; __Host-auth={snapshot}");
    let answer = ask().cookies(&doubled).send().await.expect(200);
    assert_eq!(answer.json()["email"], ADA);
    assert!(answer.renews());
}

#[tokio::test]
async fn a_malformed_or_unknown_id_is_cleared_and_a_missing_one_is_left_alone() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    for id in [
        "AAAAAAAAAAAAAAAAAAAAAA",
        "x",
        "%00",
        "../../etc/passwd",
        &"A".repeat(5000),
        "' OR 1=1 --",
    ] {
        let browser = app.browser();
        browser.set_cookie("id", Some(id));
        let answer = browser.get("/").await.expect(200);
        assert!(answer.clears(), "{id}");
        assert!(browser.is_empty());
    }
    for path in [
        "/",
        "/login",
        "/register",
        "/profile",
        "/settings",
        "/nowhere",
        "/api/session",
    ] {
        assert!(app.browser().get(path).await.cookies().is_empty(), "{path}");
    }
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 1);
    assert_eq!(app.number("SELECT count(*) FROM tower_sessions").await, 1);
}

#[tokio::test]
async fn a_session_slides_and_ends_at_its_idle_boundary() {
    let app = TestApp::new().await;
    let before = app.registered(ADA).await;
    let (at, after) = (app.signed_in(ADA).await, app.signed_in(ADA).await);
    app.advance(1799);
    assert!(before.is_signed_in().await);
    app.advance(1);
    assert!(!at.is_signed_in().await, "expired is expired at the boundary");
    assert!(at.is_empty());
    app.advance(1);
    assert!(after.user().await.is_null());
    after
        .call("list_sessions", &[])
        .await
        .refused(401, "unauthenticated");

    // What was used slid: from its touch at 1799, another 1800 seconds.
    app.advance(1797);
    assert!(before.is_signed_in().await);
    app.advance(1800);
    assert!(!before.is_signed_in().await);
}

#[tokio::test]
async fn a_session_ends_at_its_absolute_boundary_however_busy() {
    let app = TestApp::new().await;
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let mut left = 43_200 - 1;
    while left > 0 {
        let step = left.min(1700);
        app.advance(step);
        left -= step;
        assert!(ada.is_signed_in().await);
        assert!(other.is_signed_in().await);
    }
    // Minted a second before the end, a snapshot does not outlive it.
    app.advance(1);
    assert!(!ada.is_signed_in().await);
    assert!(ada.is_empty());
    other
        .call("list_sessions", &[])
        .await
        .refused(401, "unauthenticated");
    other.get("/profile").await.expect(303);
}

#[tokio::test]
async fn the_authority_alone_ends_a_session_at_the_absolute_boundary() {
    let app = TestApp::with(&[("SESSION_ABSOLUTE", "200")]).await;
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    app.advance(199);
    assert_eq!(ada.user().await["email"], ADA);
    app.advance(1);
    assert!(ada.user().await.is_null());
    other
        .call("list_sessions", &[])
        .await
        .refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_remembered_session_has_its_own_limits() {
    let app = TestApp::new().await;
    let (before, at) = (app.registered(ADA).await, app.browser());
    let remember = [("email", ADA), ("password", PASSWORD), ("remember", "true")];
    for browser in [&before, &at] {
        browser.call("login", &remember).await.expect(200);
    }
    app.advance(1_209_600 - 1);
    assert!(before.is_signed_in().await);
    app.advance(1);
    assert!(!at.is_signed_in().await);

    app.advance(1_209_600 - 2);
    assert!(before.is_signed_in().await);
    let absolute = 2_592_000 - 1_209_600 - (1_209_600 - 2) - 1;
    app.advance(absolute);
    assert!(before.is_signed_in().await);
    let (id, snapshot) = before.session_cookies();
    app.advance(1);
    assert!(before.is_empty(), "the browser has forgotten them");
    // And one that has not is told so.
    let kept = before
        .post("/api/get_user", &[])
        .cookies(&format!("__Host-id={id}; __Host-auth={snapshot}"));
    let answer = kept.send().await.expect(200);
    assert!(answer.json().is_null() && answer.clears());
}

#[tokio::test]
async fn a_snapshot_from_a_clock_too_far_ahead_is_not_trusted() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.lose_database().await;
    app.advance(-60);
    ada.get("/").await.expect(200);
    app.advance(-1);
    ada.get("/").await.expect(503);
}

#[tokio::test]
async fn cookies_end_with_the_browser_unless_it_shall_remember() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let forgetful = app.browser();
    let answer = forgetful.login(ADA, PASSWORD).await.expect(200);
    for name in ["__Host-id", "__Host-auth"] {
        let text = answer.cookie(name).unwrap().text;
        assert!(!text.contains("Max-Age") && !text.contains("Expires"), "{text}");
    }
    forgetful.restart();
    assert!(!forgetful.is_signed_in().await);

    let remembering = app.browser();
    let remember = [("email", ADA), ("password", PASSWORD), ("remember", "true")];
    let answer = remembering.call("login", &remember).await.expect(200);
    assert_eq!(answer.cookie("__Host-id").unwrap().max_age, Some(2_592_000));
    remembering.restart();
    assert!(remembering.is_signed_in().await);
    app.advance(1000);
    let renewed = remembering.get("/").await;
    assert_eq!(
        renewed.cookie("__Host-id").unwrap().max_age,
        Some(2_592_000 - 1000)
    );

    for refused in ["false", "", "on", "1"] {
        let fields = [("email", ADA), ("password", PASSWORD), ("remember", refused)];
        let answer = app.browser().call("login", &fields).await;
        let age = answer.cookie("__Host-id").and_then(|cookie| cookie.max_age);
        assert_eq!(age, None, "remember={refused}");
        assert!(
            matches!(answer.status, 200 | 422),
            "remember={refused}: {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn under_http_the_names_are_plain_and_prefixed_cookies_count_for_nothing() {
    let app = TestApp::with(&[("PUBLIC_URL", "http://localhost:3000")]).await;
    let ada = app.registered(ADA).await;
    let (id, snapshot) = ada.session_cookies();
    assert!(ada.is_signed_in().await);
    let prefixed = format!("__Host-id={id}; __Host-auth={snapshot}");
    let answer = ada
        .post("/api/get_auth_session", &[])
        .cookies(&prefixed)
        .send()
        .await;
    assert!(answer.json().is_null());
    ada.call("logout", &[]).await.expect(200);
    assert!(ada.is_empty());
}

#[tokio::test]
async fn a_session_is_touched_at_most_once_a_minute() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let touched = "SELECT CAST(last_seen_at AS TEXT) FROM sessions";
    let first = app.text(touched).await;
    let renew = || async {
        ada.set_cookie("auth", None);
        assert!(ada.get("/").await.renews());
    };
    app.advance(59);
    renew().await;
    assert_eq!(app.text(touched).await, first);
    app.advance(2);
    renew().await;
    let second = app.text(touched).await;
    assert!(second > first);
    app.advance(59);
    renew().await;
    assert_eq!(app.text(touched).await, second);
}

#[tokio::test]
async fn a_short_idle_limit_touches_at_its_quarter() {
    let app = TestApp::with(&[("SESSION_IDLE", "100")]).await;
    let ada = app.registered(ADA).await;
    let touched = "SELECT CAST(last_seen_at AS TEXT) FROM sessions";
    let first = app.text(touched).await;
    app.advance(24);
    ada.set_cookie("auth", None);
    ada.get("/").await.expect(200);
    assert_eq!(app.text(touched).await, first);
    app.advance(2);
    ada.set_cookie("auth", None);
    ada.get("/").await.expect(200);
    assert!(app.text(touched).await > first);
}

#[tokio::test]
async fn a_snapshot_lives_its_ttl_half_the_idle_limit_or_the_rest_of_its_session() {
    for (vars, life) in [
        (&[][..], 300),
        (&[("SNAPSHOT_TTL", "60")], 60),
        (&[("SESSION_IDLE", "100")], 50),
        (&[("SESSION_ABSOLUTE", "40")], 40),
    ] {
        let app = TestApp::with(vars).await;
        let ada = app.registered(ADA).await;
        app.lose_database().await;
        app.advance(life - 1);
        ada.get("/").await.expect(200);
        app.advance(1);
        ada.get("/").await.expect(503);
    }
}

#[tokio::test]
async fn stale_marks_outlive_the_process_that_made_them() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    let user_id: uuid::Uuid = ada.session().await["user_id"].as_str().unwrap().parse().unwrap();
    let (marked, unmarked) = (ada.copy(), eve.copy());
    let mut tx = app.auth.db.begin().await.unwrap();
    app.auth
        .sessions
        .refresh_snapshots(&mut tx, user_id)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let next = app.restarted(&[]).await;
    next.lose_database().await;
    unmarked.before(&next).get("/").await.expect(200);
    marked.before(&next).get("/").await.expect(503);

    let third = app.restarted(&[]).await;
    assert!(
        marked.before(&third).get("/").await.expect(200).renews(),
        "alive, with a new snapshot"
    );
    // A mark is forgotten when no snapshot it voids can be in its time any more.
    app.advance(300 + 120);
    app.auth.sweep().await.unwrap();
    assert_eq!(app.number("SELECT count(*) FROM stale_sessions").await, 0);
}

#[tokio::test]
async fn a_change_of_what_a_snapshot_carries_is_seen_at_once() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    assert_eq!(ada.session().await["role"], "user");
    let user_id: uuid::Uuid = ada.session().await["user_id"].as_str().unwrap().parse().unwrap();
    let mut tx = app.auth.db.begin().await.unwrap();
    sqlx::query("UPDATE users SET role = 'admin'")
        .execute(&mut *tx)
        .await
        .unwrap();
    app.auth
        .sessions
        .refresh_snapshots(&mut tx, user_id)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ada.session().await["role"], "admin");
}

#[tokio::test]
async fn a_sweep_removes_what_has_expired_and_nothing_else() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.advance(1000);
    let live = app.signed_in(ADA).await;
    app.advance(800);
    drop(ada);
    app.auth.sweep().await.unwrap();
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 1);
    assert_eq!(app.number("SELECT count(*) FROM tower_sessions").await, 1);
    assert!(live.is_signed_in().await);
}

#[tokio::test]
async fn a_sweep_that_fails_says_so_and_the_next_one_does_its_work() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    app.advance(1800);
    app.sql("ALTER TABLE sessions RENAME TO hidden").await;
    assert!(app.auth.sweep().await.is_err());
    app.sql("ALTER TABLE hidden RENAME TO sessions").await;
    app.auth.sweep().await.unwrap();
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 0);
}

#[tokio::test]
async fn the_twenty_first_session_ends_the_least_recently_seen() {
    let app = TestApp::new().await;
    let first = app.registered(ADA).await;
    let second = app.signed_in(ADA).await;
    app.advance(70);
    // Seen again, the first is no longer the oldest.
    first.set_cookie("auth", None);
    assert!(first.is_signed_in().await);
    for _ in 0..18 {
        app.signed_in(ADA).await;
    }
    assert!(second.is_signed_in().await);
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 20);
    // Not in use any more: until a minute has passed another one would go.
    app.advance(61);
    let newest = app.signed_in(ADA).await;
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 20);
    assert!(!second.is_signed_in().await);
    assert!(first.is_signed_in().await);
    assert!(newest.is_signed_in().await);
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_cannot_sign_in() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    let user_id: uuid::Uuid = ada.session().await["user_id"].as_str().unwrap().parse().unwrap();
    let mut tx = app.auth.db.begin().await.unwrap();
    sqlx::query("UPDATE users SET disabled_at = created_at WHERE id = $1")
        .bind(user_id)
        .execute(&mut *tx)
        .await
        .unwrap();
    app.auth
        .sessions
        .refresh_snapshots(&mut tx, user_id)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let copy = ada.copy();
    assert!(copy.user().await.is_null());
    ada.call("list_sessions", &[])
        .await
        .refused(401, "unauthenticated");
    assert!(!ada.is_signed_in().await);
    ada.get("/profile").await.expect(303);
    ada.login(ADA, PASSWORD).await.refused(401, "invalid_credentials");
    assert!(eve.is_signed_in().await);
}

#[tokio::test]
async fn even_without_a_mark_authoritative_calls_see_that_a_user_is_disabled() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    ada.call("list_sessions", &[]).await.expect(200);
    app.sql("UPDATE users SET disabled_at = created_at").await;
    ada.call("list_sessions", &[])
        .await
        .refused(401, "unauthenticated");
    assert!(ada.is_empty());
}

#[tokio::test]
async fn sessions_are_listed_with_what_a_person_needs_and_no_secret() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.advance(5);
    let phone = app.browser().at("2001:db8::7");
    let call = phone
        .post("/api/login", &[("email", ADA), ("password", PASSWORD)])
        .header("user-agent", "Phone/1.0");
    call.send().await.expect(200);
    app.advance(5);
    app.registered(EVE).await;

    let list = ada.call("list_sessions", &[]).await.expect(200);
    let sessions = list.json();
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let current: Vec<_> = sessions
        .iter()
        .map(|session| session["current"].as_bool().unwrap())
        .collect();
    assert_eq!(current, [true, false], "the current one first");
    let keys: Vec<_> = sessions[1]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "created_at",
        "current",
        "expires_at",
        "ip",
        "last_seen_at",
        "method",
        "session_id",
        "user_agent",
    ];
    assert_eq!(keys, expected);
    assert_eq!(sessions[1]["user_agent"], "Phone/1.0");
    assert_eq!(sessions[1]["ip"], "2001:db8::7");
    assert_eq!(sessions[1]["method"], "password");
    let (id, _) = phone.session_cookies();
    assert!(!list.everything().contains(&id));
}

#[tokio::test]
async fn no_cookie_value_and_no_password_lies_in_the_database() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (id, snapshot) = ada.session_cookies();
    ada.call(
        "change_password",
        &[("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)],
    )
    .await
    .expect(200);
    let (new_id, _) = ada.session_cookies();
    let disk = app.disk();
    assert!(contains(&disk, ADA), "what is stored is found");
    for secret in [&id, &new_id, &snapshot, PASSWORD, OTHER_PASSWORD] {
        assert!(!contains(&disk, secret), "{secret}");
    }
    let hash = app.text("SELECT password_hash FROM users").await;
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
}

#[tokio::test]
async fn a_save_in_flight_during_revocation_revives_nothing() {
    let app = TestApp::new().await;
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let slow = ForksRoute::over(&app);

    // First without a revocation, so that it is known that such a save is kept.
    slow.visit(&ada, async {}).await.expect(200);
    assert_eq!(slow.visit(&ada, async {}).await.expect(200).text(), "1");

    let record = "SELECT count(*) FROM tower_sessions";
    assert_eq!(app.number(record).await, 2);
    let session_id = ada.session_id().await;
    let answer = slow
        .visit(&ada, async {
            let revoked = other.call("revoke_session", &[("session_id", &session_id)]).await;
            revoked.expect(200);
        })
        .await;
    assert!(!answer.renews(), "a revoked session gets no fresh snapshot");
    assert_eq!(app.number(record).await, 1);
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 1);
    assert!(!ada.is_signed_in().await);
    assert!(other.is_signed_in().await);
}

#[tokio::test]
async fn the_data_of_a_fork_is_gone_after_a_sign_in_and_kept_over_a_new_id() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let route = ForksRoute::over(&app);
    route.visit(&ada, async {}).await.expect(200);
    ada.call("confirm_identity", &[("password", PASSWORD)])
        .await
        .expect(200);
    assert_eq!(route.visit(&ada, async {}).await.text(), "1");
    ada.login(ADA, PASSWORD).await.expect(200);
    assert_eq!(route.visit(&ada, async {}).await.text(), "0");
}

/// A route of a fork: it reads a number from the session's data, takes its time, and writes the next.
struct ForksRoute {
    router: Router,
    begun: std::sync::Arc<tokio::sync::Notify>,
    go: std::sync::Arc<tokio::sync::Notify>,
}

impl ForksRoute {
    fn over(app: &TestApp) -> Self {
        let (begun, go) = <(
            std::sync::Arc<tokio::sync::Notify>,
            std::sync::Arc<tokio::sync::Notify>,
        )>::default();
        let handler = {
            let (begun, go) = (begun.clone(), go.clone());
            move |Extension(request): Extension<RequestAuth>| async move {
                let data = request.data().unwrap();
                let count = data.get::<i32>("count").await.unwrap().unwrap_or(0);
                begun.notify_one();
                go.notified().await;
                data.insert("count", count + 1).await.unwrap();
                count.to_string()
            }
        };
        let router = Router::new()
            .route("/slow", get(handler))
            .layer(from_fn_with_state(app.auth.sessions.clone(), session_layer));
        Self { router, begun, go }
    }

    /// Visits the route; `meanwhile` happens after it has read and before it writes.
    async fn visit(
        &self,
        browser: &crate::support::Browser,
        meanwhile: impl Future<Output = ()>,
    ) -> crate::support::Answer {
        let visit = browser
            .through(&self.router)
            .request(Method::GET, "/slow")
            .send_unchecked();
        let (answer, ()) = tokio::join!(visit, async {
            self.begun.notified().await;
            meanwhile.await;
            self.go.notify_one();
        });
        answer
    }
}
