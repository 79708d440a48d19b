//! What the functions of administration begin with.

use auth::{
    AdminSession,
    admin::{Administration, By},
};

use crate::{context::Context, error::AppError};

/// What the functions of administration work with.
pub(crate) struct Admin {
    /// The way to look after people.
    pub(crate) people: Administration,
    /// The administrator's session, from the authority.
    pub(crate) session: AdminSession,
}

impl Admin {
    /// Who changes something.
    pub(crate) fn by(&self) -> By<'_> {
        By::Admin(&self.session)
    }
}

impl Context {
    /// Administration, for an administrator who signed in or confirmed within ten minutes: what its functions
    /// begin with.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for everybody else.
    pub(crate) async fn admin(&self) -> Result<Admin, AppError> {
        Ok(Admin {
            session: self.request.require_admin().await?,
            people: self.auth.administration(),
        })
    }
}
