//! What people type: one password and one address, however a keyboard puts them; and the session they type in.

use argon2::{
    Argon2, PasswordHasher,
    password_hash::{SaltString, rand_core::OsRng},
};

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp};

const ADA: &str = "ada@example.com";
const COMPOSED: &str = "caf\u{e9} au lait en ville";
const DECOMPOSED: &str = "cafe\u{301} au lait en ville";
/// With the spaces of other keyboards.
const SPACED: &str = "caf\u{e9}\u{a0}au\u{3000}lait\u{2009}en ville";

/// A hash of exactly this text, as they were once made.
fn hash_as_typed(text: &str) -> String {
    let salt = SaltString::generate(&mut OsRng);
    let params = argon2::Params::new(19_456, 2, 1, None).unwrap();
    Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password(text.as_bytes(), &salt)
        .unwrap()
        .to_string()
}

#[tokio::test]
async fn composed_decomposed_and_other_spaces_are_one_password() {
    let app = TestApp::new().await;
    for (place, made) in [COMPOSED, DECOMPOSED, SPACED].into_iter().enumerate() {
        let email = format!("user{place}@example.com");
        let ada = app.browser();
        ada.call("register", &[("email", &email), ("password", made)])
            .await
            .expect(200);
        for typed in [COMPOSED, DECOMPOSED, SPACED] {
            app.browser().login(&email, typed).await.expect(200);
            ada.call("confirm_identity", &[("password", typed)])
                .await
                .expect(200);
        }
        // Case, width and the letters themselves still matter.
        for wrong in [
            "CAF\u{c9} au lait en ville",
            "cafe au lait en ville",
            "\u{ff43}af\u{e9} au lait en ville",
        ] {
            app.browser().login(&email, wrong).await.expect(401);
        }
        app.advance(61);
    }
    let ada = app.registered(ADA).await;
    let change = [("current_password", PASSWORD), ("new_password", DECOMPOSED)];
    ada.call("change_password", &change).await.expect(200);
    let back = [("current_password", SPACED), ("new_password", OTHER_PASSWORD)];
    ada.call("change_password", &back).await.expect(200);
}

#[tokio::test]
async fn characters_are_counted_in_the_form_that_is_compared() {
    let app = TestApp::new().await;
    let register = async |password: &str| {
        let fields = [("email", ADA), ("password", password)];
        app.browser().call("register", &fields).await
    };
    // Fifteen as typed, fourteen in the form.
    register("dz3 kq9 vb7 xe\u{301}")
        .await
        .refused(422, "password_too_short");
    for bad in [
        "zero\u{200b}width and more",
        "a private \u{e000} character",
        "right \u{202e}to left",
    ] {
        register(bad).await.refused(422, "password_control");
    }
    // 257 as typed, 256 in the form.
    let long: String = (0..255).map(|i| char::from(b'!' + (i * 7 % 90) as u8)).collect();
    register(&format!("{long}e\u{301}")).await.expect(200);
    app.browser()
        .login(ADA, &format!("{long}\u{e9}"))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_hash_of_what_was_typed_still_signs_in_and_is_replaced() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let store = async |text: &str| {
        let hash = hash_as_typed(text);
        app.sql(&format!("UPDATE users SET password_hash = '{hash}'"))
            .await;
        hash
    };
    for old in [DECOMPOSED, SPACED] {
        let hash = store(old).await;
        app.browser().login(ADA, COMPOSED).await.expect(401);
        ada.call("confirm_identity", &[("password", old)])
            .await
            .expect(200);
        app.browser().login(ADA, old).await.expect(200);
        assert_ne!(app.text("SELECT password_hash FROM users").await, hash);
        for typed in [COMPOSED, DECOMPOSED, SPACED] {
            app.browser().login(ADA, typed).await.expect(200);
        }
        app.advance(61);
    }
    // One of a text that would be refused today opens what it opened, and nothing else does.
    let hash = store("zero\u{200b}width is old").await;
    app.browser()
        .login(ADA, "zero\u{200b}width is old")
        .await
        .expect(200);
    app.browser().login(ADA, "zerowidth is old").await.expect(401);
    assert_eq!(app.text("SELECT password_hash FROM users").await, hash);
    // A composed one was in the form all along.
    let hash = store(COMPOSED).await;
    app.browser().login(ADA, DECOMPOSED).await.expect(200);
    assert_eq!(app.text("SELECT password_hash FROM users").await, hash);
}

#[tokio::test]
async fn an_address_is_the_same_with_what_a_paste_and_a_keyboard_put_into_it() {
    let app = TestApp::new().await;
    let ways = [
        "\u{feff}ada@example.com\u{200b}",
        "\u{3000}Ada\u{ff20}Example.com\u{a0}",
        "\u{202a}ada@example.com\u{202c}\r\n",
        "\u{2060}ada@example.com\u{ad}",
    ];
    let fields = [("email", ways[0]), ("password", PASSWORD)];
    let session = app.browser().call("register", &fields).await.expect(200).json();
    assert_eq!(session["email"], ADA);
    for way in ways {
        app.browser().login(way, PASSWORD).await.expect(200);
        let fields = [("email", way), ("password", PASSWORD)];
        app.browser()
            .call("register", &fields)
            .await
            .refused(409, "email_taken");
        app.browser().login(way, "wrong").await.expect(401);
    }
    // They are one account to the limits as well, and so are the ways to write what is no address.
    app.browser().login(ADA, "wrong").await.expect(401);
    app.browser().login(ways[1], PASSWORD).await.expect(429);
    for way in ["nobody", "\u{200b}nobody", "nobody\u{feff}", " nobody ", "nobody"] {
        app.browser().at("192.0.2.1").login(way, "x").await.expect(401);
    }
    app.browser()
        .at("192.0.2.2")
        .login("\u{2060}nobody", "x")
        .await
        .expect(429);
}

#[tokio::test]
async fn a_password_made_of_the_persons_name_is_refused_whenever_one_is_set() {
    let app = TestApp::new().await;
    let ada = app.browser();
    let register = async |password: &str| {
        let fields = [("email", ADA), ("password", password), ("name", "Ada Lovelace")];
        ada.call("register", &fields).await
    };
    for bad in ["Ada-Lovelace-1815", "lovelace lovelace", "1234 LovelaceAda 5678"] {
        register(bad).await.refused(422, "password_too_common");
    }
    register(PASSWORD).await.expect(200);
    let change = [
        ("current_password", PASSWORD),
        ("new_password", "Ada-Lovelace-1815"),
    ];
    ada.call("change_password", &change)
        .await
        .refused(422, "password_too_common");
    app.sql("UPDATE users SET password_hash = NULL").await;
    ada.call("set_password", &[("new_password", "Ada-Lovelace-1815")])
        .await
        .refused(422, "password_too_common");
    ada.call("set_password", &[("new_password", "seven quiet rivers")])
        .await
        .expect(200);
}

#[tokio::test]
async fn the_session_in_use_is_never_the_one_to_go() {
    let app = TestApp::new().await;
    let used = app.registered(ADA).await;
    app.advance(200);
    // By its snapshot alone: the authority has not seen it since.
    assert!(used.is_signed_in().await);
    let mut others = Vec::new();
    for _ in 0..25 {
        others.push(app.signed_in(ADA).await);
        app.advance(2);
    }
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 20);
    assert!(used.is_signed_in().await);
    assert_eq!(used.user().await["email"], ADA);
    // The others go by when they were last seen.
    for (place, other) in others.iter().enumerate() {
        assert_eq!(!other.user().await.is_null(), place >= 6, "{place}");
    }
    // A session nobody uses any more goes as it should.
    app.advance(61);
    for other in &others[6..] {
        assert!(other.is_signed_in().await);
    }
    app.signed_in(ADA).await;
    assert!(used.user().await.is_null());
}
