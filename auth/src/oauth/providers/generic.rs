//! Providers of which nothing is known except the standard that they follow.

use super::preset::{
    AuthTime, Avatar, Known, Offline, Pkce, Preset, Quirks, Secret, Subject, TokenAuth, Userinfo, Verified,
};

/// An OpenID provider of which only the issuer is known. Nothing beyond the standard is assumed.
pub(crate) const GENERIC: Preset = Preset {
    id: "",
    name: "",
    endpoints: Known::Issuer(""),
    urls: &[],
    scopes: &["openid", "profile", "email"],
    pkce: Pkce::S256,
    nonce: true,
    token_auth: TokenAuth::Metadata,
    secret: Secret::Text,
    token_type_optional: false,
    form_post: false,
    authorize_params: &[],
    // OpenID Connect Core §11: without the user's consent the scope is ignored.
    offline: Offline {
        scopes: &["offline_access"],
        params: &[("prompt", "consent")],
        again: &[],
    },
    // The second parameter makes the ID token state when the user signed in (OpenID Connect Core §2, `auth_time`).
    fresh: &[("prompt", "login"), ("max_age", "0")],
    auth_time: AuthTime::Required,
    userinfo: Userinfo::Wanted,
    userinfo_params: &[],
    quirks: Quirks::NONE,
    subject: Subject::Claim("/sub"),
    email: "/email",
    verified: Verified::True("/email_verified"),
    names: &["/name", "/preferred_username", "/nickname"],
    avatar: Avatar::Claim(&["/picture"]),
    required: &[],
};

/// A plain OAuth 2.0 provider: it has no ID token, hence no nonce, and userinfo is the only source.
pub(crate) const PLAIN: Preset = Preset {
    nonce: false,
    offline: Offline::UNASKED,
    fresh: &[],
    auth_time: AuthTime::IfSent,
    userinfo: Userinfo::Required,
    subject: Subject::Claim("/id"),
    ..GENERIC
};
