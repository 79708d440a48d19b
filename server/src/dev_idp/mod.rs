//! The development identity provider. Debug builds contain it. A release build only reports that it has none.

#[cfg(debug_assertions)]
mod issuer;

use std::net::SocketAddr;

use auth::{Config, Problem, PublicUrl, Vars, oauth::Provider};

#[cfg(debug_assertions)]
pub(crate) use self::issuer::router;

const VARIABLE: &str = "DEV_IDP";

/// Adds the provider to the configured ones, if it is requested or there is no other.
pub(crate) fn configure(
    vars: &Vars,
    addr: SocketAddr,
    release: bool,
    auth: &mut Config,
    problems: &mut Vec<Problem>,
    doubts: &mut Vec<Problem>,
) {
    let said = |message: &str| Problem {
        variable: VARIABLE.to_owned(),
        message: message.to_owned(),
    };
    let wanted = match vars.get(VARIABLE) {
        Some("1") if release => {
            problems.push(said(
                "is for development only: a release build does not contain the development provider",
            ));
            false
        }
        Some("1") => true,
        Some(_) => {
            problems.push(said("must be 1 or unset"));
            false
        }
        None => auth.providers.is_empty(),
    };
    // A test can set `release`, but only debug builds contain the provider's code. Behind a tunnel, anyone can reach
    // a server on loopback, and its public address then shows that.
    let only_here = addr.ip().is_loopback() && auth.public_url.loopback();
    if cfg!(debug_assertions) && !release && wanted && only_here {
        auth.providers.push(provider(&auth.public_url));
    }
    if vars.get(VARIABLE).is_some() && !only_here {
        doubts.push(said(
            "has no effect: the listening address and PUBLIC_URL must both be on loopback",
        ));
    }
}

/// The provider as this server offers it.
pub(crate) fn provider(public_url: &PublicUrl) -> Provider {
    auth::oauth::development(public_url, "development".into())
}
