//! What Debug shows, and so may end up in a log one day: of secrets nothing.

use std::{
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use app::pages::{
    login::Login,
    register::Register,
    settings::{
        private::UpdatePrivateData, // wing:private-data
        security::{ChangePassword, ConfirmIdentity, SetPassword},
    },
};
use auth::{IdHash, RequestAuth, cookies::Cookies, session_layer};
use axum::{Extension, Router, middleware::from_fn_with_state, routing::get};
use http::{HeaderMap, Method};

use crate::support::{PASSWORD, TestApp};

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn of_a_request_neither_the_cookies_it_brought_nor_those_it_is_given() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    ada.post("/auth/login/acme", &[]).send().await.expect(200);
    let session_id = ada.session_id().await;
    app.advance(300);
    let shown = Arc::new(Mutex::new(String::new()));
    let handler = {
        let (auth, shown) = (app.auth.clone(), Arc::clone(&shown));
        move |Extension(request): Extension<RequestAuth>, headers: HeaderMap| async move {
            let cookies = auth.cookies.read(&headers);
            let mut text = format!("{request:?} {request:#?} {cookies:?}");
            text += &format!("{:?}", request.require().await);
            auth.sign_out(&request).await.unwrap();
            *shown.lock().unwrap() = text + &format!("{request:?}");
        }
    };
    let layer = from_fn_with_state(app.auth.sessions.clone(), session_layer);
    let router = Router::new().route("/", get(handler)).layer(layer);
    let secrets = ["id", "auth", "flow"].map(|name| ada.cookie(name).unwrap());
    let late = ada.copy();
    let answer = late
        .through(&router)
        .request(Method::GET, "/")
        .send_unchecked()
        .await;
    assert!(answer.clone().expect(200).clears());
    let shown = shown.lock().unwrap().clone();
    assert!(shown.contains(&session_id), "{shown}");
    // A tower-sessions id is a number, and shown as one by its own Debug.
    let number = format!("{}", secrets[0].parse::<tower_sessions::session::Id>().unwrap().0);
    for secret in secrets.iter().chain([&number]) {
        assert!(!shown.contains(secret.as_str()), "{shown}");
    }
    assert!(!format!("{:?}", answer.headers).contains("__Host-"));
}

#[test]
fn of_cookies_and_hashes_nothing_but_that_they_are_there() {
    let cookies = Cookies::new(true);
    let set = cookies.set(
        auth::cookies::CookieName::Id,
        "canary",
        auth::cookies::Keep::BrowserSession,
    );
    assert!(!format!("{set:?}").contains("canary"));
    let headers = HeaderMap::from_iter([(http::header::COOKIE, "__Host-id=canary".parse().unwrap())]);
    assert_eq!(format!("{:?}", cookies.read(&headers)), "{Id}");
    let hash = IdHash::of(&tower_sessions::session::Id(7));
    assert_eq!(format!("{hash:?}"), "IdHash(..)");
}

#[test]
fn of_what_forms_send_no_password_and_no_private_value() {
    fn shown<T: serde::de::DeserializeOwned + Debug>(fields: &[(&str, &str)]) -> String {
        let text = serde_urlencoded::to_string(fields).unwrap();
        let arguments: T = serde_urlencoded::from_str(&text).unwrap();
        format!("{arguments:?}")
    }
    let sign_in = [("email", ADA), ("password", PASSWORD)];
    let change = [("current_password", PASSWORD), ("new_password", PASSWORD)];
    let private = [("api_token", PASSWORD), ("webhook_secret", PASSWORD)]; // wing:private-data
    for shown in [
        shown::<Login>(&sign_in),
        shown::<Register>(&sign_in),
        shown::<ConfirmIdentity>(&sign_in[1..]),
        shown::<ChangePassword>(&change),
        shown::<SetPassword>(&change[1..]),
        shown::<UpdatePrivateData>(&private), // wing:private-data
    ] {
        assert!(!shown.contains(PASSWORD), "{shown}");
        assert!(shown.contains("(..)"), "{shown}");
    }
}

/// Names of what must not be shown. A field called so has a type that does not show it, or its struct no Debug.
const SECRETS: [&str; 12] = [
    "password",
    "secret",
    "token",
    "cookie",
    "verifier",
    "nonce",
    "state",
    "code",
    "pending",
    "sealed",
    "authorize_url",
    "planned",
];
/// Fields that are called so and hold an address of a provider's.
const ADDRESSES: [(&str, &str); 3] = [
    ("provider.rs", "token"),
    ("preset.rs", "token"),
    ("discovery.rs", "token_endpoint"),
];
/// Types that show what they hold.
const PLAIN: [&str; 7] = ["String", "str", "Vec<u8>", "[u8", "Id", "Value", "Box<[u8]>"];

/// The whole workspace, read as text: whatever derives Debug names no secret in plain.
#[test]
fn nothing_that_derives_debug_holds_a_secret_in_plain() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    let mut structs = 0;
    for folder in [
        "app/src",
        "auth/src",
        "auth/wire/src",
        "server/src",
        "frontend/src",
        "xtask/src",
    ] {
        for file in sources(&workspace.join(folder)) {
            let text = fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            for derived in text.split("#[derive(").skip(1) {
                let (traits, item) = derived.split_once(")]").unwrap();
                if !traits.split(", ").any(|name| name == "Debug") {
                    continue;
                }
                structs += 1;
                let end = item
                    .find("\n}")
                    .unwrap_or(item.len())
                    .min(item.find(";\n").unwrap_or(item.len()));
                let fields = item[..end]
                    .lines()
                    .filter_map(|line| line.trim().split_once(": "));
                for (name, kind) in fields.filter(|(name, _)| !name.starts_with("//")) {
                    let name = name.rsplit(' ').next().unwrap();
                    let plain = PLAIN.iter().any(|plain| {
                        kind.split(|c: char| !(c.is_alphanumeric() || "_[]<>".contains(c)))
                            .any(|word| word == *plain || word.ends_with(&format!("<{plain}>")))
                    });
                    let is_address = |(of, field): &(&str, &str)| file.ends_with(of) && name == *field;
                    if plain
                        && !ADDRESSES.iter().any(is_address)
                        && SECRETS.iter().any(|secret| name.contains(secret))
                    {
                        found.push(format!("{}: {name}: {kind}", file.display()));
                    }
                }
            }
        }
    }
    assert!(structs > 100, "only {structs} are found: the reading has failed");
    assert!(found.is_empty(), "{found:#?}");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && path
                .file_stem()
                .is_some_and(|name| name != "tests" && name != "testing")
        {
            files.push(path);
        }
    }
    files
}
