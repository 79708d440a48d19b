//! GitLab.

use super::{
    generic::GENERIC,
    preset::{Known, Offline, Preset, TokenAuth},
};

/// What is known of GitLab.
pub(crate) const PRESET: Preset = Preset {
    id: "gitlab",
    name: "GitLab",
    endpoints: Known::Issuer("https://gitlab.com"),
    token_auth: TokenAuth::Basic,
    offline: Offline::UNASKED,
    required: &[("/state", "active"), ("/locked", "false")],
    ..GENERIC
};
