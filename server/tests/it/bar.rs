//! What every page shows: the person's name in the bar, from the snapshot, and the choice of a theme.

use crate::support::{Browser, PASSWORD, TestApp};

const ADA: &str = "ada@example.com";

/// The name in the bar of a page.
async fn name(browser: &Browser) -> String {
    let page = browser.get("/").await.expect(200);
    let text = page.text();
    let (_, after) = text.split_once("class=\"bar-name\">").expect("a name in the bar");
    after.split('<').next().unwrap().to_owned()
}

async fn call_myself(browser: &Browser, name: &str) {
    browser
        .call("update_public_data", &[("display_name", name)])
        .await
        .expect(200);
}

#[tokio::test]
async fn the_bar_shows_the_name_without_a_query() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    assert_eq!(name(&ada).await, "Ada");
    call_myself(&ada, "The Countess").await;
    assert_eq!(name(&ada).await, "The Countess");
    let asked = app.auth.sessions.status().authority_reads;
    assert_eq!(name(&ada).await, "The Countess");
    assert_eq!(app.auth.sessions.status().authority_reads, asked);
    ada.call("clear_public_data", &[]).await.expect(200);
    assert_eq!(name(&ada).await, "Ada");
}

#[tokio::test]
async fn a_new_name_is_shown_in_all_browsers_at_once_and_another_change_voids_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let phone = app.browser();
    phone.login(ADA, PASSWORD).await.expect(200);
    call_myself(&ada, "The Countess").await;
    assert_eq!(name(&phone).await, "The Countess");
    assert_eq!(name(&ada).await, "The Countess");
    let asked = app.auth.sessions.status().authority_reads;
    for (field, value) in [
        ("bio", "Engines"),
        ("display_name", "The Countess"),
        ("theme", "dark"),
    ] {
        ada.call("update_public_data", &[(field, value)])
            .await
            .expect(200);
    }
    assert_eq!(name(&phone).await, "The Countess");
    assert_eq!(app.auth.sessions.status().authority_reads, asked);
}

#[tokio::test]
async fn a_name_of_any_length_and_kind_fits_and_is_only_text() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for (chosen, shown) in [
        ("\u{1f98a}".repeat(100), "\u{1f98a}".repeat(40)),
        ("\"".repeat(100), "\"".repeat(40)),
        ("\\".repeat(100), "\\".repeat(40)),
        ("<b>x</b>".to_owned(), "&lt;b&gt;x&lt;/b&gt;".to_owned()),
    ] {
        call_myself(&ada, &chosen).await;
        assert_eq!(name(&ada).await, shown);
        assert!(ada.cookie("auth").unwrap().len() < 1024);
    }
}

#[tokio::test]
async fn a_name_is_no_part_of_what_clients_are_answered() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let before = ada.get("/api/session").await.expect(200);
    call_myself(&ada, "The Countess").await;
    let after = ada.get("/api/session").await.expect(200);
    assert_eq!(before.header("etag"), after.header("etag"));
    assert!(!after.shows("Countess"));
}

#[tokio::test]
async fn anyone_chooses_a_theme_for_the_browser_and_a_user_for_all() {
    let app = TestApp::new().await;
    let visitor = app.browser();
    let dark = visitor.call("choose_theme", &[("theme", "dark")]).await;
    dark.expect(200);
    assert_eq!(visitor.cookie("theme").as_deref(), Some("dark"));
    assert!(visitor.get("/").await.shows("data-theme=\"dark\""));
    for wrong in ["blue", "Dark", "dark\0", "\" onload=\"x"] {
        let refused = visitor.call("choose_theme", &[("theme", wrong)]).await;
        refused.refused(422, "invalid_input");
        assert_eq!(visitor.cookie("theme").as_deref(), Some("dark"));
    }
    visitor.call("choose_theme", &[]).await.expect(200);
    assert_eq!(visitor.cookie("theme").as_deref(), Some("dark"));
    visitor.call("choose_theme", &[("theme", "")]).await.expect(200);
    assert_eq!(visitor.cookie("theme"), None);

    let ada = app.registered(ADA).await;
    ada.call("choose_theme", &[("theme", "light")]).await.expect(200);
    let phone = app.browser();
    phone.login(ADA, PASSWORD).await.expect(200);
    let data = phone.call("get_public_data", &[]).await.expect(200).json();
    assert_eq!(data["theme"], "light");
    assert_eq!(phone.cookie("theme").as_deref(), Some("light"));
}

#[tokio::test]
async fn without_a_script_the_choice_leads_back_to_its_page() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for page in ["/", "/settings/sessions", "/privacy"] {
        let back = ada.submit(page, "choose_theme", &[("theme", "dark")]).await;
        back.assert_leads_to(page);
    }
}
