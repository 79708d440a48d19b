//! The closed set of errors that cross the wire: each a code, a fixed text and a true status.

use leptos::{
    prelude::{FromServerFnError, ServerFnErrorErr},
    server_fn::codec::JsonEncoding,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};

/// What a person or a client is told. Texts are fixed: the cause is in the log, under the request id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppError {
    /// The request cannot be read.
    BadRequest,
    /// Nobody is signed in, or the session has ended.
    Unauthenticated,
    /// Wrong address or password; also no such user, no password, disabled.
    InvalidCredentials,
    /// Wrong present password of who is signed in. To clients the same as [`Self::InvalidCredentials`].
    WrongPassword,
    /// The request came from another site.
    CrossOrigin,
    /// Identity must be confirmed first.
    ReauthRequired,
    /// No such thing, or not yours.
    NotFound,
    /// Wrong method.
    MethodNotAllowed,
    /// The address has a user already.
    EmailTaken,
    /// The last way to sign in stays.
    LastWayIn,
    /// A password is set already.
    PasswordAlreadySet,
    /// A provider wants to see the person again before it lets us do more in their name.
    SignInAtProvider,
    /// Nobody does this to their own account.
    NotYourself,
    /// Somebody has to look after the application.
    LastAdmin,
    /// `If-Match` named another version.
    VersionMismatch,
    /// Too much.
    TooLarge,
    /// Not a form.
    UnsupportedType,
    /// A value does not fit its field.
    InvalidInput,
    /// Not an e-mail address.
    InvalidEmail,
    /// The password is too short.
    PasswordTooShort,
    /// The password is too long.
    PasswordTooLong,
    /// The password is easy to guess.
    PasswordTooCommon,
    /// The password has a character that may not come out the same when it is typed again.
    PasswordControl,
    /// Too many attempts. To clients this and the next four are the same; people read how long to wait.
    TooManyAttempts,
    /// Too many attempts, for a minute.
    TryInOneMinute,
    /// Too many attempts, for five minutes.
    TryInFiveMinutes,
    /// Too many attempts, for ten minutes.
    TryInTenMinutes,
    /// Too many attempts, for a quarter of an hour.
    TryInFifteenMinutes,
    /// A dependency does not answer.
    Unavailable,
    /// Anything else that is not the client's fault.
    Internal,
}

impl AppError {
    /// Every error, for looking one up.
    pub const ALL: [Self; 30] = [
        Self::BadRequest,
        Self::Unauthenticated,
        Self::InvalidCredentials,
        Self::WrongPassword,
        Self::CrossOrigin,
        Self::ReauthRequired,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::EmailTaken,
        Self::LastWayIn,
        Self::PasswordAlreadySet,
        Self::SignInAtProvider,
        Self::NotYourself,
        Self::LastAdmin,
        Self::VersionMismatch,
        Self::TooLarge,
        Self::UnsupportedType,
        Self::InvalidInput,
        Self::InvalidEmail,
        Self::PasswordTooShort,
        Self::PasswordTooLong,
        Self::PasswordTooCommon,
        Self::PasswordControl,
        Self::TooManyAttempts,
        Self::TryInOneMinute,
        Self::TryInFiveMinutes,
        Self::TryInTenMinutes,
        Self::TryInFifteenMinutes,
        Self::Unavailable,
        Self::Internal,
    ];

    /// Status, code and text.
    const fn parts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::BadRequest => (400, "bad_request", "This request cannot be read."),
            Self::Unauthenticated => (
                401,
                "unauthenticated",
                "Your session has ended. Sign in again to continue.",
            ),
            Self::InvalidCredentials => (
                401,
                "invalid_credentials",
                "This e-mail address and password do not match.",
            ),
            Self::WrongPassword => (401, "invalid_credentials", "The current password is not right."),
            Self::CrossOrigin => (
                403,
                "cross_origin",
                "This request came from another site and was refused.",
            ),
            Self::ReauthRequired => (
                403,
                "reauth_required",
                "Please confirm that it is you, then try again.",
            ),
            Self::NotFound => (404, "not_found", "There is nothing here."),
            Self::MethodNotAllowed => (
                405,
                "method_not_allowed",
                "This address does not take that kind of request.",
            ),
            Self::EmailTaken => (
                409,
                "email_taken",
                "There is an account with this e-mail address already.",
            ),
            Self::LastWayIn => (
                409,
                "last_way_in",
                "This is your only way to sign in, so it stays.",
            ),
            Self::PasswordAlreadySet => (
                409,
                "password_already_set",
                "A password is set already: change it instead.",
            ),
            Self::SignInAtProvider => (
                409,
                "sign_in_at_provider",
                "This provider no longer lets us act for you. Sign in there again, then try again.",
            ),
            Self::NotYourself => (
                409,
                "not_yourself",
                "Nobody does this to their own account. Ask another administrator.",
            ),
            Self::LastAdmin => (
                409,
                "last_admin",
                "This is the last administrator, so they stay one.",
            ),
            Self::VersionMismatch => (
                412,
                "version_mismatch",
                "This was changed elsewhere meanwhile. Reload and try again.",
            ),
            Self::TooLarge => (413, "too_large", "This is more than fits."),
            Self::UnsupportedType => (415, "unsupported_type", "Send this as a form."),
            Self::InvalidInput => (
                422,
                "invalid_input",
                "Something in this form is not right. Please check what you entered.",
            ),
            Self::InvalidEmail => (422, "invalid_email", "This is not an e-mail address we can use."),
            Self::PasswordTooShort => (422, "password_too_short", "This password is too short."),
            Self::PasswordTooLong => (422, "password_too_long", "This password is too long."),
            Self::PasswordTooCommon => (
                422,
                "password_too_common",
                "This password is easy to guess. Try a few unrelated words.",
            ),
            Self::PasswordControl => (
                422,
                "password_control",
                "This password contains a character that cannot be used: a control or an invisible character.",
            ),
            Self::TooManyAttempts => (
                429,
                "too_many_attempts",
                "Too many attempts. Please wait a moment.",
            ),
            Self::TryInOneMinute => (
                429,
                "too_many_attempts",
                "Too many attempts. Please try again in a minute.",
            ),
            Self::TryInFiveMinutes => (
                429,
                "too_many_attempts",
                "Too many attempts. Please try again in five minutes.",
            ),
            Self::TryInTenMinutes => (
                429,
                "too_many_attempts",
                "Too many attempts. Please try again in ten minutes.",
            ),
            Self::TryInFifteenMinutes => (
                429,
                "too_many_attempts",
                "Too many attempts. Please try again in fifteen minutes.",
            ),
            Self::Unavailable => (
                503,
                "unavailable",
                "We cannot do this right now. Please try again in a moment.",
            ),
            Self::Internal => (500, "internal", "Something went wrong on our side."),
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        self.parts().0
    }

    /// The stable code clients go by.
    pub const fn code(self) -> &'static str {
        self.parts().1
    }

    /// The text people read.
    pub const fn message(self) -> &'static str {
        self.parts().2
    }

    /// The error with this code; of those that share it, the one with this text, or else the first.
    fn on_the_wire(code: &str, text: &str) -> Option<Self> {
        let mut errors = Self::ALL.into_iter().filter(|error| error.code() == code);
        let exact = errors.clone().find(|error| error.message() == text);
        exact.or_else(|| errors.next())
    }

    /// The plain error behind a status some layer answered with.
    pub const fn from_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthenticated,
            403 => Self::CrossOrigin,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            409 => Self::VersionMismatch,
            412 => Self::VersionMismatch,
            413 => Self::TooLarge,
            415 => Self::UnsupportedType,
            422 => Self::InvalidInput,
            429 => Self::TooManyAttempts,
            503 | 504 => Self::Unavailable,
            500..=599 => Self::Internal,
            _ => Self::BadRequest,
        }
    }

    /// Too many attempts, and for how many seconds: the next longer wait there is a text for.
    pub const fn too_many_attempts(seconds: i64) -> Self {
        match seconds {
            ..=60 => Self::TryInOneMinute,
            61..=300 => Self::TryInFiveMinutes,
            301..=600 => Self::TryInTenMinutes,
            601..=900 => Self::TryInFifteenMinutes,
            _ => Self::TooManyAttempts,
        }
    }

    /// Whether the error is about the e-mail field.
    pub const fn is_about_email(self) -> bool {
        matches!(self, Self::InvalidEmail | Self::EmailTaken)
    }

    /// Whether the error is about a new password's field.
    pub const fn is_about_new_password(self) -> bool {
        matches!(
            self,
            Self::PasswordTooShort | Self::PasswordTooLong | Self::PasswordTooCommon | Self::PasswordControl
        )
    }
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for AppError {}

impl Serialize for AppError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("AppError", 2)?;
        fields.serialize_field("error", self.code())?;
        fields.serialize_field("message", self.message())?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for AppError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            error: String,
            #[serde(default)]
            message: String,
        }
        // The text only chooses among ours: one from elsewhere is never shown.
        let Wire { error, message } = Wire::deserialize(deserializer)?;
        Ok(Self::on_the_wire(&error, &message).unwrap_or(Self::Internal))
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => Self::InvalidInput,
            ServerFnErrorErr::Deserialization(_) => Self::BadRequest,
            // In the browser: the request did not arrive, or something that is not ours answered.
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

#[cfg(feature = "ssr")]
impl From<auth::Error> for AppError {
    /// Says what may be said, and logs the cause of what is nobody's business.
    fn from(error: auth::Error) -> Self {
        use auth::{Error as E, credentials::PasswordProblem as P};
        match error {
            E::Unavailable(_) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the authority does not answer"
                );
                Self::Unavailable
            }
            E::Busy => {
                tracing::warn!("the queue for password hashes is full");
                Self::Unavailable
            }
            E::Internal(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "internal error");
                Self::Internal
            }
            E::NotSignedIn => Self::Unauthenticated,
            E::ReauthRequired => Self::ReauthRequired,
            E::InvalidCredentials => Self::InvalidCredentials,
            E::WrongPassword => Self::WrongPassword,
            E::TooManyAttempts { retry_after } => Self::too_many_attempts(retry_after),
            E::EmailTaken => Self::EmailTaken,
            E::InvalidEmail => Self::InvalidEmail,
            E::Password(P::TooShort) => Self::PasswordTooShort,
            E::Password(P::TooLong) => Self::PasswordTooLong,
            E::Password(P::TooCommon) => Self::PasswordTooCommon,
            E::Password(P::Control) => Self::PasswordControl,
            E::PasswordAlreadySet => Self::PasswordAlreadySet,
            E::SignInAtProvider => Self::SignInAtProvider,
            E::ProviderUnavailable(cause) => {
                tracing::warn!(cause, "a provider does not answer as it should");
                Self::Unavailable
            }
            E::InvalidInput(field) => {
                tracing::debug!(field, "invalid input");
                Self::InvalidInput
            }
            E::NotFound => Self::NotFound,
            E::LastWayIn => Self::LastWayIn,
            E::Yourself => Self::NotYourself,
            E::LastAdmin => Self::LastAdmin,
            E::VersionMismatch => Self::VersionMismatch,
            E::TooLarge => Self::TooLarge,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_found_again_and_no_text_but_ours_counts() {
        for error in AppError::ALL {
            assert_eq!(AppError::on_the_wire(error.code(), error.message()), Some(error));
            let known = AppError::on_the_wire(error.code(), "a text from elsewhere");
            assert_eq!(
                known.map(|known| (known.status(), known.code())),
                Some((error.status(), error.code()))
            );
        }
        assert_eq!(
            AppError::on_the_wire("invalid_credentials", ""),
            Some(AppError::InvalidCredentials)
        );
        assert_eq!(
            AppError::on_the_wire("elsewhere", AppError::NotFound.message()),
            None
        );
    }
}
