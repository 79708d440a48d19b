//! Google.

use super::{
    generic::GENERIC,
    preset::{AuthTime, Known, Offline, Preset, TokenAuth, Userinfo},
};

/// What is known of Google.
pub(crate) const PRESET: Preset = Preset {
    id: "google",
    name: "Google",
    endpoints: Known::Issuer("https://accounts.google.com"),
    token_auth: TokenAuth::Post,
    // It comes when a person agrees for the first time, and again only if asked to agree again.
    offline: Offline {
        scopes: &[],
        params: &[("access_type", "offline")],
        again: &[("prompt", "consent")],
    },
    userinfo: Userinfo::IfNoEmail,
    // It refuses `login`, and may pass over the second. When the person signed in it says only to projects with
    // its "session age claims" that ask for it by the parameter `claims`. So a confirmation is a choice among
    // the accounts that this browser has open at Google.
    fresh: &[("prompt", "select_account"), ("max_age", "0")],
    auth_time: AuthTime::IfSent,
    ..GENERIC
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::account::profile::testing::{ADA, NAME, PICTURE, assert_reads, oidc};

    #[test]
    fn a_profile_is_read_by_its_row() {
        assert_reads(&PRESET, oidc(), ("1", ADA, true, NAME, PICTURE));
    }
}
