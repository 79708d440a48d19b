//! Where a sign-in leads, whichever way in it took.

use wire::AuthSession;

use crate::error::AppError;
use crate::{pages::paths, ui::link::leading_to}; // wing:second-factors

/// Leads on after a sign-in: to the page that the visitor came from, if it is one of ours.
// wing:second-factors
///
/// Before that to the page for the second factor, if one is needed.
// end wing:second-factors
pub(super) fn lead_on(
    signed_in: auth::Result<AuthSession>,
    return_to: Option<&str>,
) -> Result<AuthSession, AppError> {
    // wing:second-factors
    if let Err(auth::Error::SecondFactorRequired) = &signed_in {
        leptos_axum::redirect(&second_factor(return_to));
    }
    // end wing:second-factors
    let session = signed_in?;
    leptos_axum::redirect(auth::ReturnTo::or_default(return_to).as_str());
    Ok(session)
}

// wing:second-factors
/// The page to which a sign-in leads that needs a second factor.
pub fn second_factor(return_to: Option<&str>) -> String {
    leading_to(
        paths::LOGIN_SECOND,
        return_to.filter(|path| auth::ReturnTo::parse(path).is_some()),
    )
}
// end wing:second-factors
