//! What every function of administration starts from.

use auth::{
    AdminSession,
    admin::{Administration, By},
};

use crate::{context::Context, error::AppError};

/// What the functions of administration work with.
pub(crate) struct Admin {
    /// The actions on users and their data.
    pub(crate) people: Administration,
    /// The administrator's session, from the authority.
    pub(crate) session: AdminSession,
}

impl Admin {
    /// The administrator, as the actor of a change.
    pub(crate) fn by(&self) -> By<'_> {
        By::Admin(&self.session)
    }
}

impl Context {
    /// The start of every function of administration. It requires an administrator who signed in or confirmed within
    /// the last ten minutes.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for every other user.
    pub(crate) async fn admin(&self) -> Result<Admin, AppError> {
        Ok(Admin {
            session: self.request.require_admin().await?,
            people: self.auth.administration(),
        })
    }
}
