//! `server ready`: asks the running server whether it is ready, for containers that have no other program to do so.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::serve::Failure;

/// The server itself answers within four seconds.
const WAIT: Duration = Duration::from_secs(5);

/// Asks the server that listens there for `/readyz`, and prints what it says.
///
/// # Errors
/// If it is not ready, or does not answer.
pub async fn ready(addr: SocketAddr) -> Result<(), Failure> {
    let addr = reachable(addr);
    let answer = timeout(WAIT, ask(addr))
        .await
        .map_err(|_| format!("{addr} does not answer within {} s", WAIT.as_secs()))?
        .map_err(|error| format!("{addr} does not answer: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    print!("{body}");
    if head.starts_with("HTTP/1.1 200 ") {
        Ok(())
    } else {
        Err(format!("{addr} is not ready").into())
    }
}

/// A server that listens on every address is found on loopback.
fn reachable(addr: SocketAddr) -> SocketAddr {
    match addr {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, v6.port()).into(),
        other => other,
    }
}

async fn ask(addr: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(addr).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::reachable;

    #[test]
    fn every_address_is_this_machine() {
        for (listens, asked) in [
            ("0.0.0.0:3000", "127.0.0.1:3000"),
            ("[::]:3000", "[::1]:3000"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            let listens = listens.parse().expect("an address");
            assert_eq!(reachable(listens).to_string(), asked);
        }
    }
}
