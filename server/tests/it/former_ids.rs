//! A session's former ids: worth nothing to whoever has them, and no harm to the browser that still sends one.

use auth::{Auth, RequestAuth, session_layer};
use axum::{Extension, Router, middleware::from_fn_with_state, routing::get};
use http::Method;

use crate::{
    accounts::connect,
    support::{
        ADMIN_FUNCTIONS, // wing:admin
        Answer,
        Browser,
        FUNCTIONS,
        OPEN_FUNCTIONS,
        OTHER_PASSWORD,
        PASSWORD,
        PROTECTED,
        TestApp,
    },
};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";
/// For so long a former id is known as one, in seconds.
const REMEMBERED: i64 = 60;

/// A router whose one route does this in the midst of a request that the session layer has let in.
fn meanwhile<F>(app: &TestApp, act: impl Fn(Auth, RequestAuth) -> F + Clone + Send + Sync + 'static) -> Router
where
    F: Future<Output = ()> + Send + 'static,
{
    let auth = app.auth.clone();
    let handler = move |Extension(request): Extension<RequestAuth>| act(auth.clone(), request);
    let layer = from_fn_with_state(app.auth.sessions.clone(), session_layer);
    Router::new().route("/", get(handler)).layer(layer)
}

async fn visit(browser: &Browser, router: &Router) -> Answer {
    let call = browser.through(router).request(Method::GET, "/");
    call.send_unchecked().await.expect(200)
}

async fn confirm(browser: &Browser) {
    let answer = browser.call("confirm_identity", &[("password", PASSWORD)]).await;
    assert!(answer.expect(200).renews());
}

/// A request that comes late: nobody's, and the cookies that the browser has by now stay as they are.
async fn is_nobodys(late: &Browser) {
    let page = late.copy().get("/").await.expect(200);
    assert!(page.cookies().is_empty() && !page.shows(ADA));
    for &page in PROTECTED {
        let answer = late.copy().get(page).await.expect(303);
        assert!(answer.cookies().is_empty(), "{page}");
    }
    let session = late.copy().get("/api/session").await.expect(200);
    assert_eq!((session.text().as_str(), session.cookies()), ("null", Vec::new()));
    for &(function, fields) in FUNCTIONS {
        if OPEN_FUNCTIONS.contains(&function) {
            continue;
        }
        let answer = late.copy().call(function, fields).await;
        let answer = answer.refused(401, "unauthenticated");
        assert!(answer.cookies().is_empty(), "{function}");
    }
    // wing:admin
    for &(function, fields) in ADMIN_FUNCTIONS {
        let answer = late.copy().call(function, fields).await.refused(404, "not_found");
        assert!(answer.cookies().is_empty(), "{function}");
    }
    // end wing:admin
    for function in ["get_auth_session", "get_user"] {
        let answer = late.copy().call(function, &[]).await.expect(200);
        assert_eq!((answer.text().as_str(), answer.cookies()), ("null", Vec::new()));
    }
}

#[tokio::test]
async fn a_request_with_a_former_id_is_anonymous_and_changes_no_cookies() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let account = connect(&app, ADA, "github").await;
    let other = app.restarted(&[]).await;
    let change = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
    for (function, fields) in [
        ("confirm_identity", &[("password", PASSWORD)][..]),
        ("unlink_account", &[("account_id", &account)]),
        ("login", &[("email", ADA), ("password", PASSWORD)]),
        ("change_password", &change),
        ("register", &[("email", EVE), ("password", PASSWORD)]),
    ] {
        let late = ada.copy();
        assert!(
            ada.call(function, fields).await.expect(200).renews(),
            "{function}"
        );
        assert_ne!(late.cookie("id"), ada.cookie("id"));
        is_nobodys(&late).await;
        is_nobodys(&late.before(&other)).await;
        // Without its snapshot, and with the new one beside it, it is worth no more.
        for snapshot in [None, ada.cookie("auth")] {
            late.set_cookie("auth", snapshot.as_deref());
            is_nobodys(&late).await;
        }
        assert!(ada.is_signed_in().await);
        // The browser is answered late, too, and keeps what it has.
        app.advance(REMEMBERED - 1);
        assert!(late.copy().get("/").await.cookies().is_empty(), "{function}");
        app.advance(1);
        assert!(late.copy().get("/").await.clears(), "{function}");
    }
    app.auth.sweep().await.unwrap();
    assert_eq!(app.number("SELECT count(*) FROM former_ids").await, 0);
}

/// As a picture does over a slow line.
#[tokio::test]
async fn a_request_that_takes_longer_changes_no_session_cookie() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let lasting = |seconds| {
        let (app, ada) = (app.clone(), ada.clone());
        meanwhile(&app.clone(), move |_, request| {
            let (app, ada) = (app.clone(), ada.clone());
            async move {
                confirm(&ada).await;
                app.advance(seconds);
                assert!(request.require().await.is_err());
            }
        })
    };
    // By the end of the longer one, nobody knows any more that its id is a former one.
    for seconds in [REMEMBERED - 1, REMEMBERED, 10 * REMEMBERED] {
        let late = ada.copy();
        assert!(
            visit(&late, &lasting(seconds)).await.cookies().is_empty(),
            "{seconds}"
        );
        assert!(ada.is_signed_in().await);
    }
    // Nor are cookies sent that were made at its beginning.
    let waits = |seconds| {
        let app = app.clone();
        meanwhile(&app.clone(), move |_, _| {
            let app = app.clone();
            async move { app.advance(seconds) }
        })
    };
    for (seconds, renews) in [(REMEMBERED - 1, true), (REMEMBERED, false)] {
        app.advance(300);
        assert_eq!(visit(&ada, &waits(seconds)).await.renews(), renews, "{seconds}");
    }
}

#[tokio::test]
async fn a_request_that_was_let_in_before_the_change_leaves_the_cookies_alone() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let late = ada.copy();
    let changes = {
        let ada = ada.clone();
        meanwhile(&app, move |_, request| {
            let ada = ada.clone();
            async move {
                confirm(&ada).await;
                let refused = request.require().await;
                assert!(matches!(refused, Err(auth::Error::NotSignedIn)), "{refused:?}");
            }
        })
    };
    assert!(visit(&late, &changes).await.cookies().is_empty());
    assert!(ada.is_signed_in().await);

    // Of a session that has ended the cookies go, as ever.
    let late = ada.copy();
    let ends = {
        let ada = ada.clone();
        meanwhile(&app, move |_, request| {
            let ada = ada.clone();
            async move {
                ada.call("logout", &[]).await.expect(200);
                assert!(request.require().await.is_err());
            }
        })
    };
    assert!(visit(&late, &ends).await.clears());
}

#[tokio::test]
async fn a_renewal_that_is_answered_after_the_change_does_not_bring_the_former_id_back() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for function in ["confirm_identity", "login", "logout"] {
        app.advance(300);
        let late = ada.copy();
        let changes = {
            let ada = ada.clone();
            meanwhile(&app, move |_, request| {
                let ada = ada.clone();
                async move {
                    assert!(request.session().is_some());
                    let fields = [("email", ADA), ("password", PASSWORD)];
                    ada.call(function, &fields).await.expect(200);
                }
            })
        };
        assert!(visit(&late, &changes).await.cookies().is_empty(), "{function}");
    }
}

#[tokio::test]
async fn signing_out_with_the_former_id_ends_the_session_that_had_it() {
    let app = TestApp::new().await;
    let (ada, elsewhere) = (app.registered(ADA).await, app.signed_in(ADA).await);
    // Whether or not the snapshot's time is up.
    for advance in [0, 300] {
        let browser = app.signed_in(ADA).await;
        app.advance(advance);
        let late = browser.copy();
        confirm(&browser).await;
        let answer = late.call("logout", &[]).await.expect(200);
        assert!(answer.clears() && answer.header("clear-site-data").is_some());
        assert!(
            !browser.is_signed_in().await,
            "it was this session that was to end"
        );
        assert!(browser.user().await.is_null());
    }
    assert!(ada.is_signed_in().await && elsewhere.is_signed_in().await);
    let events = "SELECT count(*) FROM audit_events WHERE kind = 'sign_out'";
    assert_eq!(app.number(events).await, 2);
}

#[tokio::test]
async fn a_sign_out_that_was_let_in_before_the_change_ends_the_session_all_the_same() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let late = ada.copy();
    let changes = {
        let ada = ada.clone();
        meanwhile(&app, move |auth, request| {
            let ada = ada.clone();
            async move {
                confirm(&ada).await;
                assert!(auth.sign_out(&request).await.unwrap());
            }
        })
    };
    assert!(visit(&late, &changes).await.clears());
    assert!(!ada.is_signed_in().await);
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 0);
    assert_eq!(app.number("SELECT count(*) FROM tower_sessions").await, 0);
}

#[tokio::test]
async fn a_sign_out_that_comes_after_another_sign_in_leaves_the_new_session_alone() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let late = ada.copy();
    ada.login(ADA, PASSWORD).await.expect(200);
    let answer = late.copy().call("logout", &[]).await.expect(200);
    assert!(answer.cookies().is_empty() && answer.header("clear-site-data").is_none());
    assert!(ada.is_signed_in().await);

    // The same, where it was let in before the sign-in.
    let late = ada.copy();
    let signs_in = {
        let ada = ada.clone();
        meanwhile(&app, move |auth, request| {
            let ada = ada.clone();
            async move {
                ada.login(ADA, PASSWORD).await.expect(200);
                assert!(!auth.sign_out(&request).await.unwrap());
            }
        })
    };
    assert!(visit(&late, &signs_in).await.cookies().is_empty());
    assert!(ada.is_signed_in().await);
    let events = "SELECT count(*) FROM audit_events WHERE kind = 'sign_out'";
    assert_eq!(app.number(events).await, 0);
}

#[tokio::test]
async fn a_sign_in_with_the_former_id_ends_the_session_that_had_it() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let late = ada.copy();
    confirm(&ada).await;
    late.login(ADA, PASSWORD).await.expect(200);
    assert!(late.is_signed_in().await);
    is_nobodys(&ada).await;
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 1);
}
