//! What a flow is for, and what comes of it.

use std::{fmt, sync::Arc};

use http::HeaderValue;
use tower_sessions::session::Id;
use wire::FlowError;

use crate::{error::Error, oauth::flights::Missed, return_to::ReturnTo};

/// What a flow is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Intent {
    /// To sign in, or to register by signing in.
    #[default]
    SignIn,
    /// To connect an account with the signed-in user.
    Link,
    /// To prove once more that the signed-in user is there.
    Confirm,
}

impl Intent {
    const ALL: [Self; 3] = [Self::SignIn, Self::Link, Self::Confirm];

    /// Reads the form field `intent`; absent or empty means signing in.
    pub fn from_form(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("") => Some(Self::SignIn),
            Some(text) => Self::ALL.into_iter().find(|intent| intent.as_str() == text),
        }
    }

    /// The intent as the database has it, which has no other: the table checks it.
    pub(super) fn of(text: &str) -> Self {
        Self::from_form(Some(text)).unwrap_or_default()
    }

    /// The intent as the form and the database write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Link => "link",
            Self::Confirm => "confirm",
        }
    }
}

/// Where a flow leads, or would have led.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WayBack {
    /// What it was for.
    pub intent: Intent,
    /// A page of ours, if one was asked for.
    pub return_to: Option<ReturnTo>,
}

/// A flow that has begun. No Debug: the address holds the state.
pub struct Started {
    /// Where the browser goes on to.
    pub authorize_url: String,
    /// The `Set-Cookie` that binds the flow to the browser.
    pub flow_cookie: HeaderValue,
}

/// How a callback ended well. Session cookies are planned in the [`RequestAuth`](crate::RequestAuth) already.
#[derive(Clone, Debug)]
pub enum Finished {
    /// The flow has done what it was for: signed in, connected an account, or confirmed that the user is there.
    Done(WayBack),
    /// The user is known, and the sign-in waits in this browser for a second factor.
    HalfWay(WayBack), // wing:second-factors
    /// The callback was loaded again after it had succeeded: nothing was done.
    AlreadySignedIn,
}

/// Why a flow did not begin, or did not do what it was for.
#[derive(Clone, Debug)]
pub enum Stop {
    /// There isn't such a provider: 404.
    UnknownProvider,
    /// This provider does not return by form: 405.
    NotByForm,
    /// Too many callbacks wait for this provider: nothing was done.
    Busy,
    /// It failed. A flow that had begun is gone.
    Failed {
        /// Why, as far as the person may know.
        error: FlowError,
        /// Why, for the log, which has it already.
        cause: String,
        /// Where the flow would have led, as far as this browser may know.
        way_back: WayBack,
    },
    /// The database does not respond, or not as it should. At the start also: to link, one must be signed in and
    /// recently confirmed, to confirm, signed in.
    Error(Arc<Error>),
}

impl Stop {
    /// A failure in the middle of a flow, which [`Stop::leading`] completes.
    pub(super) fn failed(error: FlowError, cause: impl Into<String>) -> Self {
        Self::Failed {
            error,
            cause: cause.into(),
            way_back: WayBack::default(),
        }
    }

    /// With where the flow would have led.
    pub(super) fn leading(self, way_back: WayBack) -> Self {
        match self {
            Self::Failed { error, cause, .. } => Self::Failed {
                error,
                cause,
                way_back,
            },
            other => other,
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(Arc::new(error))
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<Missed> for Stop {
    fn from(missed: Missed) -> Self {
        match missed {
            Missed::Full => Self::Busy,
            Missed::Lost => Error::from(missed).into(),
        }
    }
}

/// How a callback ended, for each request that brought it.
pub(super) struct Ended {
    pub(super) result: Result<Finished, Stop>,
    /// The id its browser was given: a secret, in the memory of this process for a minute, and opened by nothing
    /// but the flow cookie and the whole query.
    pub(super) given: Option<Id>,
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ended")
            .field("result", &self.result)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Callbacks wait in their provider's places, of which there are fewer, so this is not met over HTTP.
    #[test]
    fn a_provider_with_too_many_callbacks_under_way_is_busy() {
        assert!(matches!(Stop::from(Missed::Full), Stop::Busy));
        assert!(matches!(Stop::from(Missed::Lost), Stop::Error(_)));
    }
}
