//! The networks from which an account was recently signed in to. An attacker who guesses at its password from
//! elsewhere uses up the account's window for strangers, not the one for these networks.

use std::net::IpAddr;

use ipnet::IpNet;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::{Expired, Tx},
    error::Result,
};

/// How long a network is known after a sign-in from it.
pub(crate) const KNOWN_FOR: Duration = Duration::days(30);

/// A network: a /24 of IPv4, a /48 of IPv6. Internet access providers assign addresses from within one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpNet);

impl Network {
    /// The network an address is in.
    pub fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let prefix = if address.is_ipv4() { 24 } else { 48 };
        let whole = IpNet::from(address);
        Self(IpNet::new(address, prefix).unwrap_or(whole).trunc())
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Remembers the network of a sign-in, in the transaction that begins the session. The user is locked by then.
pub(crate) async fn remember(
    tx: &mut Tx,
    user_id: Uuid,
    from: Option<IpAddr>,
    now: OffsetDateTime,
) -> Result<()> {
    let Some(address) = from else { return Ok(()) };
    sqlx::query(
        "INSERT INTO sign_in_networks (id, user_id, network, last_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id, network) DO UPDATE SET last_at = excluded.last_at",
    )
    .bind(Uuid::now_v7())
    .bind(user_id)
    .bind(Network::of(address).to_string())
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

// wing:mail
/// Forgets all networks of a user: whoever signed in from there may be somebody else.
pub(crate) async fn forget(tx: &mut Tx, user_id: Uuid) -> Result<()> {
    sqlx::query("DELETE FROM sign_in_networks WHERE user_id = $1")
        .bind(user_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
// end wing:mail

/// Networks without a sign-in for [`KNOWN_FOR`]. The condition takes that time.
pub(crate) const EXPIRED: Expired = Expired {
    table: "sign_in_networks",
    key: "id",
    when: "last_at <= $1",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_a_24_or_a_48() {
        let network = |text: &str| Network::of(text.parse().unwrap()).to_string();
        assert_eq!(network("198.51.100.77"), "198.51.100.0/24");
        assert_eq!(network("::ffff:198.51.100.77"), "198.51.100.0/24");
        assert_eq!(network("2001:db8:1:2:3::4"), "2001:db8:1::/48");
    }
}
