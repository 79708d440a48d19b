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

pub(crate) use self::table::of_people; // wing:admin
use self::{encode::Encoder, fetch::Fetcher};
use crate::{
    clock::Clock,
    db::Database,
    detached::Detached,
    error::{Error, Result},
    http_client::Http,
    limits::{Action, Limits, Subject},
    session::{LiveSession, Marks, Shown},
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
    marks: Marks,
}

impl Pictures {
    /// # Panics
    /// If the system cannot create a thread.
    pub(crate) fn new(
        db: Database,
        clock: Clock,
        limits: Limits,
        http: Http,
        detached: Detached,
        marks: Marks,
    ) -> Self {
        Self(Arc::new(Inner {
            db,
            clock,
            limits,
            encoder: Encoder::new(),
            fetcher: Fetcher::new(http),
            detached,
            marks,
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
        let Inner { limits, encoder, .. } = &*self.0;
        limits.take(Action::PictureUser, Subject::User(user_id))?;
        if file.len() > MAX_FILE {
            return Err(Error::TooLarge);
        }
        let webp = encoder.encode(user_id, file).await?;
        self.change(user_id, &Change::Uploaded(&webp)).await
    }

    /// Removes the user's picture. The provider's does not come in its place, unless it becomes another one.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub async fn remove(&self, live: &LiveSession) -> Result<()> {
        let user_id = live.user_id();
        self.change(user_id, &Change::Removed).await
    }

    /// Changes a user's picture. The bar of every page shows it, from the snapshot.
    async fn change(&self, user_id: Uuid, change: &Change<'_>) -> Result<()> {
        let Inner { db, clock, marks, .. } = &*self.0;
        let now = clock.now();
        let mut tx = db.begin().await?;
        let before = Shown::before(&mut tx, user_id).await?;
        match change {
            Change::Uploaded(webp) => table::put_uploaded(&mut tx, user_id, webp, now).await?,
            Change::Fetched(webp, source) => table::put_fetched(&mut tx, user_id, webp, source, now).await?,
            Change::Removed => table::remove(&mut tx, user_id, now).await?,
        }
        marks.refresh_unless(&mut tx, user_id, &before).await?;
        Ok(tx.commit().await?)
    }
}

/// What becomes of a picture.
enum Change<'a> {
    /// This one, by the user, takes its place.
    Uploaded(&'a [u8]),
    /// This one, from this address at a provider, takes its place, unless the user has uploaded or removed one.
    Fetched(&'a [u8], &'a str),
    /// It is removed.
    Removed,
}

/// Where a picture is served.
pub fn path(id: Uuid) -> String {
    format!("/pictures/{id}.webp")
}
