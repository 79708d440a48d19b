//! What users upload, replace and remove.

use http::Method;
use image::{GenericImageView, ImageFormat};

use super::{
    ADA, PAGE, by_page,
    files::{BLUE, CAMERA, RED, halves, is, photograph},
    form, give, served, shown, status, upload,
};
use crate::support::{TestApp, contains};

#[tokio::test]
async fn an_uploaded_picture_is_made_small_and_square_and_served_to_anyone_who_has_its_address() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    assert_eq!(shown(&ada).await, None);
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let answer = upload(&ada, &halves(300, 200, format)).send().await.expect(200);
        assert_eq!(answer.text(), "null");
        let path = shown(&ada).await.unwrap();
        let answer = app.browser().request(Method::GET, &path).send().await.expect(200);
        assert_eq!(answer.header("content-type"), Some("image/webp"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let caching = Some("private, max-age=31536000, immutable");
        assert_eq!(answer.header("cache-control"), caching);
        assert!(answer.cookies().is_empty());
        let picture = served(&ada, &path).await;
        assert_eq!(picture.dimensions(), (144, 144));
        // The middle of what was wider than high.
        assert!(
            is(&picture, (1, 4), RED) && is(&picture, (7, 4), BLUE),
            "{format:?}"
        );
    }
    let head = app.browser().request(Method::HEAD, &shown(&ada).await.unwrap());
    assert!(head.send().await.expect(200).body.is_empty());
}

#[tokio::test]
async fn pictures_of_any_shape_fill_the_square() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for (width, height) in [(1, 1), (8192, 1), (1, 8192), (10, 3000), (144, 144)] {
        let file = halves(width, height, ImageFormat::Png);
        upload(&ada, &file).send().await.expect(200);
        let picture = served(&ada, &shown(&ada).await.unwrap()).await;
        assert_eq!(picture.dimensions(), (144, 144), "{width}×{height}");
    }
}

#[tokio::test]
async fn a_photograph_is_turned_as_it_was_taken_and_tells_nothing_else() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for (orientation, red, blue) in [
        (1, (1, 4), (7, 4)),
        (3, (7, 4), (1, 4)),
        (6, (4, 1), (4, 7)),
        (8, (4, 7), (4, 1)),
    ] {
        let file = photograph(orientation);
        assert!(contains(&file, CAMERA));
        upload(&ada, &file).send().await.expect(200);
        let path = shown(&ada).await.unwrap();
        let picture = served(&ada, &path).await;
        assert!(
            is(&picture, red, RED) && is(&picture, blue, BLUE),
            "{orientation}"
        );
        let answer = ada.get(&path).await;
        // One chunk, of pixels.
        assert_eq!(
            (&answer.body[..4], &answer.body[8..16]),
            (&b"RIFF"[..], &b"WEBPVP8L"[..])
        );
        for trace in [CAMERA, "Canary", "Exif", "EXIF", "XMP ", "ICCP"] {
            assert!(!contains(&answer.body, trace), "{trace}");
        }
    }
}

#[tokio::test]
async fn another_picture_takes_its_place_at_another_address() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let file = halves(9, 9, ImageFormat::Png);
    upload(&ada, &file).send().await.expect(200);
    let first = shown(&ada).await.unwrap();
    upload(&ada, &file).send().await.expect(200);
    let second = shown(&ada).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(
        (status(&ada, &first).await, status(&ada, &second).await),
        (404, 200)
    );
    assert_eq!(app.number("SELECT count(*) FROM pictures").await, 1);
}

#[tokio::test]
async fn a_removed_picture_is_gone() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    give(&ada).await;
    let path = shown(&ada).await.unwrap();
    ada.call("remove_picture", &[]).await.expect(200);
    assert_eq!((shown(&ada).await, status(&ada, &path).await), (None, 404));
    assert_eq!(
        app.number("SELECT count(*) FROM pictures WHERE webp IS NOT NULL")
            .await,
        0
    );
    // Nothing is left to remove, and another one may come.
    ada.call("remove_picture", &[]).await.expect(200);
    give(&ada).await;
    assert!(shown(&ada).await.is_some());
}

#[tokio::test]
async fn the_form_works_without_javascript() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let page = ada.get(PAGE).await.expect(200);
    assert!(page.shows("enctype=\"multipart/form-data\"") && page.shows("type=\"file\""));
    let file = halves(9, 9, ImageFormat::Png);
    by_page(&ada, &file).send().await.leads_to(PAGE);
    assert!(ada.get(PAGE).await.shows("Your picture has been saved."));
    assert!(!ada.get(PAGE).await.shows("Your picture has been saved."));
    let path = shown(&ada).await.unwrap();
    assert!(ada.get("/profile").await.shows(&format!("src=\"{path}\"")));
    ada.submit(PAGE, "remove_picture", &[("picture", "me.png")])
        .await
        .leads_to(PAGE);
    assert!(ada.get(PAGE).await.shows("Your picture has been removed."));
    assert!(!ada.get("/profile").await.shows("/pictures/"));
}

// wing:admin
#[tokio::test]
async fn administrators_see_pictures() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let admin = app.registered("admin@example.com").await;
    app.promote("admin@example.com").await;
    give(&ada).await;
    let image = format!("src=\"{}\"", shown(&ada).await.unwrap());
    let person = format!("/admin/people/{}", app.id_of(ADA).await);
    for page in ["/admin", "/admin?q=ada", &person] {
        assert!(admin.get(page).await.expect(200).shows(&image), "{page}");
    }
}
// end wing:admin

#[tokio::test]
async fn a_picture_is_its_users_alone_and_goes_with_the_account() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let bob = app.registered("bob@example.com").await;
    let file = halves(9, 9, ImageFormat::Png);
    upload(&ada, &file).send().await.expect(200);
    let path = shown(&ada).await.unwrap();
    // A page of hers, in a browser where he is signed in by now.
    let hers = app.auth.keys.mark(app.id_of(ADA).await);
    let refused = form(&bob, &[("_for", &hers)], &file).send().await;
    refused.refused(409, "signed_in_as_another");
    assert_eq!(shown(&bob).await, None);
    upload(&bob, &file).send().await.expect(200);
    bob.call("remove_picture", &[]).await.expect(200);
    assert_eq!(shown(&ada).await.as_ref(), Some(&path));

    let mut tx = app.auth.db.begin().await.unwrap();
    app.auth.delete_user(&mut tx, app.id_of(ADA).await).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(status(&bob, &path).await, 404);
    assert_eq!(app.number("SELECT count(*) FROM pictures").await, 1);
}

// wing:clients
#[tokio::test]
async fn a_key_for_the_whole_application_uploads_and_a_lesser_one_does_not() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let file = halves(9, 9, ImageFormat::Png);
    for (scope, status) in [("profile", 403), ("app", 200)] {
        let fields = [("name", scope), ("scope", scope)];
        let made = ada.call("create_key", &fields).await.expect(200).json();
        let bearer = format!("Bearer {}", made["key"].as_str().unwrap());
        let call = upload(&app.browser(), &file).header("authorization", &bearer);
        let answer = call.without("origin").without("sec-fetch-site").send().await;
        answer.expect(status);
        assert_eq!(shown(&ada).await.is_some(), status == 200, "{scope}");
    }
}
// end wing:clients

// wing:data-rights
#[tokio::test]
async fn a_picture_is_in_the_export_of_its_user() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    give(&ada).await;
    let export = ada.call("export_data", &[]).await.expect(200).json();
    let pictures = export["pictures"].as_array().unwrap();
    assert_eq!(pictures.len(), 1);
    let webp = pictures[0]["webp"].as_str().unwrap();
    assert!(webp.starts_with("data:image/webp;base64,UklGR"), "{webp}");
    let id = pictures[0]["id"].as_str().unwrap();
    assert_eq!(shown(&ada).await, Some(format!("/pictures/{id}.webp")));
}
// end wing:data-rights

#[tokio::test]
async fn there_is_nothing_at_addresses_that_are_nobodys() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    give(&ada).await;
    let path = shown(&ada).await.unwrap();
    let without_end = path.trim_end_matches(".webp");
    let id = without_end.trim_start_matches("/pictures/");
    for nothing in [
        "/pictures/0190a8c0-0000-4000-8000-000000000001.webp",
        "/pictures/.webp",
        "/pictures/x.webp",
        without_end,
        &format!("{path}.webp"),
        &format!("/pictures/{id}.png"),
        &format!("/pictures/..%2f{id}.webp"),
    ] {
        assert_eq!(status(&ada, nothing).await, 404, "{nothing}");
    }
}
