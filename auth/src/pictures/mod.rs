//! People's pictures: one for each user, small, square and always WebP.
//!
//! A picture is never passed on as it came. It is decoded, and what is served was encoded here: no metadata with the place
//! where a photograph was taken, and nothing that is a picture to one reader and a program to another.
//!
//! It comes from the user, or from the provider that the user signs in with. An uploaded picture stays until its owner
//! replaces or removes it; one of a provider follows the address that the provider names.

mod encode;
mod fetch;
mod follow;
mod public;
mod table;

use std::sync::Arc;

use axum::body::Bytes;
use uuid::Uuid;

pub(crate) use self::table::SELECTED;
pub(crate) use self::table::of_people; // wing:admin
use self::{encode::Encoder, fetch::Fetcher};
use crate::{
    clock::Clock,
    db::Database,
    detached::Detached,
    error::{Error, Result},
    limits::{Action, Limits, Subject},
    oauth::Http,
    session::LiveSession,
};

/// The largest file that is read, in bytes.
pub const MAX_FILE: usize = 5 * 1024 * 1024;

/// The pictures. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pictures(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Database,
    clock: Clock,
    limits: Limits,
    encoder: Encoder,
    fetcher: Fetcher,
    detached: Detached,
}

impl Pictures {
    /// # Panics
    /// If the system cannot create a thread.
    pub(crate) fn new(db: Database, clock: Clock, limits: Limits, http: Http, detached: Detached) -> Self {
        Self(Arc::new(Inner {
            db,
            clock,
            limits,
            encoder: Encoder::new(),
            fetcher: Fetcher::new(http),
            detached,
        }))
    }

    /// The picture with this id, as WebP. Anyone who knows the id may see it.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub async fn find(&self, id: Uuid) -> Result<Option<Vec<u8>>> {
        table::find(&self.0.db, id).await
    }

    /// Makes this file the user's picture, in place of any other.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`]; [`Error::TooLarge`]; [`Error::NotAPicture`]; [`Error::TooManyPictures`] if many others
    /// are waiting to be read; [`Error::Unavailable`]
    pub async fn upload(&self, live: &LiveSession, file: Bytes) -> Result<()> {
        let user_id = live.user_id();
        let Inner {
            db,
            clock,
            limits,
            encoder,
            ..
        } = &*self.0;
        limits.take(Action::PictureUser, Subject::User(user_id))?;
        if file.len() > MAX_FILE {
            return Err(Error::TooLarge);
        }
        let webp = encoder.encode(user_id, file).await?;
        table::put_uploaded(db, user_id, &webp, clock.now()).await
    }

    /// Removes the user's picture. The provider's does not come in its place, unless it becomes another one.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub async fn remove(&self, live: &LiveSession) -> Result<()> {
        table::remove(&self.0.db, live.user_id(), self.0.clock.now()).await
    }
}

/// Where a picture is served.
pub(crate) fn path(id: Uuid) -> String {
    format!("/pictures/{id}.webp")
}
