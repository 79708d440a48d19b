//! Passwords: which are accepted, what a refusal gives away, and what a change ends.

use crate::support::{Answer, OTHER_PASSWORD, PASSWORD, TestApp};

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn registering_signs_in_and_makes_one_plain_user() {
    let app = TestApp::new().await;
    assert_eq!(
        app.number("SELECT count(*) FROM users").await,
        0,
        "there are no default accounts"
    );
    let ada = app.browser();
    let fields = [
        ("email", " Ada@Example.COM "),
        ("password", PASSWORD),
        ("name", "  Ada\u{7} Lovelace "),
        ("role", "admin"),
        ("email_verified", "true"),
        ("id", crate::support::SOME_ID),
    ];
    let session = ada.call("register", &fields).await.expect(200).json();
    assert_eq!(session["email"], ADA);
    assert_eq!(session["role"], "user");
    let user = ada.user().await;
    assert_eq!(user["name"], "Ada Lovelace");
    assert_eq!(user["email_verified"], false);
    assert_eq!(user["role"], "user");
    assert_ne!(user["id"], crate::support::SOME_ID);
    assert_eq!(user["accounts"], serde_json::json!([]));
}

#[tokio::test]
async fn a_taken_address_is_409_and_changes_nothing() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let hash = app.text("SELECT password_hash FROM users").await;
    for email in [ADA, "ADA@example.com", " ada@EXAMPLE.com"] {
        let stranger = app.browser();
        let answer = stranger
            .call("register", &[("email", email), ("password", OTHER_PASSWORD)])
            .await
            .refused(409, "email_taken");
        assert!(answer.cookies().is_empty());
        assert!(stranger.is_empty());
    }
    assert_eq!(app.text("SELECT password_hash FROM users").await, hash);
    assert_eq!(app.number("SELECT count(*) FROM users").await, 1);
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 1);
    app.signed_in(ADA).await;
}

#[tokio::test]
async fn look_alike_addresses_are_different_people_and_odd_ones_are_refused() {
    let app = TestApp::new().await;
    for email in [
        "mike@example.com",
        "m\u{131}ke@example.com",
        "\u{ff4d}ike@example.com",
    ] {
        app.registered(email).await;
    }
    assert_eq!(app.number("SELECT count(*) FROM users").await, 3);
    for email in [
        "",
        "ada",
        "@example.com",
        "a@b@c.example",
        "ada@example.com,eve@example.com",
        "Ada <ada@example.com>",
        "ada\0@example.com",
        "ada@example.com\r\nbcc: eve@example.com",
        "' OR 1=1 --",
        "*)(uid=*",
        "{\"$ne\":null}",
        "%s%s%n",
        &format!("{}@example.com", "a".repeat(500)),
    ] {
        app.browser()
            .call("register", &[("email", email), ("password", PASSWORD)])
            .await
            .refused(422, "invalid_email");
        app.browser()
            .at("192.0.2.1")
            .login(email, PASSWORD)
            .await
            .refused(401, "invalid_credentials");
        app.advance(60);
    }
}

#[tokio::test]
async fn a_sign_in_needs_exactly_the_password() {
    let app = TestApp::new().await;
    let long = format!("{}{}", "q7#fK2!mZp9@wL4 ".repeat(5), "0123456789abcdefghij");
    assert_eq!(long.chars().count(), 100);
    let fields = [("email", ADA), ("password", long.as_str())];
    app.browser().call("register", &fields).await.expect(200);
    let mut twin = long.clone();
    twin.replace_range(99.., "k");
    for wrong in [
        format!("{long} "),
        format!(" {long}"),
        long.to_uppercase(),
        long[..99].to_owned(),
        twin,
        format!("{long}\0"),
        String::new(),
    ] {
        app.browser()
            .login(ADA, &wrong)
            .await
            .refused(401, "invalid_credentials");
        app.advance(301);
    }
    app.browser().login(ADA, &long).await.expect(200);
    app.browser().login(" ADA@example.com ", &long).await.expect(200);
}

#[tokio::test]
async fn passwords_keep_their_spaces_and_their_unicode() {
    let app = TestApp::new().await;
    for (place, password) in [
        " leading and trailing spaces ",
        "\u{1f511}\u{1f40e}\u{1f50b}\u{1f4ce}\u{1f30b}\u{1f9ed}\u{1faa8}\u{1f995}\u{1f9c2}\u{1f56f}\u{1f6f6}\u{1fab5}\u{1f9f6}\u{1f38f}\u{1f9ca}",
        "quotes ' \" and `ticks` <b>&amp;",
        "caf\u{e9} au lait en ville",
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("user{place}@example.com");
        let fields = [("email", email.as_str()), ("password", password)];
        app.browser().call("register", &fields).await.expect(200);
        app.browser().login(&email, password).await.expect(200);
        let trimmed = password.trim();
        if trimmed != password {
            app.browser().login(&email, trimmed).await.expect(401);
        }
    }
}

#[tokio::test]
async fn lengths_are_refused_at_their_boundaries_and_never_cut() {
    let app = TestApp::new().await;
    let varied = |length: u32| -> String {
        (0..length)
            .map(|i| char::from(b'!' + (i * 7 % 90) as u8))
            .collect()
    };
    let register = |email: &'static str, password: String| {
        let browser = app.browser();
        async move {
            browser
                .call("register", &[("email", email), ("password", &password)])
                .await
        }
    };
    register("a@example.com", "dz3 kq9 vb7 xw".to_owned())
        .await
        .refused(422, "password_too_short");
    register("a@example.com", "dz3 kq9 vb7 xw1".to_owned())
        .await
        .expect(200);
    register("b@example.com", varied(257))
        .await
        .refused(422, "password_too_long");
    register("b@example.com", varied(256)).await.expect(200);
    app.browser()
        .login("b@example.com", &varied(257))
        .await
        .expect(401);
    register("c@example.com", "\u{1f511}x".repeat(210))
        .await
        .refused(422, "password_too_long");
    register("d@example.com", varied(1024 * 1024))
        .await
        .refused(413, "too_large");
    register("e@example.com", "contains a \0 control".to_owned())
        .await
        .refused(422, "password_control");
}

#[tokio::test]
async fn passwords_that_are_guessed_first_are_refused() {
    let app = TestApp::new().await;
    for password in [
        "adalovelace@example.com",
        "AdaLovelace12345",
        &app::NAME.repeat(15_usize.div_ceil(app::NAME.len())),
        "aaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "123456789012345",
        "qwertyuiopasdfgh",
        "passwordpassword",
        "!!Password2024!!",
    ] {
        app.browser()
            .call(
                "register",
                &[("email", "adalovelace@example.com"), ("password", password)],
            )
            .await
            .refused(422, "password_too_common");
    }
    assert_eq!(app.number("SELECT count(*) FROM users").await, 0);
}

#[tokio::test]
async fn the_shortest_password_is_configurable() {
    let app = TestApp::with(&[("PASSWORD_MIN_LENGTH", "8")]).await;
    let fields = [("email", ADA), ("password", "xk4 9!pq")];
    app.browser().call("register", &fields).await.expect(200);
    assert!(
        app.browser()
            .get("/register")
            .await
            .shows("At least 8 characters")
    );
}

#[tokio::test]
async fn every_reason_a_sign_in_fails_looks_the_same() {
    let app = TestApp::new().await;
    for email in [
        "wrong@example.com",
        "provider@example.com",
        "disabled@example.com",
    ] {
        app.registered(email).await;
    }
    app.sql("UPDATE users SET password_hash = NULL WHERE email = 'provider@example.com'")
        .await;
    app.sql("UPDATE users SET disabled_at = created_at WHERE email = 'disabled@example.com'")
        .await;
    let mut answers: Vec<Vec<Answer>> = Vec::new();
    for (email, password) in [
        ("unknown@example.com", PASSWORD),
        ("wrong@example.com", OTHER_PASSWORD),
        ("provider@example.com", PASSWORD),
        ("disabled@example.com", PASSWORD),
        ("no address at all", PASSWORD),
    ] {
        let mut series = Vec::new();
        for _ in 0..6 {
            series.push(app.browser().login(email, password).await);
        }
        // Limits of the address would end the series early.
        app.advance(60);
        answers.push(series);
    }
    for series in &answers {
        let statuses: Vec<_> = series.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
        for (one, other) in series.iter().zip(&answers[0]) {
            assert_eq!(one.comparable(), other.comparable());
        }
    }
    let html: Vec<_> = {
        let mut pages = Vec::new();
        for email in ["unknown2@example.com", "unknown3@example.com"] {
            let browser = app.browser().at("192.0.2.9");
            browser
                .submit("/login", "login", &[("email", email), ("password", "x")])
                .await
                .leads_to("/login");
            pages.push(without_what_differs(
                &browser.get("/login").await.expect(200).text(),
                email,
            ));
        }
        pages
    };
    assert_eq!(html[0], html[1]);
}

/// Without the hash an answer takes a twentieth of the time; what a busy machine adds is less than that.
#[tokio::test]
async fn failing_costs_the_same_work_whether_the_account_exists_or_not() {
    let app = TestApp::new().await;
    app.registered("known@example.com").await;
    let mut times = [Vec::new(), Vec::new()];
    // The first verification makes the dummy hash.
    app.browser().login("warm@example.com", "x").await.expect(401);
    for _ in 0..5 {
        for (place, email) in ["known@example.com", "unknown@example.com"]
            .into_iter()
            .enumerate()
        {
            let started = std::time::Instant::now();
            app.browser().login(email, "wrong").await.expect(401);
            times[place].push(started.elapsed());
        }
        app.advance(61);
    }
    let [known, unknown] = times.map(|times| times.into_iter().min().unwrap());
    assert!(
        unknown > known / 8 && known > unknown / 8,
        "{known:?} and {unknown:?}"
    );
}

#[tokio::test]
async fn a_hash_with_weaker_parameters_is_replaced_at_sign_in() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let strong = app.text("SELECT password_hash FROM users").await;
    let weak = weak_hash();
    app.sql(&format!("UPDATE users SET password_hash = '{weak}'"))
        .await;
    app.browser().login(ADA, OTHER_PASSWORD).await.expect(401);
    assert_eq!(
        app.text("SELECT password_hash FROM users").await,
        weak,
        "only the right password replaces it"
    );
    app.browser().login(ADA, PASSWORD).await.expect(200);
    let upgraded = app.text("SELECT password_hash FROM users").await;
    assert!(
        upgraded.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{upgraded}"
    );
    assert_ne!(upgraded, strong);
    app.browser().login(ADA, PASSWORD).await.expect(200);
    assert_eq!(
        app.text("SELECT password_hash FROM users").await,
        upgraded,
        "a strong hash stays"
    );
}

#[tokio::test]
async fn a_stored_hash_that_is_no_hash_fails_closed() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    for hash in [
        "",
        "garbage",
        PASSWORD,
        "$2b$12$abcdefghijklmnopqrstuv",
        "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g",
    ] {
        app.sql(&format!("UPDATE users SET password_hash = '{hash}'"))
            .await;
        app.browser()
            .login(ADA, PASSWORD)
            .await
            .refused(401, "invalid_credentials");
        app.advance(301);
    }
}

#[tokio::test]
async fn changing_the_password_needs_the_present_one_and_ends_the_other_sessions() {
    let app = TestApp::new().await;
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let eve = app.registered("eve@example.com").await;
    let change = |current: &'static str, new: &'static str| {
        let ada = ada.clone();
        async move {
            ada.call(
                "change_password",
                &[("current_password", current), ("new_password", new)],
            )
            .await
        }
    };
    let wrong = change("wrong", OTHER_PASSWORD)
        .await
        .refused(401, "invalid_credentials");
    assert_eq!(wrong.json()["message"], "The current password is incorrect.");
    change(PASSWORD, "short").await.refused(422, "password_too_short");
    change(PASSWORD, "passwordpassword")
        .await
        .refused(422, "password_too_common");
    assert!(other.is_signed_in().await);
    ada.call("change_password", &[("new_password", OTHER_PASSWORD)])
        .await
        .refused(422, "invalid_input");

    change(PASSWORD, OTHER_PASSWORD).await.expect(200);
    assert!(ada.is_signed_in().await);
    assert!(!other.is_signed_in().await);
    assert!(eve.is_signed_in().await);
    app.browser()
        .login(ADA, PASSWORD)
        .await
        .refused(401, "invalid_credentials");
    app.browser().login(ADA, OTHER_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_first_password_is_set_only_where_there_is_none() {
    let app = TestApp::new().await;
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let set = [("new_password", OTHER_PASSWORD)];
    ada.call("set_password", &set)
        .await
        .refused(409, "password_already_set");
    app.browser().login(ADA, PASSWORD).await.expect(200);

    app.sql("UPDATE users SET password_hash = NULL").await;
    let change = [("current_password", ""), ("new_password", OTHER_PASSWORD)];
    ada.call("change_password", &change)
        .await
        .refused(401, "invalid_credentials");
    ada.call("set_password", &[("new_password", "short")])
        .await
        .refused(422, "password_too_short");
    let copy = ada.copy();
    ada.call("set_password", &set).await.expect(200);
    assert!(ada.is_signed_in().await);
    assert!(!copy.is_signed_in().await && !other.is_signed_in().await);
    app.browser().login(ADA, OTHER_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn changes_of_the_ways_in_need_a_confirmation_within_ten_minutes() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let guarded = [
        (
            "change_password",
            &[("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)][..],
        ),
        ("set_password", &[("new_password", OTHER_PASSWORD)]),
        ("unlink_account", &[("account_id", crate::support::SOME_ID)]),
    ];
    app.advance(599);
    ada.call("unlink_account", guarded[2].1)
        .await
        .refused(404, "not_found");
    ada.call("set_password", guarded[1].1)
        .await
        .refused(409, "password_already_set");
    app.advance(1);
    for (function, fields) in guarded {
        ada.call(function, fields).await.refused(403, "reauth_required");
        let page = match function {
            "unlink_account" => "accounts",
            _ => "security",
        };
        let answer = ada.submit(&format!("/settings/{page}"), function, fields).await;
        answer.leads_to(&format!("/settings/security?return_to=%2Fsettings%2F{page}"));
    }
    app.browser().login(ADA, PASSWORD).await.expect(200);

    ada.call("confirm_identity", &[("password", "wrong")])
        .await
        .refused(401, "invalid_credentials");
    ada.call("change_password", guarded[0].1)
        .await
        .refused(403, "reauth_required");
    ada.call("confirm_identity", &[("password", PASSWORD)])
        .await
        .expect(200);
    ada.call("change_password", guarded[0].1).await.expect(200);
    app.browser().login(ADA, OTHER_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_confirmation_leads_back_to_where_it_was_asked_for() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let page = "/settings/security?return_to=%2Fsettings%2Faccounts";
    let fields = [("password", PASSWORD), ("return_to", "/settings/accounts")];
    ada.submit(page, "confirm_identity", &fields)
        .await
        .leads_to("/settings/accounts");
    for foreign in ["https://evil.example", "//evil.example", "/api/logout", "/a\\b"] {
        let fields = [("password", PASSWORD), ("return_to", foreign)];
        let answer = ada
            .submit("/settings/security", "confirm_identity", &fields)
            .await;
        answer.leads_to("/settings/security");
    }
}

#[tokio::test]
async fn passwords_and_addresses_that_no_form_could_send_are_refused_without_a_fault() {
    let app = TestApp::new().await;
    for (body, statuses) in [
        ("email=ada%40example.com&password=%FF%FE", &[422][..]),
        ("email=%ED%A0%80&password=x", &[422]),
        ("email=a&email=b&password=x", &[400, 422]),
        ("email[]=a&password[x]=y", &[400, 422]),
        ("email=ada%40example.com", &[422]),
        ("password=x", &[422]),
        ("", &[422]),
        ("&&&===&", &[400, 422]),
        ("email=ada%40example.com&password=x&remember=maybe", &[422]),
    ] {
        for function in ["login", "register"] {
            let call = app.browser().post(&format!("/api/{function}"), &[]).body(body);
            let answer = call.send().await;
            assert!(
                statuses.contains(&answer.status),
                "{function} {body}: {}",
                answer.status
            );
        }
    }
    assert_eq!(app.number("SELECT count(*) FROM users").await, 0);
}

/// A page without its nonce and without what was typed.
fn without_what_differs(page: &str, email: &str) -> String {
    let nonce = page.split_once("nonce=\"").unwrap().1.split('"').next().unwrap();
    page.replace(nonce, "").replace(email, "")
}

/// [`PASSWORD`] hashed with parameters of long ago.
fn weak_hash() -> String {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version, password_hash::SaltString};
    let params = Params::new(4096, 1, 1, None).unwrap();
    let salt = SaltString::encode_b64(b"salt of long ago").unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2
        .hash_password(PASSWORD.as_bytes(), &salt)
        .unwrap()
        .to_string()
}
