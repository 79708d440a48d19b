//! Talking with providers: OAuth 2.0 and OpenID Connect, as far as sign-in needs them.

pub(super) mod discovery;
pub(super) mod excerpt;
pub(super) mod id_token;
pub(super) mod json;
pub(super) mod token;
pub(super) mod userinfo;
