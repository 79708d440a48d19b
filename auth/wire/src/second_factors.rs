//! Second factors at sign-in, as pages show them.

use serde::{Deserialize, Serialize};

/// An authenticator app that is being set up. It has no Debug, which would show the secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct TotpSetup {
    /// The secret, as base32, to type into the app.
    pub secret: String,
    /// The address that the app reads from a QR code.
    pub uri: String,
}

/// The same, with its QR code. It has no Debug either.
#[derive(Clone, Serialize, Deserialize)]
pub struct TotpUnderWay {
    /// See [`TotpSetup::secret`].
    pub secret: String,
    /// See [`TotpSetup::uri`].
    pub uri: String,
    /// The QR code of the address, as SVG.
    pub qr: String,
}

/// Codes for a user who has lost the authenticator app. They are shown once. It has no Debug, which would
/// show them.
#[derive(Clone, Serialize, Deserialize)]
pub struct RecoveryCodes {
    /// Each is good once.
    pub recovery_codes: Vec<String>,
}

/// The second factors of a user. It has no Debug, which would show the secret of the app that is being set up.
#[derive(Clone, Serialize, Deserialize)]
pub struct SecondFactors {
    /// Whether a sign-in asks for a code of an authenticator app.
    pub totp: bool,
    /// The number of recovery codes not used yet.
    pub recovery_codes_left: i64,
    /// The number of browsers that sign in without a code.
    pub trusted_browsers: i64,
    /// The app that is being set up in this session.
    pub setup: Option<TotpUnderWay>,
}
