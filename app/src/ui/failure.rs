//! What a page shows in place of data that it could not read.

use leptos::prelude::*;

use super::{alert::Alert, link::this_page};
use crate::error::AppError;

/// States that this part of the page cannot be shown, why, and what to do.
#[component]
pub fn Failure(
    /// Why.
    error: AppError,
) -> impl IntoView {
    set_status(error.status());
    view! {
        <div class="failure">
            <Alert error />
            // A new document, since it is the server that failed.
            <p>
                <a href=this_page() rel="external">"Try again"</a>
            </p>
        </div>
    }
}

// wing:mail
/// States that the link of a mail is of no use any more.
#[component]
pub fn DeadLink() -> impl IntoView {
    view! {
        <p class="notice notice-error" role="alert">
            "This link has expired, or it was used already. A newer mail also ends the link of an older one."
        </p>
    }
}

/// Lets other addresses learn only where this page is from, not its query: that holds the token of a link.
pub fn no_referrer_path() {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.insert_header(
            http::header::REFERRER_POLICY,
            http::HeaderValue::from_static("strict-origin"),
        );
    }
}
// end wing:mail

/// Sets the page's true status. In the browser there is no response to set it on.
pub fn set_status(status: u16) {
    #[cfg(feature = "ssr")]
    if let (Some(response), Ok(status)) = (
        use_context::<leptos_axum::ResponseOptions>(),
        http::StatusCode::from_u16(status),
    ) {
        response.set_status(status);
    }
    #[cfg(not(feature = "ssr"))]
    let _ = status;
}
