//! The client of a request, as far as sessions, limits and the audit log care.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{Extensions, HeaderMap, header::USER_AGENT};

/// The client's address, put into a request's extensions by the server, which knows its proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// What an address stands for when attempts and connections are counted: an IPv4 address is counted by itself, also
/// when it is written as IPv6; of an IPv6 address only the first `v6` bits are, since its owner has all of the rest.
/// 64 bits are what one client has, 48 a site.
pub fn block(address: IpAddr, v6: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let owned = u128::MAX.checked_shr(v6).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & !owned).into()
        }
        v4 => v4,
    }
}

/// Who asks: an address and a browser's name for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The address; unknown only where no server put it.
    pub ip: Option<IpAddr>,
    /// The `User-Agent`, cut to a sane length.
    pub user_agent: Option<String>,
}

/// What stands for all clients without an address.
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// Longest `User-Agent` kept, in characters: real ones stay under it.
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

    /// The address attempts count against; all clients without one share a window.
    pub fn limited_address(&self) -> IpAddr {
        self.ip.unwrap_or(UNKNOWN)
    }
}

/// The address attempts count against, of a request with these extensions, where nothing else of the client matters.
pub fn limited_address(extensions: &Extensions) -> IpAddr {
    address(extensions).unwrap_or(UNKNOWN)
}

fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ClientAddress>().map(|ClientAddress(ip)| *ip)
}
