//! The closed set of errors that cross the wire, each with a code, a fixed text and its true status.

use leptos::{
    prelude::{FromServerFnError, ServerFnErrorErr},
    server_fn::codec::JsonEncoding,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};
use strum::{EnumIter, IntoEnumIterator};

/// An error as the user or the client sees it. Texts are fixed: the cause is in the log, under the request id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter)]
pub enum AppError {
    /// The request cannot be read.
    BadRequest,
    /// Nobody is signed in, or the session has ended.
    Unauthenticated,
    /// Wrong address or password. Also for an unknown user, a user without a password, and a disabled one.
    InvalidCredentials,
    /// The sign-in waits for its second factor.
    SecondFactorRequired, // wing:second-factors
    /// This needs a second factor, and the user has none.
    NoSecondFactor, // wing:second-factors,passkeys
    // wing:passkeys
    /// Nobody here has this passkey.
    UnknownPasskey,
    /// A passkey's answer is not accepted. To clients the same as [`Self::InvalidCredentials`].
    WrongPasskey,
    /// The user has as many passkeys as a user can have. To clients the same as having too many of anything else.
    TooManyPasskeys,
    // end wing:passkeys
    /// The signed-in user's current password is wrong. To clients the same as [`Self::InvalidCredentials`].
    WrongPassword,
    /// A wrong, used or expired code. To clients the same as [`Self::InvalidCredentials`].
    WrongCode, // wing:mail,second-factors
    /// The request came from another site.
    CrossOrigin,
    /// The user's identity must be confirmed first.
    ReauthRequired,
    /// The user's role does not allow it.
    NotPermitted,
    /// It does not exist, or belongs to another user.
    NotFound,
    /// Wrong method.
    MethodNotAllowed,
    // wing:clients
    /// The token or key may not do this.
    InsufficientScope,
    /// Only a browser may do this, not a token or a key.
    NotByToken,
    /// The user has as many keys as a user can have.
    TooManyKeys,
    // end wing:clients
    /// A user with this address exists already.
    EmailTaken,
    /// The form's page was made for another user than the signed-in one.
    SignedInAsAnother,
    /// The last way to sign in cannot be removed.
    LastWayIn,
    /// A password is set already.
    PasswordAlreadySet,
    /// A provider requires the user to sign in there again before it lets us do more in their name.
    SignInAtProvider,
    // wing:admin
    /// Users cannot do this to their own account.
    NotYourself,
    /// The last administrator cannot be removed.
    LastAdmin,
    // end wing:admin
    // wing:mail
    /// A link from a mail is not valid any more.
    LinkExpired,
    /// Nobody may register without an invitation.
    RegistrationClosed,
    // end wing:mail
    /// `If-Match` named another version.
    VersionMismatch,
    /// The request is too large.
    TooLarge,
    /// Not a form.
    UnsupportedType,
    /// A value does not fit its field.
    InvalidInput,
    /// Not the text that confirms a deletion. To clients the same as [`Self::InvalidInput`].
    NotConfirmed, // wing:data-rights
    /// Not a picture that can be read. To clients the same as [`Self::InvalidInput`].
    NotAPicture, // wing:pictures
    /// Not the address of a website. To clients the same as [`Self::InvalidInput`].
    InvalidWebsite,
    /// The user has something better to confirm with than a mail. To clients [`Self::InvalidInput`], as a conflict.
    ConfirmOtherwise, // wing:mail
    /// Not an e-mail address.
    InvalidEmail,
    /// The password is too short.
    PasswordTooShort,
    /// The password is too long.
    PasswordTooLong,
    /// The password is easy to guess.
    PasswordTooCommon,
    /// The password has a character that may come out differently when it is typed again.
    PasswordControl,
    /// Too many attempts.
    TooManyAttempts {
        /// Seconds until the next one, or 0 if unknown. On the wire it is the header `Retry-After`.
        wait: u32,
    },
    /// A dependency does not answer.
    Unavailable,
    /// The request arrived too slowly. To clients the same as [`Self::Unavailable`], with a status of its own.
    TooSlow,
    /// Anything else that is not the client's fault.
    Internal,
}

impl AppError {
    /// Status, code and text.
    const fn parts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::BadRequest => (400, "bad_request", "The request is malformed."),
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
            // wing:second-factors
            Self::SecondFactorRequired => (
                403,
                "second_factor_required",
                "One more step: enter a code from your authenticator app.",
            ),
            // end wing:second-factors
            // wing:second-factors,passkeys
            Self::NoSecondFactor => (409, "no_second_factor", "There is no second factor here."),
            // end wing:second-factors,passkeys
            // wing:passkeys
            Self::UnknownPasskey => (
                401,
                "unknown_passkey",
                "This passkey is not known here, or it was removed. Sign in another way.",
            ),
            Self::WrongPasskey => (
                401,
                "invalid_credentials",
                "This passkey was not accepted. Please try again, or use something else.",
            ),
            Self::TooManyPasskeys => (
                409,
                "too_many",
                "You have as many passkeys as an account can have. Remove one that you no longer need.",
            ),
            // end wing:passkeys
            Self::WrongPassword => (401, "invalid_credentials", "The current password is incorrect."),
            // wing:mail,second-factors
            Self::WrongCode => (
                401,
                "invalid_credentials",
                "This code is wrong, has been used, or has expired.",
            ),
            // end wing:mail,second-factors
            Self::CrossOrigin => (
                403,
                "cross_origin",
                "This request came from another site and was refused.",
            ),
            Self::ReauthRequired => (
                403,
                "reauth_required",
                "Please confirm your identity, then try again.",
            ),
            Self::NotPermitted => (403, "not_permitted", "Your role does not allow this."),
            Self::NotFound => (404, "not_found", "There is nothing here."),
            Self::MethodNotAllowed => (
                405,
                "method_not_allowed",
                "This address does not accept that kind of request.",
            ),
            // wing:clients
            Self::InsufficientScope => (
                403,
                "insufficient_scope",
                "This token or key is not allowed to do this.",
            ),
            Self::NotByToken => (
                403,
                "not_by_token",
                "This can only be done in a browser, not with a token or a key.",
            ),
            Self::TooManyKeys => (
                409,
                "too_many",
                "You have as many keys as an account can have. Revoke one that you no longer need.",
            ),
            // end wing:clients
            Self::EmailTaken => (
                409,
                "email_taken",
                "An account with this e-mail address already exists.",
            ),
            Self::SignedInAsAnother => (
                409,
                "signed_in_as_another",
                "This page belongs to a different account from the one signed in now. Nothing was changed.",
            ),
            Self::LastWayIn => (
                409,
                "last_way_in",
                "This is your only way to sign in, so it cannot be removed.",
            ),
            Self::PasswordAlreadySet => (
                409,
                "password_already_set",
                "You already have a password. Change it instead.",
            ),
            Self::SignInAtProvider => (
                409,
                "sign_in_at_provider",
                "This provider no longer lets us act on your behalf. Sign in with it again, then retry.",
            ),
            // wing:admin
            Self::NotYourself => (
                409,
                "not_yourself",
                "You can't do this to your own account. Ask another administrator.",
            ),
            Self::LastAdmin => (
                409,
                "last_admin",
                "This is the last administrator. Make another user an administrator first.",
            ),
            // end wing:admin
            // wing:mail
            Self::LinkExpired => (
                410,
                "link_expired",
                "This link has expired, or it was used already.",
            ),
            Self::ConfirmOtherwise => (
                409,
                "invalid_input",
                "You don’t need a mail to confirm your identity. Use what you sign in with.",
            ),
            Self::RegistrationClosed => (
                403,
                "registration_closed",
                "New accounts are created by invitation only. Ask whoever runs this site for one.",
            ),
            // end wing:mail
            Self::VersionMismatch => (
                412,
                "version_mismatch",
                "This was changed elsewhere in the meantime. Reload the page and try again.",
            ),
            Self::TooLarge => (413, "too_large", "This is too large."),
            Self::UnsupportedType => (
                415,
                "unsupported_type",
                "This address does not take a body of this type.",
            ),
            Self::InvalidInput => (
                422,
                "invalid_input",
                "Something in this form is not valid. Please check what you entered.",
            ),
            // wing:data-rights
            Self::NotConfirmed => (
                422,
                "invalid_input",
                "This is not what you were asked to type, so nothing was deleted.",
            ),
            // end wing:data-rights
            // wing:pictures
            Self::NotAPicture => (
                422,
                "invalid_input",
                "This is not a picture we can read. Choose a PNG or JPEG file.",
            ),
            // end wing:pictures
            Self::InvalidWebsite => (
                422,
                "invalid_input",
                "This is not the address of a website. An address must begin with https:// or http://, contain no spaces, and have at most 1024 characters.",
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
                "This password contains a control character or an invisible character, which cannot be used.",
            ),
            Self::TooManyAttempts { .. } => (
                429,
                "too_many_attempts",
                "Too many attempts. Please wait a moment.",
            ),
            Self::Unavailable => (
                503,
                "unavailable",
                "We cannot do this right now. Please try again in a moment.",
            ),
            Self::TooSlow => (
                408,
                "unavailable",
                "This took too long to arrive. Please try again, over a faster connection if there is one.",
            ),
            Self::Internal => (500, "internal", "Something went wrong on our side."),
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        self.parts().0
    }

    /// The stable code that clients rely on.
    pub const fn code(self) -> &'static str {
        self.parts().1
    }

    /// The text for people.
    pub const fn message(self) -> &'static str {
        self.parts().2
    }

    /// The text for people, with how long to wait, if known.
    pub fn advice(self) -> String {
        match self {
            Self::TooManyAttempts { wait: wait @ 1.. } => {
                format!("Too many attempts. Please try again in {}.", duration(wait))
            }
            error => error.message().to_owned(),
        }
    }

    /// The same error with the wait from a response's `Retry-After`.
    pub fn with_wait(self, retry_after: Option<&str>) -> Self {
        match (self, retry_after.and_then(|seconds| seconds.parse().ok())) {
            (Self::TooManyAttempts { .. }, Some(wait)) => Self::TooManyAttempts { wait },
            (error, _) => error,
        }
    }

    /// The error with this code. If several share it, the one with this text, or else the first.
    fn on_the_wire(code: &str, text: &str) -> Option<Self> {
        let mut errors = Self::iter().filter(|error| error.code() == code);
        let exact = errors.clone().find(|error| error.message() == text);
        exact.or_else(|| errors.next())
    }

    /// The plain error for a status that a layer answered with.
    pub const fn from_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthenticated,
            403 => Self::CrossOrigin,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            409 => Self::VersionMismatch,
            410 => Self::LinkExpired, // wing:mail
            412 => Self::VersionMismatch,
            413 => Self::TooLarge,
            415 => Self::UnsupportedType,
            422 => Self::InvalidInput,
            429 => Self::TooManyAttempts { wait: 0 },
            408 => Self::TooSlow,
            502..=504 => Self::Unavailable,
            500..=599 => Self::Internal,
            _ => Self::BadRequest,
        }
    }

    /// Whether the error is about the e-mail field.
    pub const fn is_about_email(self) -> bool {
        matches!(self, Self::InvalidEmail | Self::EmailTaken)
    }

    // wing:mail,second-factors
    /// Whether the error is about the field of a code.
    pub fn is_about_code(self) -> bool {
        self == Self::WrongCode
    }
    // end wing:mail,second-factors

    /// Whether the error is about the field of a new password.
    pub const fn is_about_new_password(self) -> bool {
        matches!(
            self,
            Self::PasswordTooShort | Self::PasswordTooLong | Self::PasswordTooCommon | Self::PasswordControl
        )
    }
}

/// A number of seconds in words, rounded up.
fn duration(seconds: u32) -> String {
    let (count, unit) = match seconds {
        0..=90 => (seconds, "second"),
        _ => (seconds.div_ceil(60), "minute"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
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
        // The text only selects one of our errors: a text from elsewhere is never shown.
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
            // In the browser: the request did not arrive, or the answer did not come from our server.
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_said_in_words_and_never_too_short() {
        for (seconds, words) in [
            ("1", "1 second"),
            ("60", "60 seconds"),
            ("91", "2 minutes"),
            ("900", "15 minutes"),
            ("901", "16 minutes"),
        ] {
            let error = AppError::from_status(429).with_wait(Some(seconds));
            assert_eq!(
                error.advice(),
                format!("Too many attempts. Please try again in {words}.")
            );
        }
        for unknown in [
            None,
            Some(""),
            Some("0"),
            Some("-1"),
            Some("Wed, 21 Oct 2026 07:28:00 GMT"),
        ] {
            let error = AppError::from_status(429).with_wait(unknown);
            assert_eq!(error.advice(), error.message());
        }
        assert_eq!(AppError::NotFound.with_wait(Some("5")), AppError::NotFound);
    }

    #[test]
    fn every_error_is_found_again_and_no_text_but_ours_counts() {
        for error in AppError::iter() {
            assert_eq!(AppError::on_the_wire(error.code(), error.message()), Some(error));
            // Two codes have two statuses: with 408, what cannot be done now is due to the sender's line.
            if error == AppError::TooSlow {
                continue;
            }
            // wing:mail
            // With 409, nothing that is sent could be better.
            if error == AppError::ConfirmOtherwise {
                continue;
            }
            // end wing:mail
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
