//! The components that pages are built from.

pub mod address;
pub mod alert;
pub mod avatar;
pub mod events;
pub mod failure;
pub mod field;
pub mod form;
pub mod group;
pub mod layout;
pub mod link;
pub mod load;
pub mod marks;
pub mod nav;
pub mod provider_error;
pub mod providers;
pub mod scopes; // wing:clients
pub mod shown;
pub mod time;
