//! The scripts that every document brings with it.

pub mod bar;
pub mod events; // wing:clients
pub mod hydration;
pub mod tabs;
pub mod times;

/// The user for whom the document is rendered. Scripts come before the application, which provides the session to views.
fn user() -> Option<String> {
    #[cfg(feature = "ssr")]
    return crate::context::recognised()
        .and_then(|request| request.session().map(|session| session.user_id.to_string()));
    #[cfg(not(feature = "ssr"))]
    None
}
