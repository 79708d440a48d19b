//! A log of statements shows what requests do, not what the stale feed does all the time.

use crate::support::{Folder, Server};

#[test]
fn a_log_of_statements_is_not_full_of_the_feeds() {
    let folder = Folder::new();
    let vars = [("PUBLIC_URL", "http://127.0.0.1:3000"), ("RUST_LOG", "debug")];
    let server = Server::start(&folder, &vars);
    server.exchange(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1:3000\r\nconnection: close\r\n\r\n");
    server.signal("TERM");
    let (code, log) = server.finish();
    assert_eq!(code, Some(0));
    assert!(log.contains("the stale feed is current"), "{log}");
    assert!(
        log.contains("FROM _sqlx_migrations"),
        "statements are logged: {log}"
    );
    for of_the_feed in ["PRAGMA data_version", "clock_timestamp()"] {
        let line = log.lines().find(|line| line.contains(of_the_feed));
        assert_eq!(line, None);
    }
}
