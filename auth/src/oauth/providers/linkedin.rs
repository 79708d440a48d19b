//! LinkedIn.

use super::{
    generic::GENERIC,
    preset::{AuthTime, Known, Offline, Pkce, Preset, TokenAuth, Userinfo, Verified},
};

/// LinkedIn's preset.
pub(crate) const PRESET: Preset = Preset {
    id: "linkedin",
    name: "LinkedIn",
    endpoints: Known::Issuer("https://www.linkedin.com/oauth"),
    // LinkedIn answers a `code_verifier` with `invalid_client` unless it has enabled PKCE for the application, and it
    // leaves the nonce out of the ID token.
    pkce: Pkce::None,
    nonce: false,
    token_auth: TokenAuth::Post,
    token_type_optional: true,
    offline: Offline::UNASKED,
    userinfo: Userinfo::IfNoEmail,
    verified: Verified::TrueOrText("/email_verified"),
    // LinkedIn documents no parameter for it.
    fresh: &[],
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
