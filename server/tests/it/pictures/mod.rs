//! People's pictures: what is uploaded, what is fetched from providers, and what of it is served.

mod files;
mod providers;
mod refused;
mod uploads;

use http::Method;
use image::{DynamicImage, ImageFormat};

use crate::support::{Browser, Call};

const ADA: &str = "ada@example.com";
const BOUNDARY: &str = "----WebKitFormBoundaryk7f3";
const PAGE: &str = "/settings/public";

/// A form with a file and other fields, as a script sends it.
fn form(browser: &Browser, fields: &[(&str, &str)], file: &[u8]) -> Call {
    let mut body = Vec::new();
    for (name, value) in fields {
        let field =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(field.as_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"me.png\"\r\n\
         Content-Type: image/png\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    browser
        .post("/api/upload_picture", &[])
        .header(
            "content-type",
            &format!("multipart/form-data; boundary={BOUNDARY}"),
        )
        .body(body)
}

fn upload(browser: &Browser, file: &[u8]) -> Call {
    form(browser, &[], file)
}

/// Gives the user a picture.
pub async fn give(browser: &Browser) {
    let picture = files::halves(9, 9, ImageFormat::Png);
    upload(browser, &picture).send().await.expect(200);
}

/// An upload without JavaScript.
fn by_page(browser: &Browser, file: &[u8]) -> Call {
    let referer = format!("{}{PAGE}", browser.app().origin);
    upload(browser, file)
        .header("accept", "text/html,*/*;q=0.8")
        .header("referer", &referer)
}

/// The path of the user's picture.
async fn shown(browser: &Browser) -> Option<String> {
    // In the bar, from the snapshot.
    let page = browser.get("/").await.expect(200).text();
    let (_, rest) = page.split_once("class=\"bar-who\"").unwrap();
    let (who, _) = rest.split_once("</li>").unwrap();
    let (_, path) = who.split_once("src=\"")?;
    path.split('"').next().map(str::to_owned)
}

/// What is served at a path.
async fn served(browser: &Browser, path: &str) -> DynamicImage {
    let answer = browser.app().browser().get(path).await.expect(200);
    image::load_from_memory_with_format(&answer.body, ImageFormat::WebP).unwrap()
}

/// The status at a path.
async fn status(browser: &Browser, path: &str) -> u16 {
    let stranger = browser.app().browser();
    stranger.request(Method::GET, path).send().await.status
}
