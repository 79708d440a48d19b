//! One file per page.

pub mod home;
pub mod login;
pub mod not_found;
pub mod profile;
mod provider_error;
pub mod register;
pub mod settings;
