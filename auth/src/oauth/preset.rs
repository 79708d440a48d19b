//! A provider as a row of data: what differs between providers, and which values the differences take.
//!
//! Most of a new provider is a row in [`super::presets`]. Code is needed only where a provider does
//! something no other does, and then it has a file of its own (`apple.rs`, `github.rs`, `microsoft.rs`).

/// What is known about a provider before anybody configures it.
///
/// Paths into claims are JSON pointers (RFC 6901): Slack's claim names contain slashes, and a pointer
/// can say that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Preset {
    /// The id: in addresses, in `accounts.provider` and, in capitals, in front of its variables.
    pub(super) id: &'static str,
    /// The name on the button.
    pub(super) name: &'static str,
    pub(super) endpoints: Known,
    pub(super) scopes: &'static [&'static str],
    pub(super) pkce: Pkce,
    /// Whether a nonce is sent, and then required in the ID token.
    pub(super) nonce: bool,
    pub(super) token_auth: TokenAuth,
    /// LinkedIn's documented token answer has no `token_type`, which RFC 6749 §5.1 asks for.
    pub(super) token_type_optional: bool,
    /// The callback comes as a cross-site POST, without our cookies.
    pub(super) form_post: bool,
    /// More parameters for the authorization request.
    pub(super) authorize_params: &'static [(&'static str, &'static str)],
    pub(super) offline: Offline,
    /// What the authorization request says where the person is to prove once more who they are: the provider
    /// must not pass on whoever has a session there. Nothing where the provider asks each time, or knows no way.
    ///
    /// It goes through the browser, and whoever sits there can take it out of the address. What proves that the
    /// person signed in just now is the [`AuthTime`] in the answer.
    pub(super) fresh: &'static [(&'static str, &'static str)],
    pub(super) auth_time: AuthTime,
    pub(super) userinfo: Userinfo,
    /// Parameters for the userinfo request.
    pub(super) userinfo_params: &'static [(&'static str, &'static str)],
    pub(super) quirk: Quirk,
    pub(super) subject: Subject,
    pub(super) email: &'static str,
    pub(super) verified: Verified,
    /// The first path that leads to a text is the name.
    pub(super) names: &'static [&'static str],
    pub(super) avatar: Avatar,
    /// Claims that, where present, must have this value: an account the provider has blocked is no proof
    /// of anything.
    pub(super) required: &'static [(&'static str, &'static str)],
}

/// What else an authorization request says where a refresh token is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offline {
    pub(super) scopes: &'static [&'static str],
    pub(super) params: &'static [(&'static str, &'static str)],
    /// Said only of who is signed in and has no refresh token there, since it makes the provider ask the
    /// person again.
    pub(super) again: &'static [(&'static str, &'static str)],
}

impl Offline {
    /// Nothing: every answer brings a refresh token, or none ever does.
    pub(super) const UNASKED: Self = Self {
        scopes: &[],
        params: &[],
        again: &[],
    };
}

/// Where a provider's endpoints are known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// OpenID Connect: from the issuer's metadata. Empty where only configuration knows the issuer.
    Issuer(&'static str),
    /// OpenID Connect at Microsoft, where the issuer depends on the tenant (see `microsoft.rs`).
    MicrosoftTenant,
    /// Plain OAuth 2.0: there is no ID token, userinfo says who it is.
    Endpoints {
        authorize: &'static str,
        token: &'static str,
        userinfo: &'static str,
    },
}

/// Proof Key for Code Exchange (RFC 7636): a stolen code is worth nothing without the verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pkce {
    S256,
    /// The provider refuses the parameters, or does not document them.
    None,
}

/// How the client proves itself at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenAuth {
    /// HTTP Basic (RFC 6749 §2.3.1).
    Basic,
    /// `client_secret` in the body.
    Post,
    /// As [`TokenAuth::Post`], with a JWT signed for the occasion as the secret (`apple.rs`).
    AppleJwt,
    /// Basic, the standard's default, unless the metadata lists only the body.
    Metadata,
}

/// Whether an ID token that is to confirm something has to say when the person signed in at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthTime {
    /// Yes, as the standard has it of a provider that was sent `max_age` (OpenID Connect Core §3.1.2.1).
    Required,
    /// The provider is known to leave it out, or has no ID tokens. It is judged only where it is sent: without it
    /// a confirmation proves no more than that this browser is still signed in at the provider.
    IfSent,
}

/// When userinfo is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Userinfo {
    /// Always; without it nobody signs in.
    Required,
    /// Whenever there is such an endpoint; if it fails, the sign-in goes on without its claims.
    Wanted,
    /// As [`Userinfo::Wanted`], but only if the ID token has no address.
    IfNoEmail,
    /// Never: there is none, or it says nothing new.
    Never,
}

/// What else asking for userinfo takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quirk {
    None,
    /// The addresses are in a list of their own (`github.rs`).
    GithubEmails,
    /// The address may be withheld together with all the rest (`x.rs`).
    XEmail,
    /// The access token comes with a proof that its bearer knows the client secret (`facebook.rs`).
    AppSecretProof,
}

/// What identifies a person at the provider, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// One claim, text or whole number.
    Claim(&'static str),
    /// Two claims joined by a dot; `sub` if one is missing.
    Joined(&'static str, &'static str),
}

/// When an address counts as verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verified {
    /// The claim is JSON `true`, nothing else.
    True(&'static str),
    /// The claim is `true` or `"true"`.
    TrueOrText(&'static str),
    /// The provider gives out confirmed addresses only.
    IfPresent,
    /// The provider vouches for nothing.
    Never,
    /// Microsoft's optional claims (`microsoft.rs`).
    Microsoft,
}

/// Where the picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Avatar {
    None,
    /// The first path that leads to a text.
    Claim(&'static [&'static str]),
    /// Built from id and hash (`discord.rs`).
    Discord,
}
