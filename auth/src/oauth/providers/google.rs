//! Google.

use super::{
    generic::GENERIC,
    preset::{AuthTime, Known, Offline, Preset, TokenAuth, Userinfo},
};

/// Google's preset.
pub(crate) const PRESET: Preset = Preset {
    id: "google",
    name: "Google",
    endpoints: Known::Issuer("https://accounts.google.com"),
    token_auth: TokenAuth::Post,
    // Google sends it when a user consents for the first time, and after that only if consent is requested again.
    offline: Offline {
        scopes: &[],
        params: &[("access_type", "offline")],
        again: &[("prompt", "consent")],
    },
    userinfo: Userinfo::IfNoEmail,
    // Google refuses `login`, and may ignore the second parameter. It states when the user signed in only to projects
    // with its "session age claims", which request it by the parameter `claims`. So a confirmation is a choice among
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
