//! Passkeys: signing in with a key that a browser, a phone or a security key keeps, and that it uses only for its owner
//! (WebAuthn).
//!
//! - [`register`] makes one for a signed-in user, [`manage`] names and removes them.
//! - [`sign_in`] signs in with one. The authenticator has verified its user, so that it is two factors in one.
//! - [`confirm`] confirms the identity of a signed-in user with one.
//! - [`challenge`] is what it is asked, [`answer`] what a browser sends, [`table`] where passkeys are kept. Signatures are checked by `webauthn-rs`.
//!
//! A challenge is a ceremony, see [`ceremonies`](crate::ceremonies). Its first answer uses it up, right or wrong.

mod answer;
mod challenge;
mod confirm;
mod manage;
mod register;
mod sign_in;
pub(crate) mod table;

use std::sync::Arc;

use url::{Host, Url};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use crate::{
    error::{Error, Result},
    public_url::PublicUrl,
};

/// How many passkeys a user can have.
pub const MOST: usize = 20;
/// The `method` of sessions that began with a passkey.
pub const METHOD: &str = "passkey";

/// Passkeys, if `PUBLIC_URL` allows them: they belong to a name, and never to an IP address. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Passkeys(Option<Arc<Webauthn>>);

impl Passkeys {
    pub(crate) fn new(public_url: &PublicUrl) -> Self {
        Self(relying_party(public_url).map(Arc::new))
    }

    /// Whether there are passkeys.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// # Errors
    /// [`Error::NotFound`] if there are none.
    fn require(&self) -> Result<&Webauthn> {
        self.0.as_deref().ok_or(Error::NotFound)
    }
}

fn relying_party(public_url: &PublicUrl) -> Option<Webauthn> {
    let origin = Url::parse(public_url.origin()).ok()?;
    let Some(Host::Domain(name)) = origin.host() else {
        return None;
    };
    let builder = WebauthnBuilder::new(name, &origin).ok()?;
    builder.rp_name(public_url.authority()).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_belong_to_a_name() {
        for (url, is_on) in [
            ("https://app.example", true),
            ("https://app.example:8443", true),
            ("http://localhost:3000", true),
            ("http://127.0.0.1:3000", false),
            ("https://192.0.2.1", false),
            ("http://[::1]:3000", false),
        ] {
            let url = PublicUrl::parse(url).unwrap();
            assert_eq!(Passkeys::new(&url).is_on(), is_on, "{url:?}");
        }
    }
}
