//! GitLab.

use super::{
    generic::GENERIC,
    preset::{Known, Offline, Preset, TokenAuth},
};

/// GitLab's preset.
pub(crate) const PRESET: Preset = Preset {
    id: "gitlab",
    name: "GitLab",
    endpoints: Known::Issuer("https://gitlab.com"),
    token_auth: TokenAuth::Basic,
    offline: Offline::UNASKED,
    required: &[("/state", "active"), ("/locked", "false")],
    ..GENERIC
};

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::oauth::account::profile::{
        read,
        testing::{ADA, NAME, PICTURE, assert_reads, oidc},
    };

    #[test]
    fn a_profile_is_read_by_its_row() {
        assert_reads(&PRESET, oidc(), ("1", ADA, true, NAME, PICTURE));
    }

    #[test]
    fn an_account_the_provider_has_blocked_is_refused() {
        let is_let_in = |extra: Value| {
            let mut claims = json!({ "sub": "1" });
            claims
                .as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            read(&PRESET, &claims).is_ok()
        };
        assert!(is_let_in(json!({})) && is_let_in(json!({ "state": "active", "locked": false })));
        assert!(!is_let_in(json!({ "state": "blocked" })) && !is_let_in(json!({ "locked": true })));
    }
}
