//! What browsers, crawlers and researchers look for at fixed addresses.

use crate::support::TestApp;

const SECURITY: &str = "/.well-known/security.txt";

#[tokio::test]
async fn contacts_for_vulnerabilities_are_published_and_good_for_half_a_year() {
    let app = TestApp::with(&[(
        "SECURITY_CONTACT",
        "mailto:security@app.example, https://app.example/security",
    )])
    .await;
    let answer = app.browser().get(SECURITY).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let text = answer.text();
    let fields: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(": ")).collect();
    assert_eq!(fields[0], ("Contact", "mailto:security@app.example"), "{text}");
    assert_eq!(fields[1], ("Contact", "https://app.example/security"), "{text}");
    let of = |name: &str| {
        fields
            .iter()
            .find(|(field, _)| *field == name)
            .map(|(_, value)| *value)
    };
    let canonical = of("Canonical").expect("the RFC asks for it");
    assert!(
        canonical.starts_with("https://") && canonical.ends_with(SECURITY),
        "{text}"
    );
    let expires = of("Expires").expect("the RFC requires it");
    let expires =
        time::OffsetDateTime::parse(expires, &time::format_description::well_known::Rfc3339).unwrap();
    let days = (expires - app.clock.now()).whole_days();
    assert!((170..=180).contains(&days), "{days} days: {text}");
}

#[tokio::test]
async fn without_contacts_there_is_no_such_file() {
    let app = TestApp::new().await;
    app.browser().get(SECURITY).await.expect(404);
}

#[tokio::test]
async fn password_managers_find_the_page_to_change_a_password() {
    let app = TestApp::new().await;
    let answer = app
        .browser()
        .get("/.well-known/change-password")
        .await
        .expect(303);
    assert_eq!(answer.header("location"), Some("/settings/security"));
}

#[tokio::test]
async fn a_shared_link_has_a_title_and_a_picture_with_its_whole_address() {
    let app = TestApp::new().await;
    let page = app.browser().get("/").await.expect(200).text();
    for tag in [
        r#"property="og:title" content="start-axum-auth""#,
        r#"property="og:image" content="https://"#,
        r#"property="og:description" content="An application"#,
    ] {
        assert!(page.contains(tag), "{tag}");
    }
}
