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
        let Inner { limits, encoder, .. } = &*self.0;
        if file.len() > MAX_FILE {
            return Err(Error::TooLarge);
        }
        // Where there is no place, it is others who send too much.
        let place = encoder.place(live.user_id())?;
        limits.take(Action::PictureUser, Subject::User(live.user_id()))?;
        let webp = encoder.encode(place, file).await?;
        self.change(live.user_id(), &Change::Uploaded(live, &webp)).await
    }

    /// Removes the user's picture. The provider's does not come in its place.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub async fn remove(&self, live: &LiveSession) -> Result<()> {
        self.change(live.user_id(), &Change::Removed(live)).await
    }

    /// Changes a user's picture. The bar of every page shows it, from the snapshot.
    async fn change(&self, user_id: Uuid, change: &Change<'_>) -> Result<()> {
        let Inner { db, clock, marks, .. } = &*self.0;
        let now = clock.now();
        let mut tx = db.begin().await?;
        let before = Shown::before(&mut tx, user_id).await?;
        // Reading a picture takes a while, and so does waiting for that: the session may have ended meanwhile.
        if let Change::Uploaded(live, _) | Change::Removed(live) = change {
            live.still(&mut tx, now).await?;
        }
        match change {
            Change::Uploaded(_, webp) => table::put_uploaded(&mut tx, user_id, webp, now).await?,
            Change::Fetched(webp, source) => table::put_fetched(&mut tx, user_id, webp, source, now).await?,
            Change::Removed(_) => table::remove(&mut tx, user_id, now).await?,
        }
        marks.refresh_unless(&mut tx, user_id, &before).await?;
        Ok(tx.commit().await?)
    }
}

/// What becomes of a picture.
enum Change<'a> {
    /// This one, by the user in this session, takes its place.
    Uploaded(&'a LiveSession, &'a [u8]),
    /// This one, from this address at a provider, takes its place, unless the user has uploaded or removed one.
    Fetched(&'a [u8], &'a str),
    /// The user removes it in this session.
    Removed(&'a LiveSession),
}

/// Where a picture is served.
pub fn path(id: Uuid) -> String {
    format!("/pictures/{id}.webp")
}
