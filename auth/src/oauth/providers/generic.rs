//! Providers about which nothing is known but that they keep to a standard.

use super::preset::{
    AuthTime, Avatar, Known, Offline, Pkce, Preset, Quirks, Secret, Subject, TokenAuth, Userinfo, Verified,
};

/// An OpenID provider about which nothing is known but its issuer: what the standard says, no more.
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
    quirks: Quirks::NONE,
    subject: Subject::Claim("/sub"),
    email: "/email",
    verified: Verified::True("/email_verified"),
    names: &["/name", "/preferred_username", "/nickname"],
    avatar: Avatar::Claim(&["/picture"]),
    required: &[],
};

/// A plain OAuth 2.0 provider: no ID token, hence no nonce, and userinfo is all there is.
pub(crate) const PLAIN: Preset = Preset {
    nonce: false,
    offline: Offline::UNASKED,
    fresh: &[],
    auth_time: AuthTime::IfSent,
    userinfo: Userinfo::Required,
    subject: Subject::Claim("/id"),
    ..GENERIC
};
