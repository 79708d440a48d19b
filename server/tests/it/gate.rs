//! One gate before every check of a password: strangers keep nobody out, and nobody guesses past it.

use crate::support::{Answer, Browser, OTHER_PASSWORD, PASSWORD, TestApp, all_at_once};

const ADA: &str = "ada@example.com";
/// Where [`TestApp::browser`] is: 203.0.113.7. This is its neighbour.
const NEIGHBOUR: &str = "203.0.113.200";

/// Strangers use up what they have of an account.
async fn guessed_at(app: &TestApp, email: &str) {
    for place in 0..5 {
        let stranger = app.browser().at(&format!("198.51.100.{place}"));
        stranger.login(email, "wrong").await.expect(401);
    }
    let stranger = app.browser().at("198.51.100.9");
    stranger.login(email, PASSWORD).await.expect(429);
}

async fn confirm(browser: &Browser, password: &str) -> Answer {
    browser.call("confirm_identity", &[("password", password)]).await
}

async fn change(browser: &Browser, current: &str) -> Answer {
    let fields = [("current_password", current), ("new_password", OTHER_PASSWORD)];
    browser.call("change_password", &fields).await
}

#[tokio::test]
async fn strangers_who_guess_cannot_keep_an_accounts_owner_out() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    // For hours, as long as the wait can get.
    for _ in 0..6 {
        guessed_at(&app, ADA).await;
        app.browser().login(ADA, PASSWORD).await.expect(200);
        app.browser().at(NEIGHBOUR).login(ADA, PASSWORD).await.expect(200);
        confirm(&ada, PASSWORD).await.expect(200);
        app.advance(900);
    }
    guessed_at(&app, ADA).await;
    // From anywhere else the owner is a stranger as well.
    let away = app.browser().at("192.0.2.77");
    away.login(ADA, PASSWORD).await.refused(429, "too_many_attempts");
}

#[tokio::test]
async fn a_known_network_is_one_of_this_account_and_for_thirty_days() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let eve = app.browser().at("192.0.2.1");
    eve.register("eve@example.com").await;
    guessed_at(&app, ADA).await;
    // Where another account is known, this one is not.
    eve.login(ADA, PASSWORD).await.expect(429);
    app.advance(30 * 86_400 - 901);
    guessed_at(&app, ADA).await;
    app.browser().login(ADA, PASSWORD).await.expect(200);
    // That was a sign-in: thirty days more, and not a second longer.
    app.advance(30 * 86_400 - 1);
    guessed_at(&app, ADA).await;
    let last = app.browser();
    last.login(ADA, "wrong").await.expect(401);
    app.advance(1);
    last.login(ADA, PASSWORD).await.refused(429, "too_many_attempts");
    // A sweep takes what is no longer known, and nothing else.
    let networks = "SELECT count(*) FROM sign_in_networks";
    app.browser()
        .at("192.0.2.2")
        .login("eve@example.com", PASSWORD)
        .await
        .expect(200);
    assert_eq!(app.number(networks).await, 2);
    app.auth.sweep().await.unwrap();
    assert_eq!(app.number(networks).await, 1);
}

#[tokio::test]
async fn a_v6_site_is_a_network() {
    let app = TestApp::new().await;
    app.browser().at("2001:db8:1:2::3").register(ADA).await;
    guessed_at(&app, ADA).await;
    let at = |address: &str| app.browser().at(address);
    at("2001:db8:1:ffff::1").login(ADA, PASSWORD).await.expect(200);
    at("2001:db8:2:2::3").login(ADA, PASSWORD).await.expect(429);
}

#[tokio::test]
async fn the_window_of_a_known_network_has_the_same_limit_and_grows_alike() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    for expected in [300, 600, 900, 900] {
        for _ in 0..5 {
            app.browser().login(ADA, "wrong").await.expect(401);
        }
        let limited = app.browser().at(NEIGHBOUR).login(ADA, PASSWORD).await;
        assert_eq!(limited.refused(429, "too_many_attempts").wait(), expected);
        // A stranger's window is another.
        app.browser()
            .at("198.51.100.7")
            .login(ADA, "wrong")
            .await
            .expect(401);
        app.advance(expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_guesses_from_a_known_network_get_five_verifications() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let guesses = (0..60).map(|place| {
        let browser = app.browser().at(&format!("203.0.113.{place}"));
        async move { browser.login(ADA, &format!("guess number {place}")).await.status }
    });
    let statuses = all_at_once(guesses).await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 401).count(),
        5,
        "{statuses:?}"
    );
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 55);
}

#[tokio::test]
async fn every_check_of_a_password_counts_against_the_account() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for _ in 0..2 {
        confirm(&ada, "wrong").await.refused(401, "invalid_credentials");
        change(&ada, "wrong").await.refused(401, "invalid_credentials");
    }
    app.browser().login(ADA, "wrong").await.expect(401);
    for answer in [
        confirm(&ada, PASSWORD).await,
        change(&ada, PASSWORD).await,
        app.browser().login(ADA, PASSWORD).await,
    ] {
        assert_eq!(answer.refused(429, "too_many_attempts").wait(), 300);
    }
    app.advance(300);
    confirm(&ada, PASSWORD).await.expect(200);
    change(&ada, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_stolen_session_does_not_guess_for_ever() {
    let app = TestApp::new().await;
    let thief = app.registered(ADA).await.at("198.51.100.1");
    let mut guesses = 0;
    for _ in 0..60 {
        for call in ["confirm", "change"] {
            let answer = match call {
                "confirm" => confirm(&thief, "wrong").await,
                _ => change(&thief, "wrong").await,
            };
            guesses += i32::from(answer.status == 401);
        }
        app.advance(20);
    }
    // 300, 600 and 900 seconds are more than the twenty minutes.
    assert_eq!(guesses, 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_guesses_through_a_session_get_five_verifications() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let guesses = (0..10).map(|place| {
        let ada = ada.copy();
        async move { confirm(&ada, &format!("guess number {place}")).await.status }
    });
    let mut statuses = all_at_once(guesses).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429, 429, 429]);
}

#[tokio::test]
async fn what_was_turned_away_is_no_failure() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    // An address that is at its limit does not use up anybody's account.
    let noisy = app.browser().at("192.0.2.1");
    for place in 0..10 {
        noisy
            .login(&format!("user{place}@example.com"), "x")
            .await
            .expect(401);
    }
    for _ in 0..50 {
        noisy.login(ADA, "wrong").await.refused(429, "too_many_attempts");
    }
    guessed_at(&app, ADA).await;
    // An account that is at its limit does not use up what an address may fail.
    for _ in 0..20 {
        let patient = app.browser().at("192.0.2.2");
        patient
            .login(ADA, PASSWORD)
            .await
            .refused(429, "too_many_attempts");
    }
    for place in 0..9 {
        let patient = app.browser().at("192.0.2.2");
        patient
            .login(&format!("other{place}@example.com"), "x")
            .await
            .expect(401);
    }
    // Nor does a database that does not answer.
    let lost = TestApp::new().await;
    lost.lose_database().await;
    for _ in 0..40 {
        lost.browser()
            .login(ADA, PASSWORD)
            .await
            .refused(503, "unavailable");
    }
}

#[tokio::test]
async fn a_new_password_that_is_refused_is_no_attempt() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for _ in 0..20 {
        let fields = [("current_password", PASSWORD), ("new_password", "short")];
        ada.call("change_password", &fields)
            .await
            .refused(422, "password_too_short");
    }
    change(&ada, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn figures_per_address_are_multiplied_for_a_school_and_those_of_an_account_are_not() {
    let app = TestApp::with(&[("ADDRESS_LIMITS", "4")]).await;
    for pupil in 0..40 {
        let browser = app.browser();
        browser
            .login(&format!("pupil{pupil}@example.com"), "x")
            .await
            .expect(401);
    }
    app.browser()
        .login("pupil40@example.com", "x")
        .await
        .refused(429, "too_many_attempts");
    app.browser().at("192.0.2.1").register(ADA).await;
    guessed_at(&app, ADA).await;
}

#[tokio::test]
async fn a_refusal_says_how_long_to_people_as_well() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    for (wait, words) in [(300, 5), (600, 10), (900, 15)] {
        guessed_at(&app, ADA).await;
        let fields = [("email", ADA), ("password", PASSWORD)];
        let stranger = app.browser().at("198.51.100.9");
        let answer = stranger.submit("/login", "login", &fields).await;
        assert!((300..400).contains(&answer.status), "{answer:?}");
        let page = stranger.get(answer.header("location").unwrap()).await;
        let text = format!("Too many attempts. Please try again in {words} minutes.");
        assert!(page.shows(&text), "{text}");
        let limited = stranger
            .login(ADA, PASSWORD)
            .await
            .refused(429, "too_many_attempts");
        assert_eq!(limited.header("retry-after"), Some(&*wait.to_string()));
        app.advance(wait);
    }
    // Where no form of ours is, a page of its own.
    for _ in 0..30 {
        app.browser().post("/auth/login/nobody", &[]).send().await;
    }
    let call = app
        .browser()
        .post("/auth/login/nobody", &[])
        .header("accept", "text/html");
    let page = call.send().await.expect(429);
    assert!(page.shows("Please try again in 60 seconds."));
}

#[tokio::test]
async fn a_flood_of_one_kind_leaves_room_for_every_other() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for place in 0..3000u32 {
        let [_, b, c, d] = place.to_be_bytes();
        let flood = app.browser().at(&format!("10.{b}.{c}.{d}"));
        flood.post("/csp-report", &[]).body("{}").send().await.expect(204);
    }
    app.browser()
        .at("192.0.2.1")
        .login(ADA, PASSWORD)
        .await
        .expect(200);
    confirm(&ada, PASSWORD).await.expect(200);
    app.registered("new@example.com").await;
}
