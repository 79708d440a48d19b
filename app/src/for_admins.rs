//! Routes that are there for administrators only. For everybody else the router finds nothing at their
//! address, on the server and in the browser alike, and the page is the one for unknown addresses.
//!
//! This decides what is shown, by what the snapshot says; what may be read or done is decided by the
//! server's guard and by each server function.

use leptos_router::{PartialPathMatch, PathSegment, PossibleRouteMatch};
use wire::Role;

use crate::session::current_session;

/// A path that only administrators find.
#[derive(Clone, Copy, Debug)]
pub struct ForAdmins<Path> {
    path: Path,
    is_there: bool,
}

impl<Path> ForAdmins<Path> {
    /// The path, for who looks at this document.
    pub fn at(path: Path) -> Self {
        Self {
            path,
            is_there: is_admin(),
        }
    }
}

/// Whether an administrator looks at this document, as far as the snapshot tells.
pub fn is_admin() -> bool {
    current_session().is_some_and(|session| session.role == Role::Admin)
}

impl<Path: PossibleRouteMatch> PossibleRouteMatch for ForAdmins<Path> {
    fn optional(&self) -> bool {
        self.path.optional()
    }

    fn test<'a>(&self, path: &'a str) -> Option<PartialPathMatch<'a>> {
        self.is_there.then(|| self.path.test(path)).flatten()
    }

    fn generate_path(&self, path: &mut Vec<PathSegment>) {
        self.path.generate_path(path);
    }
}
