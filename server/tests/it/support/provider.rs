//! A provider that is only asked where it is: enough for flows to begin, and for callbacks to fail at.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::OnceLock,
    thread,
};

use serde_json::json;

/// The variables of a provider `acme`, which every test of this program shares.
pub fn acme() -> [(&'static str, &'static str); 4] {
    static ISSUER: OnceLock<String> = OnceLock::new();
    let issuer = ISSUER.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
        });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let metadata = metadata.to_string();
                thread::spawn(move || answer(stream, &metadata));
            }
        });
        issuer
    });
    [
        ("AUTH_PROVIDERS", "acme"),
        ("ACME_ISSUER", issuer),
        ("ACME_CLIENT_ID", "client"),
        ("ACME_CLIENT_SECRET", "canary-of-a-client-secret"),
    ]
}

fn answer(mut stream: TcpStream, metadata: &str) {
    let mut request = [0; 4096];
    let length = stream.read(&mut request).unwrap_or(0);
    let request = String::from_utf8_lossy(&request[..length]);
    let body = match request.split(' ').nth(1) {
        Some("/.well-known/openid-configuration") => metadata,
        Some("/keys") => r#"{"keys":[]}"#,
        _ => r#"{"error":"invalid_grant"}"#,
    };
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    // A client that has left needs none.
    let _ = stream.write_all(answer.as_bytes());
}
