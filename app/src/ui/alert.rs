//! What went wrong, and what to do next.

use leptos::prelude::*;

use super::link::{asked_return_to, back_from_confirming, leading_to, this_page};
use crate::{error::AppError, pages::paths};

/// An error in words, with a link if there is something to do about it. What was typed stays: the link is for another
/// tab, or for later.
#[component]
pub fn Alert(
    /// The error.
    error: AppError,
    /// The id that fields refer to.
    #[prop(optional, into)]
    id: Option<String>,
) -> impl IntoView {
    let way_on = match error {
        // A new document: this one was rendered for a user who is no longer signed in.
        AppError::Unauthenticated => view! {
            <a href=leading_to(paths::LOGIN, Some(&this_page())) rel="external">"Sign in"</a>
        }.into_any(),
        AppError::ReauthRequired => view! {
            <a href=leading_to(paths::SETTINGS_SECURITY, back_from_confirming().as_deref())>"Confirm your identity"</a>
        }.into_any(),
        AppError::EmailTaken => view! {
            <a href=leading_to(paths::LOGIN, asked_return_to().as_deref())>"Sign in instead"</a>
        }.into_any(),
        // A new document here too, for the user who is signed in now.
        AppError::SignedInAsAnother => view! {
            <a href=this_page() rel="external">"Load this page again"</a>
        }.into_any(),
        _ => ().into_any(),
    };
    view! {
        <div class="notice notice-error" role="alert" id=id>
            <p>{error.advice()}</p>
            {way_on}
        </div>
    }
}
