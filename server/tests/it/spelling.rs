//! One spelling of each address, and pages that are closed unless they are listed as public.

use app::pages::PUBLIC;
use http::Method;

use crate::support::{SOME_ID, TestApp};

const ADA: &str = "ada@example.com";
const ROOT: &str = "root@example.com"; // wing:admin

/// Spellings of `/profile` that a browser, and Leptos, would resolve.
const SPELLINGS: [&str; 15] = [
    "/./profile",
    "/x/../profile",
    "/../profile",
    "/%2e/profile",
    "/%2E%2e/profile",
    "/x/%2e%2e/profile",
    "/x/.%2E/profile",
    "/profile/.",
    "/profile/./",
    "/profile/x/..",
    "/profile\\",
    "//profile",
    "/\\profile",
    "//x/../profile",
    "/profile//",
];

#[tokio::test]
async fn another_spelling_of_a_page_is_never_rendered() {
    let app = TestApp::new().await;
    let (stranger, ada) = (app.browser(), app.registered(ADA).await);
    for spelling in SPELLINGS {
        for browser in [&stranger, &ada] {
            for method in [Method::GET, Method::HEAD] {
                let asked = format!("{spelling}?a=%2e&b=//");
                let answer = browser.request(method, &asked).send().await.expect(308);
                let location = answer.header("location").unwrap();
                let (path, query) = location.split_once('?').unwrap();
                assert!(
                    ["/profile", "/profile/"].contains(&path),
                    "{spelling}: {location}"
                );
                assert_eq!(query, "a=%2e&b=//", "{spelling}");
                assert!(
                    answer.body.is_empty() && answer.cookies().is_empty(),
                    "{spelling}"
                );
                // And on, to where the guard decides.
                let next = browser.get(path).await;
                assert!([200, 303, 308].contains(&next.status), "{path}");
            }
            for path in [spelling.to_owned(), spelling.replace("profile", "api/logout")] {
                let answer = browser
                    .post(&path, &[])
                    .header("accept", "text/html")
                    .send()
                    .await;
                assert_eq!(answer.expect(404).header("allow"), None, "{path}");
            }
        }
    }
    assert!(ada.is_signed_in().await);
}

// wing:admin
#[tokio::test]
async fn another_spelling_does_not_pass_by_the_administrators_confirmation() {
    let app = TestApp::new().await;
    let root = app.registered(ROOT).await;
    app.promote(ROOT).await;
    app.registered(ADA).await;
    app.advance(601);
    for spelling in [
        "/./admin",
        "/x/../admin",
        "/%2e/admin",
        "/admin/.",
        "/admin\\",
        "//x/../admin",
    ] {
        let answer = root.get(spelling).await.expect(308);
        assert!(!answer.everything().contains(ADA), "{spelling}");
    }
    root.get("/admin")
        .await
        .leads_to("/settings/security?return_to=%2Fadmin");
}
// end wing:admin

#[tokio::test]
async fn a_page_that_is_not_listed_as_public_is_closed() {
    // Before there is an application: making the list keeps others from rendering meanwhile.
    let routes: Vec<String> = leptos_axum::generate_route_list(app::App)
        .iter()
        .map(|route| route.path().to_owned())
        .collect();
    assert!(routes.len() > PUBLIC.len(), "{routes:?}");
    for public in PUBLIC {
        assert!(
            routes.iter().any(|route| route == public),
            "{public} is listed and is no page"
        );
    }
    let app = TestApp::new().await;
    let stranger = app.browser();
    for route in &routes {
        let page: String = route
            .split('/')
            .map(|segment| {
                if segment.starts_with('{') {
                    SOME_ID
                } else {
                    segment
                }
            })
            .collect::<Vec<_>>()
            .join("/");
        let answer = stranger.get(&page).await;
        let expected = match route.as_str() {
            // wing:mail
            "/reset" | "/undo" | "/settings/confirm-address" | "/login/link" | "/register/finish" => 410,
            // end wing:mail
            public if PUBLIC.contains(&public) => 200,
            "/oauth/authorize" => 400, // wing:clients
            hidden if hidden == "/admin" || hidden.starts_with("/admin/") => 404, // wing:admin
            _ => 303,
        };
        assert_eq!(answer.status, expected, "{page}");
        if expected == 303 {
            let encoded = page.replace('/', "%2F");
            answer.leads_to(&format!("/login?return_to={encoded}"));
        }
    }
}

#[tokio::test]
async fn what_is_not_reading_renders_no_page() {
    let app = TestApp::new().await;
    for browser in [app.browser(), app.registered(ADA).await] {
        for page in [
            "/profile",
            "/profile/",
            "/settings/",
            "/settings/public/",
            "/nowhere",
            "/login/",
        ] {
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
                let answer = browser
                    .request(method, page)
                    .header("accept", "text/html")
                    .send()
                    .await;
                assert!(
                    [403, 404, 405].contains(&answer.status),
                    "{page}: {}",
                    answer.status
                );
                assert!(!answer.shows(ADA) && !answer.shows("Member since"), "{page}");
            }
        }
    }
}
