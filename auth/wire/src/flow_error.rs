//! Why signing in with a provider failed.

use serde::{Deserialize, Serialize};
use strum::VariantArray;

/// Why a flow failed, as far as the visitor may know. The cause is in the log. This is a closed set: anyone can
/// construct an address, so only these codes are accepted from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, VariantArray)]
pub enum FlowError {
    /// The person or the provider refused.
    Denied,
    /// The flow is unknown, used up, another browser's or too old.
    Expired,
    /// The provider did not respond, or not as it should.
    Provider,
    /// The address belongs to a user here, and the provider does not vouch for it.
    Unverified,
    /// The address belongs to a user here, who must sign in to connect the account.
    LinkRequired,
    /// The account is connected with another user or, in a confirmation of identity, with no user.
    Taken,
    // wing:mail
    /// Nobody may register without an invitation, and this person has none.
    Closed,
    // end wing:mail
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
            Self::Closed => "closed", // wing:mail
        }
    }

    /// The error with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::VARIANTS.iter().copied().find(|error| error.code() == code)
    }
}
