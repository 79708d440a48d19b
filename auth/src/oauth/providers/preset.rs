//! A provider as a row of data: what differs between providers, and the values that the differences can have.
//!
//! Each known provider has a file with its row, and with the code for whatever only this provider does.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{
    env::Reader,
    provider::{Provider, Signer},
};
use crate::{
    config::problem::Problem,
    http_client::{Http, HttpError},
    oauth::protocol::json::Object,
};

/// What is known about a provider before it is configured.
///
/// Paths into claims are JSON pointers (RFC 6901), because the names of Slack's claims contain slashes, which a
/// pointer can express.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preset {
    /// The id, used in addresses, in `accounts.provider` and, in capitals, as the prefix of its variables.
    pub(crate) id: &'static str,
    /// The name on the button.
    pub(crate) name: &'static str,
    pub(crate) endpoints: Known,
    /// The suffixes of additional variables that hold addresses.
    pub(crate) urls: &'static [&'static str],
    pub(crate) scopes: &'static [&'static str],
    pub(crate) pkce: Pkce,
    /// Whether a nonce is sent, and then required in the ID token.
    pub(crate) nonce: bool,
    pub(crate) token_auth: TokenAuth,
    pub(crate) secret: Secret,
    /// LinkedIn's documented token response has no `token_type`, which RFC 6749 §5.1 requires.
    pub(crate) token_type_optional: bool,
    /// Whether the callback is a cross-site POST, without our cookies.
    pub(crate) form_post: bool,
    /// Additional parameters for the authorization request.
    pub(crate) authorize_params: &'static [(&'static str, &'static str)],
    pub(crate) offline: Offline,
    /// The parameters of the authorization request that require the user to sign in at the provider again: the
    /// provider must not simply accept an existing session. Empty if the provider always asks, or has no such
    /// parameter.
    ///
    /// They pass through the browser, and the person there can remove them from the address. The proof that the user
    /// has just signed in is the [`AuthTime`] in the response.
    pub(crate) fresh: &'static [(&'static str, &'static str)],
    pub(crate) auth_time: AuthTime,
    pub(crate) userinfo: Userinfo,
    /// Parameters for the userinfo request.
    pub(crate) userinfo_params: &'static [(&'static str, &'static str)],
    pub(crate) quirks: Quirks,
    pub(crate) subject: Subject,
    pub(crate) email: &'static str,
    pub(crate) verified: Verified,
    /// The name is at the first path that leads to a text.
    pub(crate) names: &'static [&'static str],
    pub(crate) avatar: Avatar,
    /// Claims that must have this value if present: an account that the provider has blocked proves nothing.
    pub(crate) required: &'static [(&'static str, &'static str)],
}

/// What else an authorization request contains if a refresh token is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offline {
    pub(crate) scopes: &'static [&'static str],
    pub(crate) params: &'static [(&'static str, &'static str)],
    /// Sent only for a signed-in user without a refresh token from this provider, since it makes the provider ask the
    /// user again.
    pub(crate) again: &'static [(&'static str, &'static str)],
}

impl Offline {
    /// Nothing: either every response contains a refresh token, or none ever does.
    pub(crate) const UNASKED: Self = Self {
        scopes: &[],
        params: &[],
        again: &[],
    };
}

/// The source of a provider's endpoints.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known {
    /// OpenID Connect: from the issuer's metadata. Empty if the issuer is known only from the configuration.
    Issuer(&'static str),
    /// OpenID Connect, where every tenant of the provider is an issuer.
    Tenants(Tenants),
    /// Plain OAuth 2.0: there is no ID token, and userinfo identifies the user.
    Endpoints {
        authorize: &'static str,
        token: &'static str,
        userinfo: &'static str,
    },
}

/// Many issuers behind one set of endpoints, as functions in the provider's file. Issuers are compared byte for byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tenants {
    /// The issuer under which a tenant's metadata is found, from the variable `TENANT`, which need not be set.
    pub(crate) issuer: fn(Option<&str>) -> Result<String, String>,
    /// Whether metadata found under the first issuer may state the second as its own.
    pub(crate) is_issuer_of: fn(&str, &str) -> bool,
    /// The issuer that an ID token with these claims must have, given the configured issuer and the metadata's.
    pub(crate) issuer_for: fn(&str, &str, &Object) -> Result<String, String>,
    /// Whether a key that states the first issuer may sign the second issuer's tokens.
    pub(crate) key_is_of: fn(&str, &str) -> bool,
    /// Whether a callback (RFC 9207) may have the second issuer if the metadata has the first.
    pub(crate) is_named_by: fn(&str, &str) -> bool,
}

/// Proof Key for Code Exchange (RFC 7636): a stolen code is worthless without the verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pkce {
    S256,
    /// The provider refuses the parameters, or does not document them.
    None,
}

/// How the client authenticates at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenAuth {
    /// HTTP Basic (RFC 6749 §2.3.1).
    Basic,
    /// `client_secret` in the body.
    Post,
    /// Basic, the standard's default, unless the metadata lists only the body.
    Metadata,
}

/// The source of the client secret.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Secret {
    /// From the variable `CLIENT_SECRET`.
    Text,
    /// It is signed for each call, with the key in the provider's other variables.
    Signed(ReadSigner),
}

/// Reads the signer of the secrets from the provider's variables.
pub(crate) type ReadSigner = fn(&Reader<'_>, &mut Vec<Problem>) -> Option<Arc<dyn Signer>>;

/// Whether an ID token that confirms an identity has to state when the user signed in at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthTime {
    /// Yes, as the standard requires of a provider that was sent `max_age` (OpenID Connect Core §3.1.2.1).
    Required,
    /// The provider is known to leave it out, or has no ID tokens. It is checked only if it is sent: without it, a
    /// confirmation proves only that this browser is still signed in at the provider.
    IfSent,
}

/// When userinfo is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Userinfo {
    /// Always. Without it the sign-in fails.
    Required,
    /// If the provider has such an endpoint. If the request fails, the sign-in continues without its claims.
    Wanted,
    /// As [`Userinfo::Wanted`], but only if the ID token has no address.
    IfNoEmail,
    /// Never: the endpoint does not exist, or adds nothing.
    Never,
}

/// What only this provider does at userinfo, as functions in its file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quirks {
    /// A parameter computed from the client secret and the access token.
    pub(crate) proof: Option<Proof>,
    /// Another address to request, given this address and its error.
    pub(crate) instead: Option<fn(&str, &HttpError) -> Option<String>>,
    /// Adds to the claims, or checks them.
    pub(crate) complete: Option<Complete>,
    /// The user's name in the field `user` of a callback that is a form.
    pub(crate) name_in_form: Option<fn(&str) -> Option<String>>,
}

/// Computes a parameter, as name and value, from the client secret and an access token.
pub(crate) type Proof = fn(&str, &str) -> (&'static str, String);

/// Completes the claims that a userinfo request returned.
pub(crate) type Complete = for<'a> fn(Asked<'a>, &'a mut Object) -> BoxFuture<'a, Result<(), String>>;

/// The userinfo request: the provider, its address, and the access token.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) http: &'a Http,
    pub(crate) provider: &'a Provider,
    pub(crate) url: &'a str,
    pub(crate) access_token: &'a str,
}

impl Quirks {
    /// No quirks.
    pub(crate) const NONE: Self = Self {
        proof: None,
        instead: None,
        complete: None,
        name_in_form: None,
    };
}

/// What identifies a user at the provider permanently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// One claim, a text or a whole number.
    Claim(&'static str),
    /// Two claims joined by a dot, or `sub` if one is missing.
    Joined(&'static str, &'static str),
}

/// When an address counts as verified.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verified {
    /// The claim is JSON `true`, nothing else.
    True(&'static str),
    /// The claim is `true` or `"true"`.
    TrueOrText(&'static str),
    /// The provider returns only confirmed addresses.
    IfPresent,
    /// The provider vouches for no address.
    Never,
    /// The provider has its own rule, which receives the claims and the address.
    By(fn(&Value, &str) -> bool),
}

/// Where the picture's address is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Avatar {
    None,
    /// The first path that leads to a text.
    Claim(&'static [&'static str]),
    /// Built from the claims.
    Of(fn(&Value) -> Option<String>),
}
