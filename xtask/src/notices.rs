//! What cargo-leptos tells the pages that are open while it watches.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use crate::Outcome;

/// How long the socket may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// The socket of a page (RFC 6455). A server's frames are not masked, so their texts can be searched as they come.
pub(crate) struct Notices {
    stream: TcpStream,
    heard: String,
}

impl Notices {
    /// Connects as a page does that has just been loaded.
    pub(crate) fn listen(reload: SocketAddr) -> Outcome<Self> {
        let mut notices = TcpStream::connect_timeout(&reload, ANSWER)
            .map(|stream| Self {
                stream,
                heard: String::new(),
            })
            .map_err(|error| format!("nothing listens on {reload}: {error}"))?;
        let request = format!(
            "GET /live_reload HTTP/1.1\r\nHost: {reload}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        notices
            .stream
            .write_all(request.as_bytes())
            .map_err(|error| format!("cannot write to {reload}: {error}"))?;
        notices.wait_for("\r\n\r\n", ANSWER)?;
        if notices.heard.starts_with("HTTP/1.1 101 ") {
            Ok(notices)
        } else {
            Err(format!(
                "{reload} is not the socket of cargo-leptos: {}",
                notices.heard
            ))
        }
    }

    /// Waits for a notice with this text.
    pub(crate) fn wait_for(&mut self, text: &str, patience: Duration) -> Outcome {
        let start = Instant::now();
        let mut piece = [0; 4096];
        while !self.heard.contains(text) {
            let left = patience.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(format!(
                    "no notice of `{text}` came within {patience:?}: {}",
                    self.heard
                ));
            }
            let read = self
                .stream
                .set_read_timeout(Some(left))
                .and_then(|()| self.stream.read(&mut piece));
            match read {
                Ok(0) => {
                    return Err(format!(
                        "cargo-leptos hung up before it spoke of `{text}`: {}",
                        self.heard
                    ));
                }
                Ok(length) => self.heard += &String::from_utf8_lossy(&piece[..length]),
                Err(error) => return Err(format!("no notice of `{text}` came: {error}: {}", self.heard)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// What becomes of waiting for `text` from a server that sends these, one after the other, and hangs up.
    fn heard(sent: &'static [&str], text: &str) -> Outcome {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        thread::scope(|scope| {
            scope.spawn(move || {
                let (mut stream, _) = listener.accept().expect("a connection comes");
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).expect("a request is read");
                    request.extend(byte);
                }
                for piece in sent {
                    stream.write_all(piece.as_bytes()).expect("it is sent");
                }
            });
            Notices::listen(address)?.wait_for(text, ANSWER)
        })
    }

    const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\n\r\n";

    #[test]
    fn a_notice_is_heard_in_however_many_pieces_it_comes() {
        assert_eq!(
            heard(&[SWITCHED, "\u{1}\u{9}{\"al", "l\":true}"], "\"all\":true"),
            Ok(())
        );
        let missed = heard(&[SWITCHED, "{\"all\":false}"], "\"all\":true").expect_err("it never comes");
        assert!(missed.contains("hung up"), "{missed}");
        let other = heard(&["HTTP/1.1 404 Not Found\r\n\r\n"], "").expect_err("it is another server");
        assert!(other.contains("404 Not Found"), "{other}");
    }
}
