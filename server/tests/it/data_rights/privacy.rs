//! `/privacy`: what is kept, for every visitor to read.

use auth::{
    cookies::CookieName,
    data_rights::kept::{COOKIES, SECTIONS},
};

use super::ADA;
use crate::support::TestApp;

#[tokio::test]
async fn everybody_can_read_what_is_kept_why_and_for_how_long() {
    let app = TestApp::new().await;
    for browser in [app.browser(), app.registered(ADA).await] {
        let page = browser.get("/privacy").await.expect(200);
        for section in SECTIONS {
            assert!(
                page.shows(&format!("<h2>{}</h2>", section.title)),
                "{}",
                section.title
            );
            for line in section.lines {
                for text in [line.what, line.why, &line.life.words()] {
                    assert!(page.shows(text), "{text}");
                }
            }
        }
        for cookie in COOKIES {
            assert!(page.shows(&format!("<code>{}</code>", cookie.name.plain())));
        }
        assert!(page.shows("400 days") && page.shows("90 days"));
    }
}

#[tokio::test]
async fn every_page_leads_to_it() {
    let app = TestApp::new().await;
    let (stranger, ada) = (app.browser(), app.registered(ADA).await);
    for (browser, path, status) in [
        (&stranger, "/", 200),
        (&stranger, "/login", 200),
        (&stranger, "/privacy", 200),
        (&stranger, "/nowhere", 404),
        (&ada, "/profile", 200),
        (&ada, "/settings/security", 200),
    ] {
        let page = browser.get(path).await.expect(status);
        assert!(page.shows("<a href=\"/privacy\">"), "{path}");
    }
}

/// A cookie that the page does not name is a broken promise.
#[tokio::test]
async fn no_cookie_is_set_that_the_page_does_not_name() {
    let app = TestApp::new().await;
    let ada = app.browser();
    let page = ada.get("/privacy").await.expect(200);
    let mut seen = Vec::new();
    let wrong = [("email", ADA), ("password", "wrong")];
    seen.extend(ada.submit("/login", "login", &wrong).await.cookies());
    seen.extend(ada.post("/auth/login/acme", &[]).send().await.cookies());
    ada.register(ADA).await;
    let theme = ada
        .call("update_public_data", &[("theme", "dark")])
        .await
        .expect(200);
    seen.extend(theme.cookies());
    seen.extend(app.signed_in(ADA).await.call("logout", &[]).await.cookies());
    let names: std::collections::BTreeSet<_> = seen.iter().map(|cookie| cookie.name.as_str()).collect();
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        let name = name.strip_prefix("__Host-").unwrap();
        assert!(page.shows(&format!("<code>{name}</code>")), "{name}");
    }
    assert_eq!(CookieName::Id.plain(), "id");
}
