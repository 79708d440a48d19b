//! Access from a server function to the request that it answers.

use auth::{Auth, LiveSession, RecentSession, RequestAuth, data::IfMatch};
use http::{
    HeaderName, HeaderValue,
    header::{ETAG, RETRY_AFTER, SET_COOKIE},
    request::Parts,
};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use crate::{
    error::AppError,
    pages::paths,
    theme::{self, Theme},
};

/// The sender of the current request, as recognised by the session layer. `None` outside a request.
pub(crate) fn recognised() -> Option<RequestAuth> {
    with_context(|parts: &Parts| parts.extensions.get().cloned()).flatten()
}

/// The current request, with which every server function begins.
pub(crate) struct Context {
    pub(crate) auth: Auth,
    pub(crate) request: RequestAuth,
    pub(crate) parts: Parts,
}

impl Context {
    /// # Errors
    /// [`AppError::Internal`] outside a request.
    pub(crate) fn take() -> Result<Self, AppError> {
        match (use_context::<Auth>(), recognised(), use_context::<Parts>()) {
            (Some(auth), Some(request), Some(parts)) => Ok(Self { auth, request, parts }),
            _ => {
                tracing::error!("a server function ran without the session layer");
                Err(AppError::Internal)
            }
        }
    }

    /// The live session, confirmed by the authority. Every change begins with it.
    pub(crate) async fn require_session(&self) -> Result<LiveSession, AppError> {
        Ok(self.request.require().await?)
    }

    /// The live session, confirmed within the last ten minutes: for changes to the ways to sign in.
    pub(crate) async fn require_recent_session(&self) -> Result<RecentSession, AppError> {
        Ok(self.request.require_recent().await?)
    }

    /// Signs this browser out, and makes it forget what it has stored. Without a session it does nothing, and the
    /// answer is the same.
    pub(crate) async fn sign_out(&self) -> Result<(), AppError> {
        if self.auth.sign_out(&self.request).await? {
            self.remember_theme(None);
            forget_site_data();
        }
        leptos_axum::redirect(paths::HOME);
        Ok(())
    }

    // wing:data-rights
    /// Deletes the account of the signed-in user, and makes this browser forget what it has stored.
    pub(crate) async fn delete_account(&self, confirm: &str) -> Result<(), AppError> {
        let recent = self.require_recent_session().await?;
        self.auth.delete_account(&self.request, &recent, confirm).await?;
        forget_site_data();
        leptos_axum::redirect(paths::DELETED);
        Ok(())
    }
    // end wing:data-rights

    /// The condition of an update.
    pub(crate) fn if_match(&self) -> IfMatch {
        IfMatch::of(&self.parts.headers)
    }

    /// States the version of a bucket in the answer, unless the answer is a page that shows the bucket.
    pub(crate) fn etag(&self, version: i64) {
        if self.parts.uri.path().starts_with("/api/") {
            set_header(ETAG, &format!("\"{version}\""));
        }
    }

    /// Makes the browser keep the user's theme, if it keeps a different one.
    pub(crate) fn remember_theme(&self, theme: Option<Theme>) {
        if theme::from_cookie(self.auth.cookies, &self.parts.headers) == theme {
            return;
        }
        if let Some(response) = use_context::<ResponseOptions>() {
            response.append_header(SET_COOKIE, theme::cookie(self.auth.cookies, theme));
        }
    }
}

/// Makes the browser forget what it has stored of this site, beside its cookies.
fn forget_site_data() {
    set_header(
        HeaderName::from_static("clear-site-data"),
        "\"cache\", \"storage\"",
    );
}

fn set_header(name: HeaderName, value: &str) {
    if let (Some(response), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(value)) {
        response.insert_header(name, value);
    }
}

impl From<auth::Error> for AppError {
    fn from(error: auth::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&auth::Error> for AppError {
    /// Reports what the client may know, and when to try again, if known. Logs the cause of anything the client must
    /// not see.
    fn from(error: &auth::Error) -> Self {
        use auth::{Error as E, PasswordProblem as P};
        match error {
            E::Unavailable(_) => {
                tracing::error!(
                    error = %auth::chain(error),
                    "the authority does not answer"
                );
                Self::Unavailable
            }
            E::Busy => {
                tracing::warn!("the queue for password hashes is full");
                Self::Unavailable
            }
            // wing:private-data
            E::Unopened(_) => {
                tracing::error!(error = %auth::chain(error), "a key is missing");
                Self::Unavailable
            }
            // end wing:private-data
            E::Internal(_) => {
                tracing::error!(error = %auth::chain(error), "internal error");
                Self::Internal
            }
            E::NotSignedIn => Self::Unauthenticated,
            E::SecondFactorRequired => Self::SecondFactorRequired, // wing:second-factors
            E::NoSecondFactor => Self::NoSecondFactor,             // wing:second-factors,passkeys
            // wing:passkeys
            E::UnknownPasskey => Self::UnknownPasskey,
            E::WrongPasskey => Self::WrongPasskey,
            E::TooManyPasskeys => Self::TooManyPasskeys,
            // end wing:passkeys
            // wing:clients
            E::InvalidToken => Self::Unauthenticated,
            E::InsufficientScope(_) => Self::InsufficientScope,
            E::NotByToken => Self::NotByToken,
            E::TooManyKeys => Self::TooManyKeys,
            // end wing:clients
            E::ReauthRequired => Self::ReauthRequired,
            E::InvalidCredentials => Self::InvalidCredentials,
            E::WrongCode => Self::WrongCode, // wing:mail,second-factors
            // wing:mail
            E::LinkExpired => Self::LinkExpired,
            E::ConfirmOtherwise => Self::ConfirmOtherwise,
            E::RegistrationClosed => Self::RegistrationClosed,
            // end wing:mail
            E::WrongPassword => Self::WrongPassword,
            E::TooManyAttempts { retry_after } => {
                set_header(RETRY_AFTER, &retry_after.max(&1).to_string());
                Self::TooManyAttempts {
                    wait: u32::try_from(*retry_after).unwrap_or(0),
                }
            }
            E::EmailTaken => Self::EmailTaken,
            E::InvalidEmail => Self::InvalidEmail,
            E::Password(P::TooShort) => Self::PasswordTooShort,
            E::Password(P::TooLong) => Self::PasswordTooLong,
            E::Password(P::TooCommon) => Self::PasswordTooCommon,
            E::Password(P::Control) => Self::PasswordControl,
            E::PasswordAlreadySet => Self::PasswordAlreadySet,
            E::SignInAtProvider => Self::SignInAtProvider,
            E::ProviderUnavailable(cause) => {
                tracing::warn!(cause, "a provider does not answer as expected");
                Self::Unavailable
            }
            E::InvalidInput(field) => {
                tracing::debug!(field, "invalid input");
                Self::InvalidInput
            }
            E::NotConfirmed => Self::NotConfirmed, // wing:data-rights
            E::NotPermitted => Self::NotPermitted,
            E::NotFound => Self::NotFound,
            E::LastWayIn => Self::LastWayIn,
            E::Yourself => Self::NotYourself, // wing:admin
            E::LastAdmin => Self::LastAdmin,  // wing:admin
            E::VersionMismatch => Self::VersionMismatch,
            // wing:pictures
            E::NotAPicture => Self::NotAPicture,
            E::TooManyPictures => {
                tracing::warn!("the queue for pictures is full");
                Self::Unavailable
            }
            // end wing:pictures
            E::TooLarge => Self::TooLarge,
        }
    }
}
