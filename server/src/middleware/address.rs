//! The client's address: the peer's own, or the one that trusted proxies report.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use auth::ClientAddress;
use axum::extract::{ConnectInfo, Request};
use http::{HeaderMap, HeaderName};

use crate::config::TrustedProxies;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Puts [`ClientAddress`] into the request. No other forwarding header is read, and URLs never depend on one.
pub(super) fn note(request: &mut Request, proxies: &TrustedProxies) {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| peer.ip());
    if let Some(peer) = peer {
        let address = client(peer, request.headers(), proxies);
        request.extensions_mut().insert(ClientAddress(address));
    }
}

/// The right-most entry that is not itself a trusted proxy. Everything to the left of it is the client's own claim,
/// so the header is read as bytes, entry by entry from the right, and no further than that.
fn client(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> IpAddr {
    let mut address = peer.to_canonical();
    let entries = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    for entry in entries {
        if !proxies.trusts(address) {
            break;
        }
        // This is not an address, so whatever stands to the left of it cannot be trusted either.
        let Some(next) = entry_address(entry) else { break };
        address = next.to_canonical();
    }
    address
}

/// The address in one entry. Proxies write it bare, with the peer's port (`198.51.100.7:40000`), in brackets
/// (`[2001:db8::1]`, with or without a port), or in quotes, as in the `Forwarded` header (RFC 7239 §6).
fn entry_address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry.trim_ascii()).ok()?;
    let text = match text.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?.trim(),
        None => text,
    };
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(with_port) = text.parse::<SocketAddr>() {
        return Some(with_port.ip());
    }
    let bracketed = text.strip_prefix('[')?.strip_suffix(']')?;
    bracketed.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn seen(peer: &str, forwarded: &[&str], proxies: &str) -> String {
        let forwarded: Vec<&[u8]> = forwarded.iter().map(|value| value.as_bytes()).collect();
        seen_in_bytes(peer, &forwarded, proxies)
    }

    fn seen_in_bytes(peer: &str, forwarded: &[&[u8]], proxies: &str) -> String {
        let headers = forwarded
            .iter()
            .map(|v| (FORWARDED_FOR, HeaderValue::from_bytes(v).unwrap()))
            .collect();
        client(
            peer.parse().unwrap(),
            &headers,
            &TrustedProxies::parse(proxies).unwrap(),
        )
        .to_string()
    }

    #[test]
    fn only_trusted_peers_are_believed() {
        assert_eq!(seen("192.0.2.1", &["203.0.113.9"], ""), "192.0.2.1");
        assert_eq!(seen("127.0.0.1", &["203.0.113.9"], ""), "127.0.0.1");
        assert_eq!(seen("10.0.0.1", &["203.0.113.9"], "10.0.0.0/8"), "203.0.113.9");
    }

    #[test]
    fn the_right_most_untrusted_entry_counts() {
        assert_eq!(
            seen("10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.0.0.2"], "10.0.0.0/8"),
            "203.0.113.9"
        );
        assert_eq!(
            seen("10.0.0.1", &["1.1.1.1", "203.0.113.9"], "10.0.0.0/8"),
            "203.0.113.9"
        );
        assert_eq!(seen("10.0.0.1", &["203.0.113.9, junk"], "10.0.0.0/8"), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[], "10.0.0.0/8"), "10.0.0.1");
    }

    #[test]
    fn entries_may_carry_ports_brackets_and_quotes() {
        for (entry, address) in [
            ("198.51.100.7:40000", "198.51.100.7"),
            ("[2001:db8::1]:1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("\"198.51.100.7\"", "198.51.100.7"),
            ("\"198.51.100.7:40000\"", "198.51.100.7"),
            ("\"[2001:db8::1]:40000\"", "2001:db8::1"),
            ("[::ffff:198.51.100.7]:1", "198.51.100.7"),
            ("\t198.51.100.7 ", "198.51.100.7"),
        ] {
            assert_eq!(seen("10.0.0.1", &[entry], "10.0.0.0/8"), address, "{entry}");
            let chain = format!("1.1.1.1, {entry}, 10.0.0.2:55, \"10.0.0.3\"");
            assert_eq!(seen("10.0.0.1", &[&chain], "10.0.0.0/8"), address, "{chain}");
        }
    }

    #[test]
    fn an_entry_that_is_not_an_address_does_not_hide_those_to_its_right() {
        for claim in [
            "junk",
            "",
            "unknown",
            "_hidden",
            "1.2.3",
            "[1.2.3.4]",
            "\"1.1.1.1",
            "1.1.1.1:x",
            "[::1",
        ] {
            let line = format!("{claim}, 203.0.113.9");
            assert_eq!(seen("10.0.0.1", &[&line], "10.0.0.0/8"), "203.0.113.9", "{claim}");
            assert_eq!(seen("10.0.0.1", &[claim], "10.0.0.0/8"), "10.0.0.1", "{claim}");
        }
        let bytes = [&b"\xff\xfe, 203.0.113.9"[..], b"\xff,203.0.113.9:1"];
        for line in bytes {
            assert_eq!(seen_in_bytes("10.0.0.1", &[line], "10.0.0.0/8"), "203.0.113.9");
        }
        assert_eq!(
            seen_in_bytes("10.0.0.1", &[b"\xff", b"203.0.113.9"], "10.0.0.0/8"),
            "203.0.113.9"
        );
    }
}
