//! Bodies that are read whole: no larger than they may be, and all together no more than there is room for.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use bytes::BytesMut;
use http::StatusCode;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for the bodies of one kind of sender, in bytes. A request needs some times its body: the text, its
/// fields, what is made of them.
const ROOM: usize = 16 * 1024 * 1024;

/// Who sends a body. Each has a room of its own, so that strangers take it from nobody who is signed in, and
/// those who fill theirs keep nobody from signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// Somebody signed in.
    Somebody,
    /// Somebody who wants to be.
    SigningIn,
    /// Anybody else.
    Nobody,
}

/// The room for bodies in flight.
#[derive(Debug)]
pub(crate) struct Bodies([Arc<Semaphore>; 3]);

impl Default for Bodies {
    fn default() -> Self {
        Self([(); 3].map(|()| Arc::new(Semaphore::new(ROOM))))
    }
}

/// A body, and the room it takes until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRead {
    /// It is more than it may be.
    TooLarge,
    /// There is no room for it now.
    NoRoom,
    /// It broke off, or is no body.
    Broken,
}

impl NotRead {
    /// What the client is told.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

impl Bodies {
    /// Reads a body of at most so many bytes; nothing of one that says that it has more. Room is taken as
    /// they come: who merely announces a body takes none.
    pub(crate) async fn read(&self, mut body: Body, most: usize, sender: Sender) -> Result<Held, NotRead> {
        let room = &self.0[sender as usize];
        let take = |bytes: usize| {
            let bytes = u32::try_from(bytes).map_err(|_| NotRead::TooLarge)?;
            Arc::clone(room).try_acquire_many_owned(bytes).map_err(|_| {
                tracing::warn!(?sender, "there is no room for another body");
                NotRead::NoRoom
            })
        };
        if body.size_hint().lower() > most as u64 {
            return Err(NotRead::TooLarge);
        }
        let mut taken = take(0)?;
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| NotRead::Broken)?.into_data() else {
                continue;
            };
            if read.len() + data.len() > most {
                return Err(NotRead::TooLarge);
            }
            taken.merge(take(data.len())?);
            read.extend_from_slice(&data);
        }
        Ok(Held {
            bytes: read.freeze(),
            _room: taken,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_in_flight_is_bounded_and_each_kind_of_sender_has_its_own_room() {
        let bodies = Bodies::default();
        let read = |sender| bodies.read(Body::from(vec![b'x'; ROOM / 4]), ROOM, sender);
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(read(Sender::Nobody).await.unwrap());
        }
        let one = || bodies.read(Body::from("x"), 1, Sender::Nobody);
        assert_eq!(one().await.unwrap_err(), NotRead::NoRoom);
        assert_eq!(one().await.unwrap_err().status(), 503);
        for other in [Sender::SigningIn, Sender::Somebody] {
            assert_eq!(read(other).await.unwrap().bytes.len(), ROOM / 4);
        }
        held.pop();
        assert_eq!(one().await.unwrap().bytes, "x");
        // What is refused gives back what it took.
        for _ in 0..9 {
            let large = bodies.read(Body::from(vec![b'x'; 2]), 1, Sender::Nobody);
            assert_eq!(large.await.unwrap_err(), NotRead::TooLarge);
        }
        drop(held);
        let all = bodies
            .read(Body::from(vec![b'x'; ROOM]), ROOM, Sender::Nobody)
            .await;
        assert_eq!(all.unwrap().bytes.len(), ROOM);
    }
}
