//! The client of a request, as far as sessions, limits and the audit log need it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{Extensions, HeaderMap, header::USER_AGENT};

/// The client's address. The server, which knows its proxies, puts it into a request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// What an address stands for when attempts and connections are counted. An IPv4 address counts by itself, even
/// when written as IPv6. Of an IPv6 address only the first `v6` bits count, since its owner has all of the rest: 64
/// bits for one client, 48 for a site.
pub fn block(address: IpAddr, v6: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let owned = u128::MAX.checked_shr(v6).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & !owned).into()
        }
        v4 => v4,
    }
}

/// The client of a request: an address and the browser's name for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The address; `None` only if no server has set it.
    pub ip: Option<IpAddr>,
    /// The `User-Agent`, cut to a reasonable length.
    pub user_agent: Option<String>,
}

/// Stands for all clients without an address.
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// The longest `User-Agent` kept, in characters. Real ones are shorter.
const MAX_USER_AGENT: usize = 400;

impl Client {
    /// The client of a request with these headers, and with its address in the extensions.
    pub fn of(headers: &HeaderMap, extensions: &Extensions) -> Self {
        let user_agent = headers
            .get(USER_AGENT)
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .map(|text| match text.char_indices().nth(MAX_USER_AGENT) {
                Some((end, _)) => text[..end].to_owned(),
                None => text.into_owned(),
            });
        Self {
            ip: address(extensions),
            user_agent,
        }
    }

    /// The address that attempts count against. All clients without one share a window.
    pub fn limited_address(&self) -> IpAddr {
        self.ip.unwrap_or(UNKNOWN)
    }
}

/// The address that attempts count against, for a request with these extensions, if nothing else of the client
/// matters.
pub fn limited_address(extensions: &Extensions) -> IpAddr {
    address(extensions).unwrap_or(UNKNOWN)
}

fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ClientAddress>().map(|ClientAddress(ip)| *ip)
}
