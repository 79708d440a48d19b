//! How a request of a client fails (RFC 6749 §5.2 and §4.1.2.1, RFC 8628 §3.5, RFC 8707 §2).

use std::borrow::Cow;

use crate::error::{Error, chain};

/// The outcome of a client's request.
pub type Outcome<T> = std::result::Result<T, Refusal>;

/// A refusal with its error code, and the text for developers that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request is malformed: what is wrong with it.
    InvalidRequest(&'static str),
    /// A parameter is missing or empty.
    Missing(&'static str),
    /// The client is unknown or disabled, or did not prove itself as it must.
    InvalidClient,
    /// The code, token or verifier is wrong, expired, spent or another client's, or its user may not sign in.
    InvalidGrant,
    /// The client is not registered for this.
    UnauthorizedClient(&'static str),
    /// The client may not ask about tokens.
    MayNotIntrospect,
    /// There is no such grant here.
    UnsupportedGrantType,
    /// There is no such response type here.
    UnsupportedResponseType,
    /// An unknown scope, or one that the client may not have.
    InvalidScope,
    /// A resource that is not registered for the client, or not the grant's.
    InvalidTarget,
    /// The user has not decided yet.
    AuthorizationPending,
    /// The user has not decided yet, and the device asks too often.
    SlowDown,
    /// The user has said no.
    AccessDenied,
    /// The device code has expired.
    ExpiredToken,
    /// Too many requests. Contains the seconds until the next one.
    TooMany(i64),
    /// The database does not answer.
    Unavailable,
    /// A mistake of ours. The cause is in the log.
    Internal,
}

impl Refusal {
    /// The error code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) | Self::Missing(_) => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient(_) | Self::MayNotIntrospect => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::AccessDenied => "access_denied",
            Self::ExpiredToken => "expired_token",
            Self::TooMany(_) | Self::Unavailable => "temporarily_unavailable",
            Self::Internal => "server_error",
        }
    }

    /// The text for the client's developer. It repeats nothing of the request.
    pub fn description(self) -> Cow<'static, str> {
        let text = match self {
            Self::Missing(parameter) => {
                return format!("The parameter `{parameter}` is missing or empty.").into();
            }
            Self::InvalidRequest(what) | Self::UnauthorizedClient(what) => what,
            Self::InvalidClient => "The client is unknown, or did not authenticate as it is registered to.",
            Self::InvalidGrant => {
                "The code or token is wrong, expired, used, or was issued to another client."
            }
            Self::MayNotIntrospect => "The client is not registered to ask about tokens.",
            Self::UnsupportedGrantType => "This server does not support this grant type.",
            Self::UnsupportedResponseType => "This server supports the response type \"code\" only.",
            Self::InvalidScope => "A scope is unknown, or not one of the client's or the grant's.",
            Self::InvalidTarget => "The resource is not registered for this client, or not the grant's.",
            Self::AuthorizationPending => "The user has not decided yet.",
            Self::SlowDown => "The device asks too often: wait five seconds longer from now on.",
            Self::AccessDenied => "The user has denied access.",
            Self::ExpiredToken => "The device code has expired. Start again.",
            Self::TooMany(_) => "Too many requests. Try again later.",
            Self::Unavailable => "The server cannot do this right now. Try again later.",
            Self::Internal => "Something went wrong on the server.",
        };
        text.into()
    }

    /// The HTTP status in a direct answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient => 401,
            Self::MayNotIntrospect => 403,
            Self::TooMany(_) => 429,
            Self::Unavailable => 503,
            Self::Internal => 500,
            _ => 400,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::TooManyAttempts { retry_after } => Self::TooMany(retry_after.max(1)),
            Error::Unavailable(_) => {
                tracing::error!(error = %chain(&error), "the authority does not answer");
                Self::Unavailable
            }
            error => {
                tracing::error!(error = %chain(&error), "a client's request failed");
                Self::Internal
            }
        }
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Error::from(error).into()
    }
}
