//! A provider as a row of data: what differs between providers, and which values the differences take.
//!
//! Each known provider has a file with its row, and whatever code it needs to do what no other does.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{
    env::Reader,
    provider::{Provider, Signer},
};
use crate::{
    config::problem::Problem,
    oauth::protocol::{
        http::{Http, HttpError},
        json::Object,
    },
};

/// What is known about a provider before anybody configures it.
///
/// Paths into claims are JSON pointers (RFC 6901): Slack's claim names contain slashes, and a pointer
/// can say that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preset {
    /// The id: in addresses, in `accounts.provider` and, in capitals, in front of its variables.
    pub(crate) id: &'static str,
    /// The name on the button.
    pub(crate) name: &'static str,
    pub(crate) endpoints: Known,
    /// The suffixes of further variables that hold addresses.
    pub(crate) urls: &'static [&'static str],
    pub(crate) scopes: &'static [&'static str],
    pub(crate) pkce: Pkce,
    /// Whether a nonce is sent, and then required in the ID token.
    pub(crate) nonce: bool,
    pub(crate) token_auth: TokenAuth,
    pub(crate) secret: Secret,
    /// LinkedIn's documented token answer has no `token_type`, which RFC 6749 §5.1 asks for.
    pub(crate) token_type_optional: bool,
    /// The callback comes as a cross-site POST, without our cookies.
    pub(crate) form_post: bool,
    /// More parameters for the authorization request.
    pub(crate) authorize_params: &'static [(&'static str, &'static str)],
    pub(crate) offline: Offline,
    /// What the authorization request says where the person is to prove once more who they are: the provider
    /// must not pass on whoever has a session there. Nothing where the provider asks each time, or knows no way.
    ///
    /// It goes through the browser, and whoever sits there can take it out of the address. What proves that the
    /// person signed in just now is the [`AuthTime`] in the answer.
    pub(crate) fresh: &'static [(&'static str, &'static str)],
    pub(crate) auth_time: AuthTime,
    pub(crate) userinfo: Userinfo,
    /// Parameters for the userinfo request.
    pub(crate) userinfo_params: &'static [(&'static str, &'static str)],
    pub(crate) quirks: Quirks,
    pub(crate) subject: Subject,
    pub(crate) email: &'static str,
    pub(crate) verified: Verified,
    /// The first path that leads to a text is the name.
    pub(crate) names: &'static [&'static str],
    pub(crate) avatar: Avatar,
    /// Claims that, where present, must have this value: an account the provider has blocked is no proof
    /// of anything.
    pub(crate) required: &'static [(&'static str, &'static str)],
}

/// What else an authorization request says where a refresh token is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offline {
    pub(crate) scopes: &'static [&'static str],
    pub(crate) params: &'static [(&'static str, &'static str)],
    /// Said only of who is signed in and has no refresh token there, since it makes the provider ask the
    /// person again.
    pub(crate) again: &'static [(&'static str, &'static str)],
}

impl Offline {
    /// Nothing: every answer brings a refresh token, or none ever does.
    pub(crate) const UNASKED: Self = Self {
        scopes: &[],
        params: &[],
        again: &[],
    };
}

/// Where a provider's endpoints are known from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known {
    /// OpenID Connect: from the issuer's metadata. Empty where only configuration knows the issuer.
    Issuer(&'static str),
    /// OpenID Connect where every tenant of the provider is an issuer.
    Tenants(Tenants),
    /// Plain OAuth 2.0: there is no ID token, userinfo says who it is.
    Endpoints {
        authorize: &'static str,
        token: &'static str,
        userinfo: &'static str,
    },
}

/// Many issuers behind one set of endpoints, as functions in the provider's file. Issuers are compared byte for byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tenants {
    /// The issuer under which a tenant's metadata is found, by the variable `TENANT`, which need not be set.
    pub(crate) issuer: fn(Option<&str>) -> Result<String, String>,
    /// Whether metadata found under the first issuer may call its own the second.
    pub(crate) is_issuer_of: fn(&str, &str) -> bool,
    /// The issuer that an ID token with these claims must name, by the configured and by the metadata's.
    pub(crate) issuer_for: fn(&str, &str, &Object) -> Result<String, String>,
    /// Whether a key that says it is the first issuer's may sign the second's tokens.
    pub(crate) key_is_of: fn(&str, &str) -> bool,
    /// Whether a callback (RFC 9207) may name the second issuer where the metadata's is the first.
    pub(crate) is_named_by: fn(&str, &str) -> bool,
}

/// Proof Key for Code Exchange (RFC 7636): a stolen code is worth nothing without the verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pkce {
    S256,
    /// The provider refuses the parameters, or does not document them.
    None,
}

/// How the client proves itself at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenAuth {
    /// HTTP Basic (RFC 6749 §2.3.1).
    Basic,
    /// `client_secret` in the body.
    Post,
    /// Basic, the standard's default, unless the metadata lists only the body.
    Metadata,
}

/// Where the client secret comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Secret {
    /// From the variable `CLIENT_SECRET`.
    Text,
    /// It is signed for each call, with what the provider's other variables hold.
    Signed(ReadSigner),
}

/// Reads what signs the secrets from the provider's variables.
pub(crate) type ReadSigner = fn(&Reader<'_>, &mut Vec<Problem>) -> Option<Arc<dyn Signer>>;

/// Whether an ID token that is to confirm something has to say when the person signed in at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthTime {
    /// Yes, as the standard has it of a provider that was sent `max_age` (OpenID Connect Core §3.1.2.1).
    Required,
    /// The provider is known to leave it out, or has no ID tokens. It is judged only where it is sent: without it
    /// a confirmation proves no more than that this browser is still signed in at the provider.
    IfSent,
}

/// When userinfo is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Userinfo {
    /// Always; without it nobody signs in.
    Required,
    /// Whenever there is such an endpoint; if it fails, the sign-in goes on without its claims.
    Wanted,
    /// As [`Userinfo::Wanted`], but only if the ID token has no address.
    IfNoEmail,
    /// Never: there is none, or it says nothing new.
    Never,
}

/// What a provider does at userinfo that no other does, as functions in its file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quirks {
    /// A parameter that is made of the client secret and the access token.
    pub(crate) proof: Option<Proof>,
    /// Another address to ask, where asking this one came to this.
    pub(crate) instead: Option<fn(&str, &HttpError) -> Option<String>>,
    /// What is added to the claims, or looked at in them.
    pub(crate) complete: Option<Complete>,
    /// The person's name in the field `user` of a callback that comes as a form.
    pub(crate) name_in_form: Option<fn(&str) -> Option<String>>,
}

/// Makes a parameter, its name and value, of the client secret and an access token.
pub(crate) type Proof = fn(&str, &str) -> (&'static str, String);

/// Completes the claims that userinfo at an address has brought.
pub(crate) type Complete = for<'a> fn(Asked<'a>, &'a mut Object) -> BoxFuture<'a, Result<(), String>>;

/// What was asked for userinfo: the provider, at its address, with this access token.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) http: &'a Http,
    pub(crate) provider: &'a Provider,
    pub(crate) url: &'a str,
    pub(crate) access_token: &'a str,
}

impl Quirks {
    /// None.
    pub(crate) const NONE: Self = Self {
        proof: None,
        instead: None,
        complete: None,
        name_in_form: None,
    };
}

/// What identifies a person at the provider, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// One claim, text or whole number.
    Claim(&'static str),
    /// Two claims joined by a dot; `sub` if one is missing.
    Joined(&'static str, &'static str),
}

/// When an address counts as verified.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verified {
    /// The claim is JSON `true`, nothing else.
    True(&'static str),
    /// The claim is `true` or `"true"`.
    TrueOrText(&'static str),
    /// The provider gives out confirmed addresses only.
    IfPresent,
    /// The provider vouches for nothing.
    Never,
    /// The provider has a rule of its own, which is asked about the claims and the address.
    By(fn(&Value, &str) -> bool),
}

/// Where the picture is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Avatar {
    None,
    /// The first path that leads to a text.
    Claim(&'static [&'static str]),
    /// Built from the claims.
    Of(fn(&Value) -> Option<String>),
}
