//! The providers: a file for each that is known, and what they are made of. To take one out, delete its file and its
//! two lines here.

pub(super) mod apple;
pub(super) mod development; // wing:dev-provider
mod discord;
pub(super) mod env;
mod facebook;
pub(super) mod generic;
mod github;
mod gitlab;
mod google;
mod linkedin;
pub(super) mod microsoft;
pub(super) mod preset;
pub(super) mod provider;
mod slack;
mod spotify;
mod twitch;
mod x;

use self::preset::Preset;

/// The providers that are known, in the order of their buttons.
pub(super) const PRESETS: &[Preset] = &[
    google::PRESET,
    github::PRESET,
    microsoft::PRESET,
    gitlab::PRESET,
    discord::PRESET,
    apple::PRESET,
    facebook::PRESET,
    x::PRESET,
    linkedin::PRESET,
    twitch::PRESET,
    spotify::PRESET,
    slack::PRESET,
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use url::Url;

    use super::{
        env::is_id,
        generic::GENERIC,
        preset::{AuthTime, Known, Pkce, TokenAuth, Userinfo, Verified},
        *,
    };

    fn preset(id: &str) -> &'static Preset {
        PRESETS.iter().find(|preset| preset.id == id).unwrap()
    }

    #[test]
    fn every_row_is_sound() {
        let ids: HashSet<_> = PRESETS.iter().map(|preset| preset.id).collect();
        assert_eq!(ids.len(), PRESETS.len());
        for row in PRESETS {
            assert!(is_id(row.id) && !row.name.is_empty(), "{}", row.id);
            assert!(!row.scopes.is_empty(), "{}", row.id);
            let addresses = match row.endpoints {
                Known::Issuer(issuer) => vec![issuer],
                Known::MicrosoftTenant => vec![],
                Known::Endpoints {
                    authorize,
                    token,
                    userinfo,
                } => vec![authorize, token, userinfo],
            };
            for address in addresses {
                assert_eq!(Url::parse(address).unwrap().scheme(), "https", "{}", row.id);
            }
            let plain = matches!(row.endpoints, Known::Endpoints { .. });
            assert!(
                !plain || (!row.nonce && row.userinfo == Userinfo::Required),
                "{}",
                row.id
            );
            assert_eq!(row.form_post, row.id == "apple");
            for pointer in row.names.iter().chain([&row.email]) {
                assert!(pointer.starts_with('/'), "{}: {pointer}", row.id);
            }
        }
    }

    #[test]
    fn pkce_nonce_and_client_authentication_are_what_each_provider_takes() {
        use Pkce::{None, S256};
        use TokenAuth::{AppleJwt, Basic, Post};
        let table = [
            ("google", S256, true, Post),
            ("github", S256, false, Post),
            ("microsoft", S256, true, Post),
            ("gitlab", S256, true, Basic),
            ("discord", S256, false, Post),
            ("apple", S256, true, AppleJwt),
            ("facebook", S256, false, Post),
            ("x", S256, false, Basic),
            ("linkedin", None, false, Post),
            ("twitch", None, true, Post),
            ("spotify", S256, false, Basic),
            ("slack", None, true, Post),
        ];
        assert_eq!(table.len(), PRESETS.len());
        for (id, pkce, nonce, token_auth) in table {
            let row = preset(id);
            assert_eq!(
                (row.pkce, row.nonce, row.token_auth),
                (pkce, nonce, token_auth),
                "{id}"
            );
        }
    }

    #[test]
    fn refresh_tokens_are_asked_for_as_each_provider_wants_it() {
        let consent = [("prompt", "consent")];
        for row in PRESETS.iter().chain([&GENERIC]) {
            let (scopes, params, again) = match row.id {
                "" => (&["offline_access"][..], &consent[..], &[][..]),
                "google" => (&[][..], &[("access_type", "offline")][..], &consent[..]),
                "microsoft" => (&["offline_access"][..], &[][..], &[][..]),
                "x" => (&["offline.access"][..], &[][..], &[][..]),
                _ => (&[][..], &[][..], &[][..]),
            };
            let offline = row.offline;
            assert_eq!(
                (offline.scopes, offline.params, offline.again),
                (scopes, params, again),
                "{}",
                row.id
            );
            let mut names: Vec<_> = [row.authorize_params, params, again].concat();
            names.sort_unstable();
            names.dedup_by_key(|(name, _)| *name);
            assert_eq!(
                names.len(),
                row.authorize_params.len() + params.len() + again.len(),
                "{}",
                row.id
            );
        }
    }

    /// Only who was asked with `max_age` owes the claim, and of those only one is known not to send it.
    #[test]
    fn who_is_asked_for_a_fresh_sign_in_has_to_say_when_it_was() {
        for row in PRESETS.iter().chain([&GENERIC]) {
            let asked = row.fresh.contains(&("max_age", "0"));
            let required = row.auth_time == AuthTime::Required;
            assert_eq!(required, asked && row.id != "google", "{}", row.id);
        }
    }

    #[test]
    fn only_rows_whose_provider_says_so_trust_addresses() {
        for id in ["facebook", "spotify"] {
            assert!(matches!(preset(id).verified, Verified::Never));
        }
        for id in ["google", "gitlab", "twitch", "slack"] {
            assert!(matches!(preset(id).verified, Verified::True("/email_verified")));
        }
        // Their `true` is a text, for some people or in some answers.
        for id in ["apple", "linkedin"] {
            assert!(matches!(
                preset(id).verified,
                Verified::TrueOrText("/email_verified")
            ));
        }
    }
}
