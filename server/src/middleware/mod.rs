//! The layers around the routes, a file each. Their order is in [`crate::router`].

pub(crate) mod address;
pub(crate) mod csp;
pub(crate) mod flash;
pub(crate) mod forms;
pub(crate) mod guard;
pub(crate) mod headers;
pub(crate) mod limits;
pub(crate) mod origin;
pub(crate) mod refusals;
pub(crate) mod request_id;
