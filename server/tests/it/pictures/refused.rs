//! What is no picture, and uploads that are refused.

use std::time::{Duration, Instant};

use http::Method;
use image::ImageFormat;

use super::{
    ADA, BOUNDARY, PAGE, by_page,
    files::{bomb, halves},
    form, shown, upload,
};
use crate::support::TestApp;

#[tokio::test]
async fn what_is_not_a_picture_is_refused_at_once() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let png = halves(300, 300, ImageFormat::Png);
    let html = b"<!doctype html><script>alert(1)</script>".to_vec();
    for (what, file) in [
        ("nothing", Vec::new()),
        ("a page", html.clone()),
        (
            "SVG",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script/></svg>".to_vec(),
        ),
        ("a page that begins as a PNG", [&png[..8], &html].concat()),
        (
            "a page that begins as a JPEG",
            [&b"\xff\xd8\xff\xe0"[..], &html].concat(),
        ),
        (
            "a page that begins as WebP",
            [&b"RIFF\x20\0\0\0WEBPVP8 "[..], &html].concat(),
        ),
        ("WebP", halves(9, 9, ImageFormat::WebP)),
        (
            "a JPEG of more scans than a picture has",
            [halves(9, 9, ImageFormat::Jpeg), b"\xff\xda".repeat(40)].concat(),
        ),
        ("half a PNG", png[..png.len() / 2].to_vec()),
        (
            "a GIF",
            b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;".to_vec(),
        ),
        (
            "a format that is not compiled in",
            b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0".to_vec(),
        ),
        ("3.6 thousand million pixels", bomb(60_000, 60_000)),
        ("67 million pixels of 8 bytes", bomb(8192, 8192)),
        ("8193 pixels in a row", bomb(8193, 1)),
        ("no pixels", bomb(0, 0)),
    ] {
        // Each is refused for itself, so that no limit is in the way.
        app.advance(3601);
        let ada = app.signed_in(ADA).await;
        let begun = Instant::now();
        let answer = upload(&ada, &file).send().await;
        assert!(
            answer.shows("not a picture we can read"),
            "{what}: {}",
            answer.text()
        );
        answer.refused(422, "invalid_input");
        assert!(begun.elapsed() < Duration::from_secs(2), "{what}");
    }
    assert_eq!(shown(&app.signed_in(ADA).await).await, None);
    drop(ada);
}

#[tokio::test]
async fn what_follows_a_picture_in_its_file_is_dropped() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let file = [&halves(9, 9, ImageFormat::Png)[..], b"<script>alert(1)</script>"].concat();
    upload(&ada, &file).send().await.expect(200);
    let picture = ada.get(&shown(&ada).await.unwrap()).await;
    assert!(!picture.shows("script"));
}

#[tokio::test]
async fn a_failure_leads_back_to_the_page_in_words() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    by_page(&ada, b"x").send().await.leads_to(PAGE);
    assert!(ada.get(PAGE).await.shows("not a picture we can read"));
    let large = vec![b'x'; 6 * 1024 * 1024];
    by_page(&ada, &large).send().await.leads_to(PAGE);
    assert!(ada.get(PAGE).await.shows("This is too large."));
    by_page(&ada, &large)
        .chunked(large.clone())
        .send()
        .await
        .leads_to(PAGE);
    assert_eq!(shown(&ada).await, None);
}

#[tokio::test]
async fn a_file_may_have_five_mebibytes() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mut file = halves(9, 9, ImageFormat::Png);
    file.resize(5 * 1024 * 1024, 0);
    upload(&ada, &file).send().await.expect(200);
    file.push(0);
    upload(&ada, &file).send().await.refused(413, "too_large");
    file.resize(6 * 1024 * 1024, 0);
    upload(&ada, &file).send().await.refused(413, "too_large");
    let body = upload(&ada, &[]).chunked(file);
    body.send().await.refused(413, "too_large");
}

#[tokio::test]
async fn while_there_is_no_room_for_a_picture_its_form_is_led_back() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let large = vec![0; 3 * 1024 * 1024];
    let (stalled, waits) = upload(&ada, &large).stalled();
    let stalled = tokio::spawn(stalled.send());
    waits.await.unwrap();
    let refused = upload(&ada, &large).send().await;
    assert!(refused.header("retry-after").is_some());
    refused.refused(503, "unavailable");
    by_page(&ada, &large).send().await.leads_to(PAGE);
    assert!(ada.get(PAGE).await.shows("We cannot do this right now."));
    stalled.abort();
}

#[tokio::test]
async fn visitors_who_are_not_signed_in_upload_nothing() {
    let app = TestApp::new().await;
    for file in [halves(9, 9, ImageFormat::Png), vec![b'x'; 1024 * 1024]] {
        let visitor = app.browser();
        upload(&visitor, &file)
            .send()
            .await
            .refused(401, "unauthenticated");
        by_page(&visitor, &file).send().await.leads_to(PAGE);
        visitor
            .get(PAGE)
            .await
            .leads_to("/login?return_to=%2Fsettings%2Fpublic");
    }
    assert_eq!(app.number("SELECT count(*) FROM pictures").await, 0);
}

#[tokio::test]
async fn other_sites_upload_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let file = halves(9, 9, ImageFormat::Png);
    let call = upload(&ada, &file)
        .header("origin", "https://evil.example")
        .header("sec-fetch-site", "cross-site");
    call.send().await.refused(403, "cross_origin");
    assert_eq!(shown(&ada).await, None);
}

#[tokio::test]
async fn a_form_without_a_file_is_refused() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let post = |kind: &str, body: &str| {
        ada.post("/api/upload_picture", &[])
            .header("content-type", kind)
            .body(body.to_owned())
    };
    let multipart = format!("multipart/form-data; boundary={BOUNDARY}");
    let only_text =
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--{BOUNDARY}--\r\n");
    for (kind, body, status) in [
        ("application/x-www-form-urlencoded", "picture=x", 415),
        ("image/png", "\u{fffd}PNG", 415),
        ("multipart/mixed; boundary=x", "--x--", 415),
        ("multipart/form-data", "--x--", 400),
        (&*multipart, "", 400),
        (&*multipart, "picture=x", 400),
        (&*multipart, &*only_text, 422),
    ] {
        let answer = post(kind, body).send().await;
        assert_eq!(answer.status, status, "{kind} {body}");
    }
    // No other form has files.
    let other = ada.post("/api/update_public_data", &[]);
    let other = other.header("content-type", &multipart).body(only_text.clone());
    other.send().await.refused(415, "unsupported_type");
    ada.request(Method::GET, "/api/upload_picture")
        .send()
        .await
        .expect(405);
}

#[tokio::test]
async fn a_user_uploads_twenty_pictures_an_hour() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let bob = app.registered("bob@example.com").await;
    let file = halves(9, 9, ImageFormat::Png);
    for n in 0..20 {
        // One that is no picture counts as well.
        let file = if n == 0 { b"x".to_vec() } else { file.clone() };
        upload(&ada, &file).send().await;
    }
    let refused = form(&ada, &[], &file)
        .send()
        .await
        .refused(429, "too_many_attempts");
    assert!((1..=3600).contains(&refused.wait()));
    by_page(&ada, &file).send().await.leads_to(PAGE);
    assert!(ada.get(PAGE).await.shows("Too many attempts."));
    upload(&bob, &file).send().await.expect(200);
    ada.call("remove_picture", &[]).await.expect(200);
    app.advance(3600);
    upload(&app.signed_in(ADA).await, &file).send().await.expect(200);
}

/// Reading a file takes a while. What is done then is done for the session as it is by then.
#[tokio::test]
async fn a_picture_of_a_session_that_has_ended_meanwhile_is_not_kept() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mut headers = http::HeaderMap::new();
    headers.insert("cookie", ada.cookie_header().unwrap().parse().unwrap());
    let request = app
        .auth
        .sessions
        .request(&headers, &http::Extensions::new())
        .await
        .unwrap();
    let live = request.require().await.unwrap();
    let file = halves(9, 9, ImageFormat::Png);
    let upload = async || app.auth.pictures.upload(&live, file.clone().into()).await;
    upload().await.unwrap();
    let other = app.signed_in(ADA).await;
    let kept = shown(&other).await;
    other.call("revoke_other_sessions", &[]).await.expect(200);
    for ended in [upload().await, app.auth.pictures.remove(&live).await] {
        assert!(matches!(ended, Err(auth::Error::NotSignedIn)), "{ended:?}");
    }
    assert!(kept.is_some());
    assert_eq!(shown(&other).await, kept);
}
