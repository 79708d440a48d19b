//! Limits of attempts: exact, alike for accounts that exist and that do not, and kept under a flood.

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp, all_at_once};

const ADA: &str = "ada@example.com";

/// Registers at a network of their own: from all others somebody is a stranger.
async fn registered_elsewhere(app: &TestApp, email: &str) {
    app.browser().at("233.252.0.9").register(email).await;
}

#[tokio::test]
async fn an_account_takes_five_failures_in_five_minutes_known_or_not() {
    let app = TestApp::new().await;
    registered_elsewhere(&app, ADA).await;
    for email in [ADA, "nobody@example.com"] {
        for attempt in 0..5 {
            app.browser()
                .at(&format!("192.0.2.{attempt}"))
                .login(email, "wrong")
                .await
                .refused(401, "invalid_credentials");
        }
        app.advance(100);
        let limited = app.browser().at("192.0.2.99").login(email, PASSWORD).await;
        let limited = limited.refused(429, "too_many_attempts");
        assert_eq!(limited.wait(), 200, "{email}");
        assert!(limited.cookies().is_empty());
        // Another spelling is the same account.
        let spelled = app
            .browser()
            .at("192.0.2.98")
            .login(&format!(" {} ", email.to_uppercase()), "x")
            .await;
        spelled.refused(429, "too_many_attempts");
        app.advance(199);
        app.browser()
            .login(email, PASSWORD)
            .await
            .refused(429, "too_many_attempts");
        app.advance(1);
        let status = if email == ADA { 200 } else { 401 };
        app.browser().login(email, PASSWORD).await.expect(status);
    }
}

#[tokio::test]
async fn the_wait_grows_for_an_account_that_is_guessed_at_again_known_or_not() {
    let app = TestApp::new().await;
    registered_elsewhere(&app, ADA).await;
    let used_up = async |email: &str| {
        for place in 0..5 {
            let browser = app.browser().at(&format!("192.0.2.{place}"));
            browser.login(email, "wrong").await.expect(401);
        }
        let limited = app.browser().at("192.0.2.99").login(email, PASSWORD).await;
        limited.refused(429, "too_many_attempts").wait()
    };
    for email in [ADA, "nobody@example.com"] {
        for expected in [300, 600, 900, 900] {
            assert_eq!(used_up(email).await, expected, "{email}");
            app.advance(expected);
        }
        assert_eq!(used_up(email).await, 900, "{email}");
        app.advance(3600);
        assert_eq!(used_up(email).await, 300, "{email}");
    }
    // The right password ends it.
    app.advance(300);
    assert_eq!(used_up("nobody@example.com").await, 600);
    app.browser().login(ADA, PASSWORD).await.expect(200);
    assert_eq!(used_up(ADA).await, 300);
}

#[tokio::test]
async fn successes_do_not_use_up_an_account() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    for attempt in 0..7 {
        app.browser()
            .at(&format!("192.0.2.{attempt}"))
            .login(ADA, PASSWORD)
            .await
            .expect(200);
    }
    for _ in 0..4 {
        app.browser().login(ADA, "wrong").await.expect(401);
    }
    app.browser().login(ADA, PASSWORD).await.expect(200);
    app.browser().login(ADA, "wrong").await.expect(401);
    app.browser().login(ADA, PASSWORD).await.expect(429);
}

#[tokio::test]
async fn an_address_takes_ten_failures_a_minute_and_thirty_sign_ins() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    for attempt in 0..10 {
        app.browser()
            .login(&format!("user{attempt}@example.com"), "x")
            .await
            .expect(401);
    }
    let limited = app
        .browser()
        .login("user10@example.com", "x")
        .await
        .refused(429, "too_many_attempts");
    assert_eq!(limited.wait(), 60);
    // Not loopback, nor the right password, is exempt; another address is not concerned.
    app.browser().login(ADA, PASSWORD).await.expect(429);
    app.browser()
        .at("203.0.113.8")
        .login(ADA, PASSWORD)
        .await
        .expect(200);
    app.advance(60);
    for _ in 0..30 {
        app.browser().login(ADA, PASSWORD).await.expect(200);
    }
    app.browser()
        .login(ADA, PASSWORD)
        .await
        .refused(429, "too_many_attempts");
    app.advance(60);
    app.browser().login(ADA, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn loopback_is_not_exempt_and_a_v6_household_is_one_address() {
    let app = TestApp::new().await;
    let spread = |attempt: i32, addresses: &[&str]| addresses[attempt as usize % addresses.len()].to_owned();
    for (addresses, another) in [
        (&["127.0.0.1"][..], "127.0.0.2"),
        (
            &["2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:2:3:4:5:6"],
            "2001:db8:1:3::1",
        ),
        (&["198.51.100.4", "::ffff:198.51.100.4"], "198.51.100.5"),
    ] {
        for attempt in 0..10 {
            let browser = app.browser().at(&spread(attempt, addresses));
            browser
                .login(&format!("{another}-{attempt}"), "x")
                .await
                .expect(401);
        }
        for address in addresses {
            app.browser()
                .at(address)
                .login("last@example.com", "x")
                .await
                .expect(429);
        }
        app.browser()
            .at(another)
            .login(&format!("{another}@example.com"), "x")
            .await
            .expect(401);
    }
}

#[tokio::test]
async fn registrations_are_limited_by_address_also_those_that_fail() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    for _ in 0..19 {
        app.browser()
            .call("register", &[("email", "x"), ("password", PASSWORD)])
            .await
            .refused(422, "invalid_email");
    }
    for email in [ADA, "new@example.com"] {
        let fields = [("email", email), ("password", PASSWORD)];
        app.browser()
            .call("register", &fields)
            .await
            .refused(429, "too_many_attempts");
    }
    let fields = [("email", "new@example.com"), ("password", PASSWORD)];
    app.browser()
        .at("203.0.113.8")
        .call("register", &fields)
        .await
        .expect(200);
    app.advance(60);
    let fields = [("email", "newer@example.com"), ("password", PASSWORD)];
    app.browser().call("register", &fields).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_parallel_guesses_get_five_verifications() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let guesses = (0..200).map(|place| {
        let browser = app.browser().at(&format!("198.51.100.{place}"));
        async move { browser.login(ADA, &format!("guess number {place}")).await.status }
    });
    let statuses = all_at_once(guesses).await;
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 5);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 195);
    app.advance(300);
    app.browser().login(ADA, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_sign_ins_is_turned_away_rather_than_queued_for_ever() {
    let app = TestApp::new().await;
    let flood = (0..150).map(|place| {
        let browser = app.browser().at(&format!("198.51.100.{place}"));
        async move {
            browser
                .login(&format!("user{place}@example.com"), "x")
                .await
                .status
        }
    });
    let health = app.browser();
    let (statuses, healthy) = tokio::join!(all_at_once(flood), async {
        let started = std::time::Instant::now();
        health.get("/healthz").await.expect(200);
        started.elapsed()
    });
    assert!(
        statuses.iter().all(|status| matches!(status, 401 | 503)),
        "{statuses:?}"
    );
    assert!(statuses.contains(&503) && statuses.contains(&401));
    assert!(healthy.as_secs() < 2, "{healthy:?}");
}

#[tokio::test]
async fn confirmations_and_changes_of_a_password_are_limited_by_user_also_those_that_succeed() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered("eve@example.com").await);
    let right = [("password", PASSWORD)];
    for _ in 0..10 {
        ada.call("confirm_identity", &right).await.expect(200);
    }
    let limited = ada.call("confirm_identity", &right).await;
    assert_eq!(limited.refused(429, "too_many_attempts").wait(), 60);
    eve.call("confirm_identity", &right).await.expect(200);
    let passwords = [PASSWORD, OTHER_PASSWORD];
    for change in 0..5 {
        let change = [
            ("current_password", passwords[change % 2]),
            ("new_password", passwords[(change + 1) % 2]),
        ];
        ada.call("change_password", &change).await.expect(200);
    }
    let change = [("current_password", OTHER_PASSWORD), ("new_password", PASSWORD)];
    ada.call("change_password", &change)
        .await
        .refused(429, "too_many_attempts");
    app.advance(60);
    ada.call("change_password", &change).await.expect(200);
    ada.call("confirm_identity", &right).await.expect(200);
}

#[tokio::test]
async fn forwarding_headers_count_only_from_a_trusted_proxy() {
    let fill = async |app: &TestApp, peer: &str| {
        for attempt in 0..11 {
            let browser = app.browser().at(peer);
            let fields = [
                ("email", format!("u{attempt}@example.com")),
                ("password", "x".to_owned()),
            ];
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let call = browser
                .post("/api/login", &fields)
                .header("x-forwarded-for", &format!("192.0.2.{attempt}"))
                .header("forwarded", &format!("for=192.0.2.{attempt}"))
                .header("x-real-ip", &format!("192.0.2.{attempt}"));
            let status = call.send().await.status;
            if attempt == 10 {
                return status;
            }
        }
        unreachable!()
    };
    let app = TestApp::new().await;
    assert_eq!(fill(&app, "10.0.0.1").await, 429, "nobody is trusted by default");
    let app = TestApp::with(&[("TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1")]).await;
    assert_eq!(fill(&app, "10.0.0.1").await, 401);
    assert_eq!(fill(&app, "127.0.0.1").await, 401);
    assert_eq!(fill(&app, "11.0.0.1").await, 429);

    let ada = app.registered(ADA).await;
    let call = ada
        .at("10.0.0.1")
        .post("/api/login", &[("email", ADA), ("password", PASSWORD)])
        .header("x-forwarded-for", "1.1.1.1, 203.0.113.50, 10.0.0.9");
    call.send().await.expect(200);
    let list = ada.call("list_sessions", &[]).await.expect(200).json();
    assert_eq!(
        list[0]["ip"], "203.0.113.50",
        "the right-most that is not trusted itself"
    );
}

#[tokio::test]
async fn starts_of_provider_flows_and_policy_reports_are_limited_by_address() {
    let app = TestApp::with(&[("PUBLIC_URL", "http://localhost:3000")]).await;
    for _ in 0..20 {
        let call = app.browser().post("/csp-report", &[]).body("{}");
        call.send().await.expect(204);
    }
    let call = app.browser().post("/csp-report", &[]).body("{}");
    call.send().await.expect(429);
    let large = app
        .browser()
        .at("192.0.2.1")
        .post("/csp-report", &[])
        .body(vec![b'x'; 9000]);
    large.send().await.expect(413);
    for _ in 0..30 {
        assert_ne!(
            app.browser().post("/auth/login/nobody", &[]).send().await.status,
            429
        );
    }
    let limited = app.browser().post("/auth/login/nobody", &[]).send().await;
    limited.refused(429, "too_many_attempts");
}
