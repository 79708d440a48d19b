//! What is logged of clients: what happened, and no secret, even at its chattiest.

use serde_json::Value;

use super::support::{ADA, DEVICE_GRANT};
use crate::support::{Folder, PASSWORD, Server};

/// The JSON of an answer, and the cookies that it sets.
fn read(answer: &str) -> (Value, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let cookies: Vec<&str> = head
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next())
        .collect();
    (serde_json::from_str(body).unwrap_or_default(), cookies.join("; "))
}

#[test]
fn no_token_key_or_code_is_logged() {
    let folder = Folder::new();
    let server = Server::start(
        &folder,
        &[("PUBLIC_URL", "http://127.0.0.1:3000"), ("RUST_LOG", "trace")],
    );
    let post = |path: &str, cookies: &str, fields: &[(&str, &str)]| read(&server.post(path, cookies, fields));
    let (_, cookies) = post("/api/register", "", &[("email", ADA), ("password", PASSWORD)]);
    let id = ("client_id", "dev-app");
    let (device, _) = post("/oauth/device_authorization", "", &[id, ("scope", "profile")]);
    let text = |json: &Value, name: &str| json[name].as_str().unwrap_or_else(|| panic!("{json}")).to_owned();
    let (code, user_code) = (text(&device, "device_code"), text(&device, "user_code"));
    let (decided, _) = post(
        "/api/decide_device",
        &cookies,
        &[("user_code", &user_code), ("decision", "allow")],
    );
    assert!(decided.is_null(), "{decided}");
    let (first, _) = post(
        "/oauth/token",
        "",
        &[id, ("grant_type", DEVICE_GRANT), ("device_code", &code)],
    );
    let refresh = text(&first, "refresh_token");
    let fields = [id, ("grant_type", "refresh_token"), ("refresh_token", &refresh)];
    let (second, _) = post("/oauth/token", "", &fields);
    let (key, _) = post(
        "/api/create_key",
        &cookies,
        &[("name", "backup"), ("scope", "app"), ("days", "1")],
    );
    let key = text(&key, "key");
    for token in [&text(&second, "access_token"), &key] {
        let answer = server.exchange(
            format!(
                "GET /protected HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
            )
            .as_bytes(),
        );
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    // The first token again, long after it was replaced for good.
    let (_, _) = post(
        "/oauth/revoke",
        "",
        &[id, ("token", &text(&second, "refresh_token"))],
    );
    server.signal("TERM");
    let (_, log) = server.finish();
    for secret in [
        &code,
        &user_code,
        &user_code.replace('-', ""),
        &refresh,
        &text(&first, "access_token"),
        &text(&second, "access_token"),
        &text(&second, "refresh_token"),
        &key,
    ] {
        // Not even what follows the prefix.
        let secret = secret.split_once('_').map_or(secret.as_str(), |(_, rest)| rest);
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}
