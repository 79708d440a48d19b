//! Why signing in with a provider failed.

use serde::{Deserialize, Serialize};
use strum::VariantArray;

/// Why a flow failed, as far as the person may know. The cause is in the log. A closed set: anybody can write an
/// address, so nothing of it but one of these codes counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, VariantArray)]
pub enum FlowError {
    /// The person or the provider said no.
    Denied,
    /// The flow is unknown, used up, another browser's or too old.
    Expired,
    /// The provider did not answer, or not as it should have.
    Provider,
    /// The address belongs to a user here, and the provider does not vouch for it.
    Unverified,
    /// The address belongs to a user here, who connects the account by signing in.
    LinkRequired,
    /// The account is connected with another user; or, where it was to confirm who one is, with nobody.
    Taken,
}

impl FlowError {
    /// The code in `?error=`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Provider => "provider",
            Self::Unverified => "unverified",
            Self::LinkRequired => "link_required",
            Self::Taken => "taken",
        }
    }

    /// The error with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::VARIANTS.iter().copied().find(|error| error.code() == code)
    }
}
