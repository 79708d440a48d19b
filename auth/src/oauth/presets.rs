//! The providers this template knows, in the order of their buttons.

use super::preset::{
    AuthTime, Avatar, Known, Offline, Pkce, Preset, Quirk, Subject, TokenAuth, Userinfo, Verified,
};

/// An OpenID provider about which nothing is known but its issuer: what the standard says, no more.
pub(super) const GENERIC: Preset = Preset {
    id: "",
    name: "",
    endpoints: Known::Issuer(""),
    scopes: &["openid", "profile", "email"],
    pkce: Pkce::S256,
    nonce: true,
    token_auth: TokenAuth::Metadata,
    token_type_optional: false,
    form_post: false,
    authorize_params: &[],
    // OpenID Connect Core §11: without the person's agreement the scope is ignored.
    offline: Offline {
        scopes: &["offline_access"],
        params: &[("prompt", "consent")],
        again: &[],
    },
    // The second makes the ID token say when it was (OpenID Connect Core §2, `auth_time`).
    fresh: &[("prompt", "login"), ("max_age", "0")],
    auth_time: AuthTime::Required,
    userinfo: Userinfo::Wanted,
    userinfo_params: &[],
    quirk: Quirk::None,
    subject: Subject::Claim("/sub"),
    email: "/email",
    verified: Verified::True("/email_verified"),
    names: &["/name", "/preferred_username", "/nickname"],
    avatar: Avatar::Claim(&["/picture"]),
    required: &[],
};

/// A plain OAuth 2.0 provider: no ID token, hence no nonce, and userinfo is all there is.
const PLAIN: Preset = Preset {
    nonce: false,
    offline: Offline::UNASKED,
    fresh: &[],
    auth_time: AuthTime::IfSent,
    userinfo: Userinfo::Required,
    subject: Subject::Claim("/id"),
    ..GENERIC
};

/// The rows.
pub(super) const PRESETS: &[Preset] = &[
    Preset {
        id: "google",
        name: "Google",
        endpoints: Known::Issuer("https://accounts.google.com"),
        token_auth: TokenAuth::Post,
        // It comes when a person agrees for the first time, and again only if asked to agree again.
        offline: Offline {
            scopes: &[],
            params: &[("access_type", "offline")],
            again: &[("prompt", "consent")],
        },
        userinfo: Userinfo::IfNoEmail,
        // It refuses `login`, and may pass over the second. When the person signed in it says only to projects with
        // its "session age claims" that ask for it by the parameter `claims`. So a confirmation is a choice among
        // the accounts that this browser has open at Google.
        fresh: &[("prompt", "select_account"), ("max_age", "0")],
        auth_time: AuthTime::IfSent,
        ..GENERIC
    },
    Preset {
        id: "github",
        name: "GitHub",
        endpoints: Known::Endpoints {
            authorize: "https://github.com/login/oauth/authorize",
            token: "https://github.com/login/oauth/access_token",
            userinfo: "https://api.github.com/user",
        },
        scopes: &["read:user", "user:email"],
        token_auth: TokenAuth::Post,
        quirk: Quirk::GithubEmails,
        // Put there by `github.rs`, from the list of addresses: `/user` has only the public one.
        email: "/verified_primary_email",
        verified: Verified::IfPresent,
        names: &["/name", "/login"],
        avatar: Avatar::Claim(&["/avatar_url"]),
        // There is no way to ask for more than for a choice, here and where a row asks for consent: whoever sits
        // at a browser that is signed in there confirms with a click.
        fresh: &[("prompt", "select_account")],
        ..PLAIN
    },
    Preset {
        id: "microsoft",
        name: "Microsoft",
        endpoints: Known::MicrosoftTenant,
        token_auth: TokenAuth::Post,
        offline: Offline {
            scopes: &["offline_access"],
            ..Offline::UNASKED
        },
        // It repeats the ID token.
        userinfo: Userinfo::Never,
        // `sub` differs from application to application, `oid` is unique only within its tenant.
        subject: Subject::Joined("/tid", "/oid"),
        verified: Verified::Microsoft,
        avatar: Avatar::None,
        // It asks for the password, but says when it did only to applications with the optional claim `auth_time`.
        fresh: &[("prompt", "login")],
        auth_time: AuthTime::IfSent,
        ..GENERIC
    },
    Preset {
        id: "gitlab",
        name: "GitLab",
        endpoints: Known::Issuer("https://gitlab.com"),
        token_auth: TokenAuth::Basic,
        offline: Offline::UNASKED,
        required: &[("/state", "active"), ("/locked", "false")],
        ..GENERIC
    },
    Preset {
        id: "discord",
        name: "Discord",
        endpoints: Known::Endpoints {
            authorize: "https://discord.com/api/oauth2/authorize",
            token: "https://discord.com/api/oauth2/token",
            userinfo: "https://discord.com/api/users/@me",
        },
        scopes: &["identify", "email"],
        token_auth: TokenAuth::Post,
        // Who has agreed once is not asked again.
        authorize_params: &[("prompt", "none")],
        verified: Verified::True("/verified"),
        names: &["/global_name", "/username"],
        avatar: Avatar::Discord,
        fresh: &[("prompt", "consent")],
        ..PLAIN
    },
    Preset {
        id: "apple",
        name: "Apple",
        endpoints: Known::Issuer("https://appleid.apple.com"),
        scopes: &["name", "email"],
        token_auth: TokenAuth::AppleJwt,
        // Asking for name or address makes Apple insist on it.
        form_post: true,
        authorize_params: &[("response_mode", "form_post")],
        offline: Offline::UNASKED,
        userinfo: Userinfo::Never,
        verified: Verified::TrueOrText("/email_verified"),
        avatar: Avatar::None,
        // It asks each time.
        fresh: &[],
        auth_time: AuthTime::IfSent,
        ..GENERIC
    },
    Preset {
        id: "facebook",
        name: "Facebook",
        // Without a version of the Graph API: a pinned one stops working two years after its release,
        // and these fields have been the same in all of them.
        endpoints: Known::Endpoints {
            authorize: "https://www.facebook.com/dialog/oauth",
            token: "https://graph.facebook.com/oauth/access_token",
            userinfo: "https://graph.facebook.com/me",
        },
        scopes: &["email", "public_profile"],
        token_auth: TokenAuth::Post,
        userinfo_params: &[("fields", "id,name,email,picture")],
        quirk: Quirk::AppSecretProof,
        verified: Verified::Never,
        names: &["/name"],
        avatar: Avatar::Claim(&["/picture/data/url"]),
        fresh: &[("auth_type", "reauthenticate")],
        ..PLAIN
    },
    Preset {
        id: "x",
        name: "X",
        endpoints: Known::Endpoints {
            authorize: "https://x.com/i/oauth2/authorize",
            token: "https://api.x.com/2/oauth2/token",
            userinfo: "https://api.x.com/2/users/me",
        },
        // `tweet.read` is needed for `users/me`, although nothing of it is used.
        scopes: &["users.read", "tweet.read", "users.email"],
        token_auth: TokenAuth::Basic,
        offline: Offline {
            scopes: &["offline.access"],
            ..Offline::UNASKED
        },
        userinfo_params: &[(
            "user.fields",
            "id,name,username,confirmed_email,profile_image_url",
        )],
        quirk: Quirk::XEmail,
        subject: Subject::Claim("/data/id"),
        email: "/data/confirmed_email",
        verified: Verified::IfPresent,
        names: &["/data/name", "/data/username"],
        avatar: Avatar::Claim(&["/data/profile_image_url"]),
        ..PLAIN
    },
    Preset {
        id: "linkedin",
        name: "LinkedIn",
        endpoints: Known::Issuer("https://www.linkedin.com/oauth"),
        // A code_verifier is answered with `invalid_client` unless LinkedIn has turned PKCE on for the
        // application, and the nonce is left out of the ID token.
        pkce: Pkce::None,
        nonce: false,
        token_auth: TokenAuth::Post,
        token_type_optional: true,
        offline: Offline::UNASKED,
        userinfo: Userinfo::IfNoEmail,
        verified: Verified::TrueOrText("/email_verified"),
        // No parameter for it is documented.
        fresh: &[],
        auth_time: AuthTime::IfSent,
        ..GENERIC
    },
    Preset {
        id: "twitch",
        name: "Twitch",
        endpoints: Known::Issuer("https://id.twitch.tv/oauth2"),
        scopes: &["openid", "user:read:email"],
        // Twitch has none: it takes a challenge and never looks at it.
        pkce: Pkce::None,
        token_auth: TokenAuth::Post,
        // Without it the ID token holds nothing but `sub`.
        authorize_params: &[(
            "claims",
            r#"{"id_token":{"email":null,"email_verified":null,"picture":null,"preferred_username":null}}"#,
        )],
        offline: Offline::UNASKED,
        userinfo: Userinfo::IfNoEmail,
        fresh: &[("force_verify", "true")],
        auth_time: AuthTime::IfSent,
        ..GENERIC
    },
    Preset {
        id: "spotify",
        name: "Spotify",
        endpoints: Known::Endpoints {
            authorize: "https://accounts.spotify.com/authorize",
            token: "https://accounts.spotify.com/api/token",
            userinfo: "https://api.spotify.com/v1/me",
        },
        scopes: &["user-read-email"],
        token_auth: TokenAuth::Basic,
        // Spotify says itself that nobody checks it.
        verified: Verified::Never,
        names: &["/display_name"],
        avatar: Avatar::Claim(&["/images/0/url"]),
        fresh: &[("show_dialog", "true")],
        ..PLAIN
    },
    Preset {
        id: "slack",
        name: "Slack",
        endpoints: Known::Issuer("https://slack.com"),
        // Slack takes it of public clients only, which an application becomes for good by asking for it.
        pkce: Pkce::None,
        token_auth: TokenAuth::Post,
        offline: Offline::UNASKED,
        userinfo: Userinfo::IfNoEmail,
        // A user's id is unique only within its workspace.
        subject: Subject::Joined("/https:~1~1slack.com~1team_id", "/https:~1~1slack.com~1user_id"),
        avatar: Avatar::Claim(&["/picture", "/https:~1~1slack.com~1user_image_512"]),
        // No parameter for it is documented.
        fresh: &[],
        auth_time: AuthTime::IfSent,
        ..GENERIC
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use url::Url;

    use super::*;
    use crate::oauth::config::is_id;

    fn preset(id: &str) -> &'static Preset {
        PRESETS.iter().find(|preset| preset.id == id).unwrap()
    }

    #[test]
    fn every_row_is_sound() {
        let ids: HashSet<_> = PRESETS.iter().map(|preset| preset.id).collect();
        assert_eq!(ids.len(), PRESETS.len());
        for row in PRESETS {
            assert!(
                is_id(row.id) && row.id != "dev" && !row.name.is_empty(),
                "{}",
                row.id
            );
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
            assert_eq!(preset(id).verified, Verified::Never);
        }
        for id in ["google", "gitlab", "twitch", "slack"] {
            assert_eq!(preset(id).verified, Verified::True("/email_verified"));
        }
        // Their `true` is a text, for some people or in some answers.
        for id in ["apple", "linkedin"] {
            assert_eq!(preset(id).verified, Verified::TrueOrText("/email_verified"));
        }
    }
}
