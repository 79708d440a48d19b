//! The client's address: the peer's, or what proxies we trust say of it.

use std::net::{IpAddr, SocketAddr};

use auth::ClientAddress;
use axum::extract::{ConnectInfo, Request};
use http::{HeaderMap, HeaderName};

use crate::config::TrustedProxies;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Puts [`ClientAddress`] into the request. No other forwarding header is read, and none for URLs.
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

/// The right-most entry that is no trusted proxy itself: everything left of it is the client's own claim.
fn client(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> IpAddr {
    let mut address = peer.to_canonical();
    if !proxies.trusts(address) {
        return address;
    }
    let entries: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("").split(','))
        .map(str::trim)
        .collect();
    for entry in entries.into_iter().rev() {
        if !proxies.trusts(address) {
            break;
        }
        // Something that is no address: what stands left of it is worth nothing either.
        let Ok(next) = entry.parse::<IpAddr>() else { break };
        address = next.to_canonical();
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], proxies: &str) -> String {
        let headers = forwarded
            .iter()
            .map(|v| (FORWARDED_FOR, v.parse().unwrap()))
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
}
