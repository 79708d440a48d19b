//! The layers around the routes, one file each. Their order is in [`crate::router`].

mod address;
pub(crate) mod administration; // wing:admin
pub(crate) mod bearer; // wing:clients
pub(crate) mod bodies;
pub(crate) mod csp;
pub(crate) mod deadline;
pub(crate) mod detached;
pub(crate) mod edge;
pub(crate) mod files;
pub(crate) mod flash;
pub(crate) mod forms;
pub(crate) mod guard;
mod headers;
pub(crate) mod host;
pub(crate) mod multipart; // wing:pictures
pub(crate) mod origin;
pub(crate) mod owner;
pub(crate) mod prefetch;
mod refusals;
pub(crate) mod spelling;
