//! Discord's own behaviour: a picture is given as a hash, and users without a picture still have a default one.

use super::{
    generic::PLAIN,
    preset::{Avatar, Known, Preset, TokenAuth, Verified},
};
use serde_json::Value;

/// Discord's preset.
pub(crate) const PRESET: Preset = Preset {
    id: "discord",
    name: "Discord",
    endpoints: Known::Endpoints {
        authorize: "https://discord.com/api/oauth2/authorize",
        token: "https://discord.com/api/oauth2/token",
        userinfo: "https://discord.com/api/users/@me",
    },
    scopes: &["identify", "email"],
    token_auth: TokenAuth::Post,
    // Users who have agreed once are not asked again.
    authorize_params: &[("prompt", "none")],
    verified: Verified::True("/verified"),
    names: &["/global_name", "/username"],
    avatar: Avatar::Of(avatar),
    fresh: &[("prompt", "consent")],
    ..PLAIN
};

const CDN: &str = "https://cdn.discordapp.com";

/// The picture's address.
fn avatar(claims: &Value) -> Option<String> {
    let id: u64 = claims.get("id")?.as_str()?.parse().ok()?;
    match claims.get("avatar").and_then(Value::as_str) {
        Some(hash)
            if hash
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') =>
        {
            let kind = if hash.starts_with("a_") { "gif" } else { "png" };
            Some(format!("{CDN}/avatars/{id}/{hash}.{kind}"))
        }
        Some(_) => None,
        None => {
            // Accounts from before 2023 have a discriminator, and choose among the five default pictures in a
            // different way.
            let old = claims
                .get("discriminator")
                .and_then(Value::as_str)
                .and_then(|text| text.parse::<u64>().ok());
            let number = old.filter(|old| *old != 0).map_or((id >> 22) % 6, |old| old % 5);
            Some(format!("{CDN}/embed/avatars/{number}.png"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oauth::account::profile::testing::{ADA, NAME, assert_reads};

    #[test]
    fn every_user_has_a_picture() {
        let path = |claims| avatar(&claims).map(|url| url.replace(CDN, ""));
        let id = "80351110224678912";
        assert_eq!(
            path(json!({ "id": id, "avatar": "8342" })).unwrap(),
            format!("/avatars/{id}/8342.png")
        );
        assert_eq!(
            path(json!({ "id": id, "avatar": "a_83" })).unwrap(),
            format!("/avatars/{id}/a_83.gif")
        );
        let number = (80_351_110_224_678_912_u64 >> 22) % 6;
        assert_eq!(
            path(json!({ "id": id, "avatar": null })).unwrap(),
            format!("/embed/avatars/{number}.png")
        );
        assert_eq!(
            path(json!({ "id": id, "discriminator": "0" })).unwrap(),
            format!("/embed/avatars/{number}.png")
        );
        assert_eq!(
            path(json!({ "id": id, "discriminator": "1337" })).unwrap(),
            "/embed/avatars/2.png"
        );
        assert_eq!(path(json!({ "id": id, "avatar": "../x" })), None);
        assert_eq!(path(json!({ "id": "../x" })), None);
    }

    #[test]
    fn a_profile_is_read_by_its_row() {
        assert_reads(
            &PRESET,
            json!({ "id": "80351110224678912", "username": "ada1", "global_name": "Ada", "email": "ada@example.com", "verified": true, "avatar": "a_12ab" }),
            (
                "80351110224678912",
                ADA,
                true,
                NAME,
                Some("https://cdn.discordapp.com/avatars/80351110224678912/a_12ab.gif"),
            ),
        );
    }
}
