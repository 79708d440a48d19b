//! Reading bodies whole. A body may not exceed its limit, all bodies together fit the room there is, no sender takes
//! more than a share of it, and no body may arrive too slowly.

use std::{net::IpAddr, time::Duration};

use auth::{
    Network,
    shares::{Share, Shares},
};
use axum::body::{Body, Bytes, HttpBody};
use bytes::BytesMut;
use http::StatusCode;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::multipart; // wing:pictures

/// Room for the bodies of one kind of sender, in bytes. A request needs a multiple of its body's size: the text, its
/// fields, and what is built from them.
const ROOM: usize = 16 * 1024 * 1024;
/// The share that one user, or one network of anonymous visitors, may take. The largest form fits three times.
const PART: usize = ROOM / 16;
/// The share that all users of one network may take together.
const PART_OF_USERS: usize = ROOM / 4;
/// The first bytes of each body need no room: this amount fits for as many connections as there can be, and most
/// forms are no larger. So an attacker who fills the room cannot prevent sign-ins.
const FREE: usize = 1024;
/// The time that a body has left at its start, and at most at any moment. So many bytes add one second to it.
const TIME: Duration = Duration::from_secs(10);
const BYTES_A_SECOND: usize = 16 * 1024;
// wing:pictures
/// Room for pictures, beside that for forms: six of the largest. While one is made smaller it takes twice its size, and
/// they are made smaller one at a time.
const ROOM_OF_PICTURES: usize = 6 * PICTURE;
/// The share of one user, which is one picture. A network may send two.
const PICTURE: usize = multipart::MAX_FORM;
/// What is read of a picture that is not taken, so that the browser comes to read the answer. Nothing of it is kept.
const DISCARDED: usize = 32 * 1024 * 1024;
// end wing:pictures

/// The sender of a body. Each kind has its own room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A signed-in user.
    User(Uuid),
    /// A signed-in user who sends a picture.
    Uploading(Uuid), // wing:pictures
    /// A visitor who is signing in.
    SigningIn,
    /// A browser that a provider has sent back.
    Returning,
    /// Any other sender.
    Stranger,
}

/// The room for bodies in flight.
#[derive(Debug)]
pub(crate) struct Bodies {
    users: Shares<Uuid>,
    networks_of_users: Shares<Network>,
    // wing:pictures
    uploading: Shares<Uuid>,
    networks_of_uploading: Shares<Network>,
    // end wing:pictures
    signing_in: Shares<Network>,
    returning: Shares<Network>,
    strangers: Shares<Network>,
    /// The time for the first part of a body.
    time: Duration,
}

impl Default for Bodies {
    fn default() -> Self {
        let strangers = || Shares::new(ROOM, PART);
        Self {
            users: Shares::new(ROOM, PART),
            networks_of_users: Shares::new(ROOM, PART_OF_USERS),
            // wing:pictures
            uploading: Shares::new(ROOM_OF_PICTURES, PICTURE),
            networks_of_uploading: Shares::new(ROOM_OF_PICTURES, 2 * PICTURE),
            // end wing:pictures
            signing_in: strangers(),
            returning: strangers(),
            strangers: strangers(),
            time: TIME,
        }
    }
}

/// The room a body takes, until this is dropped.
#[derive(Debug)]
struct Room {
    user: Option<Share<Uuid>>,
    network: Share<Network>,
}

impl Room {
    fn grow(&mut self, bytes: usize) -> bool {
        self.user.as_mut().is_none_or(|user| user.grow(bytes)) && self.network.grow(bytes)
    }
}

/// A body, and the room it takes until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    _room: Room,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRead {
    /// It exceeds its limit.
    TooLarge,
    /// There is no room for it now.
    NoRoom,
    /// It arrives too slowly.
    TooSlow,
    /// It broke off, or is not a valid body.
    Broken,
}

impl NotRead {
    /// The status for the client.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

impl Bodies {
    /// Reads a body of at most `most` bytes, and nothing of a body that announces more. Room is taken as bytes
    /// arrive: merely announcing a body takes none.
    pub(crate) async fn read(
        &self,
        mut body: Body,
        most: usize,
        sender: Sender,
        from: IpAddr,
    ) -> Result<Held, NotRead> {
        let read = self.read_most(&mut body, most, sender, from).await;
        // wing:pictures
        if let (Err(NotRead::TooLarge | NotRead::NoRoom), Sender::Uploading(_)) = (&read, sender) {
            discard(&mut body, self.time).await;
        }
        // end wing:pictures
        // What is left of it is for its connection to read.
        drop(body);
        read
    }

    async fn read_most(
        &self,
        body: &mut Body,
        most: usize,
        sender: Sender,
        from: IpAddr,
    ) -> Result<Held, NotRead> {
        if body.size_hint().lower() > most as u64 {
            return Err(NotRead::TooLarge);
        }
        let mut until = Instant::now() + self.time;
        let mut room = self.room(sender, Network::of(from));
        let mut read = BytesMut::new();
        loop {
            let frame = timeout_at(until, body.frame()).await;
            let Some(frame) = frame.map_err(|_| NotRead::TooSlow)? else {
                break;
            };
            let Ok(data) = frame.map_err(|_| NotRead::Broken)?.into_data() else {
                continue;
            };
            let length = read.len() + data.len();
            if length > most {
                return Err(NotRead::TooLarge);
            }
            if !room.grow(length.saturating_sub(read.len().max(FREE))) {
                tracing::warn!(?sender, ip = %from, "the memory for request bodies is full");
                return Err(NotRead::NoRoom);
            }
            read.extend_from_slice(&data);
            // What has come fast leaves no time for silence, in which a body would only keep its room.
            until = (until + more_time(data.len())).min(Instant::now() + self.time);
        }
        Ok(Held {
            bytes: read.freeze(),
            _room: room,
        })
    }

    fn room(&self, sender: Sender, network: Network) -> Room {
        let (user, networks) = match sender {
            Sender::User(user) => (Some(self.users.none(user)), &self.networks_of_users),
            Sender::Uploading(user) => (Some(self.uploading.none(user)), &self.networks_of_uploading), // wing:pictures
            Sender::SigningIn => (None, &self.signing_in),
            Sender::Returning => (None, &self.returning),
            Sender::Stranger => (None, &self.strangers),
        };
        Room {
            user,
            network: networks.none(network),
        }
    }
}

// wing:pictures
/// Reads what is left of a body, up to a point.
async fn discard(body: &mut Body, time: Duration) {
    let until = Instant::now() + time;
    let mut left = DISCARDED;
    while let Ok(Some(Ok(frame))) = timeout_at(until, body.frame()).await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
// end wing:pictures

/// By how much the time for a body grows with the bytes received.
pub(super) fn more_time(bytes: usize) -> Duration {
    Duration::from_secs_f64(bytes as f64 / BYTES_A_SECOND as f64)
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, net::Ipv4Addr};

    use app::error::AppError;
    use futures_util::{Stream, StreamExt, stream};
    use tokio::time::sleep;

    use super::*;

    const ADA: Sender = Sender::User(Uuid::from_u128(1));
    const BOB: Sender = Sender::User(Uuid::from_u128(2));

    /// An address of the network with this number.
    fn in_network(number: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, number, 7).into()
    }

    fn chunks<const N: usize>(sizes: [usize; N]) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::iter(sizes.map(|size| Ok(Bytes::from(vec![b'x'; size]))))
    }

    /// A body without a declared length.
    fn in_chunks<const N: usize>(sizes: [usize; N]) -> Body {
        Body::from_stream(chunks(sizes))
    }

    /// Reads a body of this size.
    async fn read(bodies: &Bodies, size: usize, sender: Sender, network: u8) -> Result<Held, NotRead> {
        let body = Body::from(vec![b'x'; size]);
        bodies.read(body, ROOM, sender, in_network(network)).await
    }

    #[tokio::test]
    async fn a_network_of_strangers_gets_a_part_of_a_room_and_all_of_them_no_more_than_there_is() {
        for sender in [Sender::SigningIn, Sender::Returning, Sender::Stranger] {
            let bodies = Bodies::default();
            let mut held = Vec::new();
            for network in 0..16 {
                held.push(read(&bodies, FREE + PART, sender, network).await.unwrap());
                let more = read(&bodies, FREE + 1, sender, network).await.unwrap_err();
                assert_eq!((more, more.status().as_u16()), (NotRead::NoRoom, 503));
            }
            // The room is full, but a small body needs none of it.
            assert!(read(&bodies, FREE + 1, sender, 99).await.is_err());
            assert_eq!(read(&bodies, FREE, sender, 0).await.unwrap().bytes.len(), FREE);
            // The other senders have their own rooms.
            for other in [Sender::SigningIn, Sender::Returning, Sender::Stranger, ADA] {
                assert_eq!(read(&bodies, FREE + 1, other, 0).await.is_ok(), other != sender);
            }
            held.pop();
            assert!(read(&bodies, FREE + PART, sender, 99).await.is_ok());
        }
    }

    #[tokio::test]
    async fn a_user_gets_a_part_of_the_room_and_a_network_of_users_a_larger_one() {
        let bodies = Bodies::default();
        let ada = read(&bodies, FREE + PART, ADA, 1).await.unwrap();
        assert_eq!(
            read(&bodies, FREE + 1, ADA, 2).await.unwrap_err(),
            NotRead::NoRoom
        );
        let bob = read(&bodies, FREE + PART, BOB, 1).await.unwrap();
        drop((ada, bob));
        let mut held = Vec::new();
        for user in 0..4 {
            let user = Sender::User(Uuid::from_u128(user));
            held.push(read(&bodies, FREE + PART, user, 1).await.unwrap());
        }
        let fifth = Sender::User(Uuid::from_u128(5));
        assert_eq!(
            read(&bodies, FREE + 1, fifth, 1).await.unwrap_err(),
            NotRead::NoRoom
        );
        assert!(read(&bodies, FREE + 1, fifth, 2).await.is_ok());
    }

    // wing:pictures
    #[tokio::test]
    async fn a_user_sends_one_picture_at_a_time_and_a_network_two_in_a_room_of_their_own() {
        let bodies = Bodies::default();
        let upload = |user, network| {
            let sender = Sender::Uploading(Uuid::from_u128(user));
            let body = Body::from(vec![b'x'; PICTURE]);
            bodies.read(body, PICTURE, sender, in_network(network))
        };
        let mut held = vec![upload(1, 1).await.unwrap()];
        assert_eq!(upload(1, 2).await.unwrap_err(), NotRead::NoRoom);
        held.push(upload(2, 1).await.unwrap());
        assert_eq!(upload(3, 1).await.unwrap_err(), NotRead::NoRoom);
        for user in 3..7 {
            held.push(upload(user, user as u8).await.unwrap());
        }
        assert_eq!(upload(7, 7).await.unwrap_err(), NotRead::NoRoom);
        // Forms are not in their way.
        assert!(read(&bodies, PART, ADA, 1).await.is_ok());
        drop(held);
        assert!(upload(1, 1).await.is_ok());
    }

    #[tokio::test]
    async fn a_picture_that_is_too_large_is_read_to_its_end_and_not_kept() {
        let bodies = Bodies::default();
        let whole = stream::iter((0..100).map(|_| Ok::<_, Infallible>(Bytes::from_static(&[0; 1024]))));
        let (end, at_end) = tokio::sync::oneshot::channel();
        let body = Body::from_stream(whole.chain(stream::once(async {
            end.send(()).unwrap();
            Ok(Bytes::new())
        })));
        let sender = Sender::Uploading(Uuid::nil());
        let refused = bodies.read(body, 2048, sender, in_network(1)).await;
        assert_eq!(refused.unwrap_err(), NotRead::TooLarge);
        assert_eq!(at_end.await, Ok(()));
    }
    // end wing:pictures

    #[test]
    fn what_is_not_read_has_one_status_for_browsers_and_for_scripts() {
        for problem in [
            NotRead::TooLarge,
            NotRead::NoRoom,
            NotRead::TooSlow,
            NotRead::Broken,
        ] {
            let status = problem.status().as_u16();
            assert_eq!(AppError::from_status(status).status(), status, "{problem:?}");
        }
    }

    #[tokio::test]
    async fn what_is_refused_gives_back_what_it_took() {
        let bodies = Bodies::default();
        for _ in 0..20 {
            let refused = bodies
                .read(in_chunks([PART, PART]), ROOM, Sender::Stranger, in_network(1))
                .await
                .unwrap_err();
            assert_eq!(refused, NotRead::NoRoom);
            let refused = bodies
                .read(in_chunks([9, 9]), 10, Sender::Stranger, in_network(1))
                .await
                .unwrap_err();
            assert_eq!(refused, NotRead::TooLarge);
        }
        assert!(read(&bodies, PART, Sender::Stranger, 1).await.is_ok());
    }

    #[tokio::test]
    async fn a_body_has_its_time_and_more_for_what_has_come() {
        let bodies = Bodies {
            time: Duration::from_millis(50),
            ..Bodies::default()
        };
        let stalled = || Body::from_stream(chunks([9]).chain(stream::pending()));
        let refused = bodies
            .read(stalled(), ROOM, Sender::Stranger, in_network(1))
            .await;
        let refused = refused.unwrap_err();
        assert_eq!((refused, refused.status().as_u16()), (NotRead::TooSlow, 408));
        // However much has come, silence ends it, and so does a trickle.
        let trickle = stream::unfold((), |()| async {
            sleep(Duration::from_millis(10)).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b"x")), ()))
        });
        for rest in [stream::pending().boxed(), trickle.boxed()] {
            let begun = Instant::now();
            let large = Body::from_stream(chunks([PART]).chain(rest));
            let refused = bodies.read(large, ROOM, Sender::Stranger, in_network(1)).await;
            assert_eq!(refused.unwrap_err(), NotRead::TooSlow);
            assert!(begun.elapsed() < more_time(PART) / 2);
        }
        for (bytes, seconds) in [(0, 0), (16 * 1024 - 1, 0), (16 * 1024, 1), (300 * 1024, 18)] {
            assert_eq!(more_time(bytes).as_secs(), seconds, "{bytes}");
        }
    }
}
