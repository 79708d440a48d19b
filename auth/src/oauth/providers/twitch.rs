//! Twitch.

use super::{
    generic::GENERIC,
    preset::{AuthTime, Known, Offline, Pkce, Preset, TokenAuth, Userinfo},
};

/// Twitch's preset.
pub(crate) const PRESET: Preset = Preset {
    id: "twitch",
    name: "Twitch",
    endpoints: Known::Issuer("https://id.twitch.tv/oauth2"),
    scopes: &["openid", "user:read:email"],
    // Twitch does not support it: it accepts a challenge and never checks it.
    pkce: Pkce::None,
    token_auth: TokenAuth::Post,
    // Without it the ID token contains only `sub`.
    authorize_params: &[(
        "claims",
        r#"{"id_token":{"email":null,"email_verified":null,"picture":null,"preferred_username":null}}"#,
    )],
    offline: Offline::UNASKED,
    userinfo: Userinfo::IfNoEmail,
    fresh: &[("force_verify", "true")],
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
