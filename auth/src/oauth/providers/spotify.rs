//! Spotify.

use super::{
    generic::PLAIN,
    preset::{Avatar, Known, Preset, TokenAuth, Verified},
};

/// Spotify's preset.
pub(crate) const PRESET: Preset = Preset {
    id: "spotify",
    name: "Spotify",
    endpoints: Known::Endpoints {
        authorize: "https://accounts.spotify.com/authorize",
        token: "https://accounts.spotify.com/api/token",
        userinfo: "https://api.spotify.com/v1/me",
    },
    scopes: &["user-read-email"],
    token_auth: TokenAuth::Basic,
    // Spotify itself states that the address is not verified.
    verified: Verified::Never,
    names: &["/display_name"],
    avatar: Avatar::Claim(&["/images/0/url"]),
    fresh: &[("show_dialog", "true")],
    ..PLAIN
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oauth::account::profile::testing::{ADA, NAME, PICTURE, assert_reads};

    #[test]
    fn a_profile_is_read_by_its_row() {
        assert_reads(
            &PRESET,
            json!({ "id": "ada", "display_name": "Ada", "email": "ada@example.com", "images": [{ "url": "https://img.example/a.png" }, {}] }),
            ("ada", ADA, false, NAME, PICTURE),
        );
    }
}
