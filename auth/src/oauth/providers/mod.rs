//! The providers: a file for each that is known, and what they are made of. Its name is a wing:
//! `cargo xtask remove NAME`.

mod apple; // wing:apple
pub(super) mod development; // wing:dev-provider
mod discord; // wing:discord
pub(super) mod env;
mod facebook; // wing:facebook
#[allow(dead_code, reason = "a preset may begin with either")]
pub(super) mod generic;
mod github; // wing:github
mod gitlab; // wing:gitlab
mod google; // wing:google
mod linkedin; // wing:linkedin
mod microsoft; // wing:microsoft
#[allow(
    dead_code,
    reason = "the words that rows are written in, whichever a row uses"
)]
pub(super) mod preset;
pub(super) mod provider;
mod slack; // wing:slack
mod spotify; // wing:spotify
mod twitch; // wing:twitch
mod x; // wing:x

use self::preset::Preset;

/// The known providers, in the order of their buttons.
pub(super) const PRESETS: &[Preset] = &[
    google::PRESET,    // wing:google
    github::PRESET,    // wing:github
    microsoft::PRESET, // wing:microsoft
    gitlab::PRESET,    // wing:gitlab
    discord::PRESET,   // wing:discord
    apple::PRESET,     // wing:apple
    facebook::PRESET,  // wing:facebook
    x::PRESET,         // wing:x
    linkedin::PRESET,  // wing:linkedin
    twitch::PRESET,    // wing:twitch
    spotify::PRESET,   // wing:spotify
    slack::PRESET,     // wing:slack
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use url::Url;

    use super::{
        env::is_id,
        generic::GENERIC,
        preset::{AuthTime, Known, Userinfo},
        *,
    };

    #[test]
    fn every_row_is_sound() {
        let ids: HashSet<_> = PRESETS.iter().map(|preset| preset.id).collect();
        assert_eq!(ids.len(), PRESETS.len());
        for row in PRESETS {
            assert!(is_id(row.id) && !row.name.is_empty(), "{}", row.id);
            assert!(!row.scopes.is_empty(), "{}", row.id);
            let addresses = match row.endpoints {
                Known::Issuer(issuer) => vec![issuer.to_owned()],
                Known::Tenants(tenants) => vec![(tenants.issuer)(None).unwrap()],
                Known::Endpoints {
                    authorize,
                    token,
                    userinfo,
                } => [authorize, token, userinfo].map(str::to_owned).to_vec(),
            };
            for address in addresses {
                assert_eq!(Url::parse(&address).unwrap().scheme(), "https", "{}", row.id);
            }
            let plain = matches!(row.endpoints, Known::Endpoints { .. });
            assert!(
                !plain || (!row.nonce && row.userinfo == Userinfo::Required),
                "{}",
                row.id
            );
            let asks_for_a_form = row.authorize_params.contains(&("response_mode", "form_post"));
            assert_eq!(row.form_post, asks_for_a_form, "{}", row.id);
            for pointer in row.names.iter().chain([&row.email]) {
                assert!(pointer.starts_with('/'), "{}: {pointer}", row.id);
            }
        }
    }

    #[test]
    fn no_parameter_is_sent_twice_where_a_refresh_token_is_asked_for() {
        for row in PRESETS.iter().chain([&GENERIC]) {
            let sent = [row.authorize_params, row.offline.params, row.offline.again].concat();
            let names: HashSet<_> = sent.iter().map(|(name, _)| *name).collect();
            assert_eq!(names.len(), sent.len(), "{}", row.id);
        }
    }

    /// Only providers that are sent `max_age` must send the claim, and some of those are known to leave it out.
    #[test]
    fn a_provider_asked_for_a_fresh_sign_in_must_state_its_time() {
        for row in PRESETS.iter().chain([&GENERIC]) {
            let asked = row.fresh.contains(&("max_age", "0"));
            assert!(row.auth_time != AuthTime::Required || asked, "{}", row.id);
        }
    }
}
