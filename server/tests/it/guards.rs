//! Guards: who may see a page is settled before anything of it is rendered.

use http::Method;

use crate::support::{PASSWORD, PROTECTED, TestApp};

const ADA: &str = "ada@example.com";

/// What a `return_to` leads to.
const RETURN_TO: [(&str, &str); 45] = [
    ("", "/profile"),
    ("/", "/"),
    ("/profile", "/profile"),
    (
        "/settings/public?tab=1&x=%2F%2fy",
        "/settings/public?tab=1&x=%2F%2fy",
    ),
    ("/a%20b", "/a%20b"),
    ("/apiary", "/apiary"),
    ("/authors", "/authors"),
    ("/loginx", "/loginx"),
    ("/registered", "/registered"),
    ("/a?u=//x", "/a?u=//x"),
    ("/a?u=https://evil.example", "/a?u=https://evil.example"),
    ("/a;b,c=d", "/a;b,c=d"),
    ("profile", "/"),
    ("https://evil.example", "/"),
    ("https://app.example/profile", "/"),
    ("HTTPS://app.example/", "/"),
    ("//evil.example", "/"),
    ("///evil.example", "/"),
    ("/\\evil.example", "/"),
    ("\\/evil.example", "/"),
    ("\\\\evil.example", "/"),
    ("/\t/evil.example", "/"),
    ("/\n/evil.example", "/"),
    ("\t//evil.example", "/"),
    (" /profile", "/"),
    ("/profile ", "/"),
    ("/a//b", "/"),
    ("/a/../b", "/"),
    ("/..//evil.example", "/"),
    ("/.//evil.example", "/"),
    ("/a/./b", "/"),
    ("/a/..", "/"),
    ("/%2e%2e/b", "/"),
    ("/%2E/b", "/"),
    ("/api/logout", "/"),
    ("/api/", "/"),
    ("/auth/login/acme", "/"),
    ("/login", "/"),
    ("/login?return_to=/login", "/"),
    ("/register", "/"),
    ("/\u{e9}", "/"),
    ("/a\0", "/"),
    ("javascript:alert(1)", "/"),
    ("@evil.example", "/"),
    ("/a\r\nlocation: https://evil.example", "/"),
];

#[tokio::test]
async fn an_anonymous_visitor_is_led_to_the_login_page_with_an_empty_body() {
    let app = TestApp::new().await;
    let stranger = app.browser();
    for &page in PROTECTED {
        let encoded = page.replace('/', "%2F");
        for method in [Method::GET, Method::HEAD] {
            let answer = stranger.request(method, page).send().await.expect(303);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            answer.leads_to(&format!("/login?return_to={encoded}"));
        }
    }
    let query = "/settings/public?a=1&b=%2Fx%20y&return_to=/z#fragment";
    let encoded = "%2Fsettings%2Fpublic%3Fa%3D1%26b%3D%252Fx%2520y%26return_to%3D%2Fz";
    stranger
        .get(query.split('#').next().unwrap())
        .await
        .leads_to(&format!("/login?return_to={encoded}"));
    stranger.get("/settings/nowhere").await.expect(303);
    for open in ["/", "/login", "/register"] {
        stranger.get(open).await.expect(200);
    }
}

#[tokio::test]
async fn the_guards_return_to_survives_the_whole_way_byte_for_byte() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let stranger = app.browser();
    let wanted = "/settings/public?a=1&b=%2Fx%20y&c=%C3%A9";
    let guard = stranger.get(wanted).await.expect(303);
    let login = guard.header("location").unwrap().to_owned();
    let page = stranger.get(&login).await.expect(200);
    assert!(page.shows("name=\"return_to\""));
    let fields = [("email", ADA), ("password", PASSWORD), ("return_to", wanted)];
    stranger.submit(&login, "login", &fields).await.leads_to(wanted);
}

#[tokio::test]
async fn a_signed_in_user_sees_protected_pages_which_no_cache_may_store() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for &page in PROTECTED {
        let answer = ada.get(page).await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store, no-transform"));
        assert!(
            answer.shows("action=\"/api/logout\""),
            "{page}: every signed-in page has a way out"
        );
        assert!(answer.shows("</html>"));
        assert!(!answer.shows("One moment"), "{page} is whole when it arrives");
        let head = ada.request(Method::HEAD, page).send().await.expect(200);
        assert!(head.body.is_empty());
    }
    let profile = ada.get("/profile").await;
    assert!(profile.shows(ADA) && profile.shows("Ada"));
}

#[tokio::test]
async fn login_and_register_lead_a_signed_in_person_on() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for page in ["/login", "/register"] {
        ada.get(page).await.leads_to("/profile");
        for (return_to, expected) in RETURN_TO {
            let query = serde_urlencoded::to_string([("return_to", return_to)]).unwrap();
            ada.get(&format!("{page}?{query}")).await.leads_to(expected);
        }
        ada.get(&format!("{page}?return_to=/profile&return_to=/profile"))
            .await
            .leads_to("/");
        ada.get(&format!("{page}?x=1&return_to=%2Fsettings&y=2"))
            .await
            .leads_to("/settings");
        ada.get(&format!("{page}?return_to=%FF")).await.leads_to("/");
    }
    let long = format!("/{}", "a".repeat(2047));
    ada.get(&format!("/login?return_to={long}")).await.leads_to(&long);
    ada.get(&format!("/login?return_to={long}a")).await.leads_to("/");
}

#[tokio::test]
async fn what_login_would_say_of_a_provider_is_said_where_its_guard_leads() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for (code, text) in [
        ("denied", "cancelled or refused at the provider"),
        ("expired", "This took too long"),
        ("provider", "could not be reached"),
        ("unverified", "has not confirmed"),
        ("link_required", "Sign in to it"),
        ("taken", "connected to another account"),
    ] {
        let login = format!("/login?error={code}&return_to=%2Fsettings%2Fsecurity");
        ada.get(&login).await.leads_to("/settings/security");
        let shown = ada.get("/settings/security").await.expect(200);
        assert!(shown.shows("role=\"alert\"") && shown.shows(text), "{code}");
        let again = ada.get("/settings/security").await;
        assert!(!again.shows("role=\"alert\"") && !again.shows(text), "{code}");
    }
    ada.get("/login?error=denied").await.leads_to("/profile");
    assert!(
        ada.get("/profile")
            .await
            .shows("cancelled or refused at the provider")
    );

    for login in [
        "/login",
        "/login?error=",
        "/login?error=canary",
        "/login?error=Denied",
        "/login?error=denied&error=denied",
        "/login?error=denied&error=canary",
        "/login?error_description=canary&message=denied",
        "/register?error=denied",
    ] {
        let answer = ada.get(login).await.leads_to("/profile");
        assert!(answer.cookie("__Host-flash").is_none(), "{login}");
        assert!(!ada.get("/profile").await.shows("role=\"alert\""), "{login}");
    }
    // Who is anonymous reads it on the page itself.
    let answer = app.browser().get("/login?error=denied").await.expect(200);
    assert!(answer.shows("cancelled or refused at the provider") && answer.cookie("__Host-flash").is_none());
}

#[tokio::test]
async fn a_sign_in_by_form_leads_to_its_return_to_and_nowhere_else() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    for (place, (return_to, expected)) in RETURN_TO.into_iter().enumerate() {
        if place % 25 == 0 {
            app.advance(60);
        }
        let browser = app.browser();
        let fields = [("email", ADA), ("password", PASSWORD), ("return_to", return_to)];
        browser
            .submit("/login", "login", &fields)
            .await
            .leads_to(expected);
        assert!(browser.is_signed_in().await);
    }
    app.advance(60);
    let doubled = [
        ("email", ADA),
        ("password", PASSWORD),
        ("return_to", "/settings"),
        ("return_to", "/settings"),
    ];
    app.browser()
        .submit("/login", "login", &doubled)
        .await
        .leads_to("/");
    let none = [("email", ADA), ("password", PASSWORD)];
    app.browser()
        .submit("/login", "login", &none)
        .await
        .leads_to("/profile");
    let register = [
        ("email", "new@example.com"),
        ("password", PASSWORD),
        ("return_to", "/settings/accounts"),
    ];
    app.browser()
        .submit("/register", "register", &register)
        .await
        .leads_to("/settings/accounts");
}

#[tokio::test]
async fn a_script_gets_json_and_no_redirect() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let fields = [("email", ADA), ("password", PASSWORD), ("return_to", "/settings")];
    let answer = app.browser().call("login", &fields).await.expect(200);
    assert_eq!(answer.json()["email"], ADA);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let foreign = [
        ("email", ADA),
        ("password", PASSWORD),
        ("return_to", "https://evil.example"),
    ];
    let answer = app.browser().call("login", &foreign).await.expect(200);
    assert!(!answer.everything().contains("evil"));
}

#[tokio::test]
async fn a_trailing_slash_leads_to_the_one_address_and_never_elsewhere() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for (path, location) in [
        ("/profile/", "/profile"),
        ("/settings/public/?a=1", "/settings/public?a=1"),
        ("/nowhere/", "/nowhere"),
    ] {
        let answer = ada.get(path).await.expect(308);
        assert_eq!(answer.header("location"), Some(location));
    }
    for odd in [
        "//evil.example/",
        "/\\evil.example/",
        "///",
        "//evil.example/%2f..",
        "/%5Cevil.example/",
    ] {
        let answer = ada.get(odd).await;
        let location = answer.header("location").unwrap_or("/");
        assert!(
            location.starts_with('/') && !location.starts_with("//"),
            "{odd}: {location}"
        );
        assert!(!location.starts_with("/\\"), "{odd}: {location}");
    }
    let stranger = app.browser();
    let answer = stranger.get("/profile/").await;
    assert!(matches!(answer.status, 303 | 308));
    assert!(!answer.shows(ADA));
}

#[tokio::test]
async fn an_unknown_path_under_a_page_never_shows_that_page() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for path in [
        "/profile/x.css",
        "/settings/public.js",
        "/settings/accounts/x",
        "/profile%2Fx",
        "/profile;a.css",
        "/PROFILE",
    ] {
        let answer = ada.get(path).await.expect(404);
        assert_eq!(
            answer.header("cache-control"),
            Some("no-store, no-transform"),
            "{path}"
        );
        assert!(!answer.shows("Member since"), "{path}");
        assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    }
}
