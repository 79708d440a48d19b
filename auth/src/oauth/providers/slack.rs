//! Slack.

use super::{
    generic::GENERIC,
    preset::{AuthTime, Avatar, Known, Offline, Pkce, Preset, Subject, TokenAuth, Userinfo},
};

/// Slack's preset.
pub(crate) const PRESET: Preset = Preset {
    id: "slack",
    name: "Slack",
    endpoints: Known::Issuer("https://slack.com"),
    // Slack accepts PKCE only from public clients, which an application permanently becomes by requesting it.
    pkce: Pkce::None,
    token_auth: TokenAuth::Post,
    offline: Offline::UNASKED,
    userinfo: Userinfo::IfNoEmail,
    // A user's id is unique only within its workspace.
    subject: Subject::Joined("/https:~1~1slack.com~1team_id", "/https:~1~1slack.com~1user_id"),
    avatar: Avatar::Claim(&["/picture", "/https:~1~1slack.com~1user_image_512"]),
    // Slack documents no parameter for it.
    fresh: &[],
    auth_time: AuthTime::IfSent,
    ..GENERIC
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
            json!({
                "sub": "U1", "https://slack.com/team_id": "T1", "https://slack.com/user_id": "U1", "email": "ada@example.com",
                "email_verified": true, "name": "Ada", "https://slack.com/user_image_512": "https://img.example/a.png",
            }),
            ("T1.U1", ADA, true, NAME, PICTURE),
        );
    }
}
