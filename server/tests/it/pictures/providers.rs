//! Pictures that providers name: fetched once, by the server, and from nowhere else than the internet.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Path,
    response::{IntoResponse, Redirect},
    routing::get,
};
use futures_util::stream;
use image::{GenericImageView, ImageFormat};
use serde_json::json;

use super::{
    files::{BLUE, RED, halves, is},
    give, served, shown,
};
use crate::{
    oauth::{
        idp::Idp,
        support::{World, person_with},
    },
    support::{Browser, Log, until},
};

/// Where pictures are at a provider.
struct Gallery {
    origin: String,
    asked: Arc<AtomicUsize>,
}

impl Gallery {
    fn open(provider: &Idp) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let ask = move || count.fetch_add(1, Ordering::SeqCst);
        let picture = get(move || async move {
            ask();
            halves(40, 20, ImageFormat::Png)
        });
        let hops = |Path(left): Path<u8>| async move {
            match left {
                0 => Redirect::to("/a.png"),
                left => Redirect::temporary(&format!("/hops/{}", left - 1)),
            }
        };
        let gallery = Router::new()
            .route("/a.png", picture.clone())
            .route("/b.png", picture)
            .route("/hops/{left}", get(hops))
            .route(
                "/to-another-port",
                get(|| async { Redirect::to("http://127.0.0.1:9/a.png") }),
            )
            .route(
                "/to-private",
                get(|| async { Redirect::to("https://10.0.0.1/a.png") }),
            )
            .route(
                "/to-metadata",
                get(|| async { Redirect::to("http://169.254.169.254/latest/") }),
            )
            .route("/to-file", get(|| async { Redirect::to("file:///etc/passwd") }))
            .route("/large", get(|| async { vec![0u8; 2 * 1024 * 1024 + 1] }))
            .route("/endless", get(endless))
            .route("/silent", get(std::future::pending::<()>))
            .route("/page", get(|| async { "<html>" }));
        provider.host(gallery);
        let origin = provider.origin().to_owned();
        Self { origin, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Ada at the provider, with the picture at this path of the gallery, or at another address.
    fn ada(&self, picture: &str) -> serde_json::Value {
        let address = if picture.starts_with('/') {
            format!("{}{picture}", self.origin)
        } else {
            picture.to_owned()
        };
        person_with("ada", json!({ "picture": address }))
    }
}

async fn endless() -> impl IntoResponse {
    Body::from_stream(stream::repeat_with(|| {
        Ok::<_, std::io::Error>(Bytes::from_static(&[0; 1024]))
    }))
}

/// Waits until something is logged this often.
async fn logged(log: &Log, text: &str, times: usize) {
    until(|| log.text().matches(text).count() >= times).await;
}

const TAKEN: &str = "took over a picture";
const NOT_TAKEN: &str = "a picture at a provider was not taken over";

async fn picture_of(user: &Browser) -> String {
    shown(user).await.unwrap()
}

#[tokio::test]
async fn the_picture_of_a_provider_is_fetched_once_and_served_by_us() {
    let world = World::new().await;
    let gallery = Gallery::open(&world.acme);
    let (log, _guard) = Log::capture();
    let ada = world.signed_in("acme", &gallery.ada("/a.png?secret=1")).await;
    logged(&log, TAKEN, 1).await;
    let path = picture_of(&ada).await;
    let picture = served(&ada, &path).await;
    assert_eq!(picture.dimensions(), (144, 144));
    assert!(is(&picture, (1, 4), RED) && is(&picture, (7, 4), BLUE));
    assert_eq!(
        ada.user().await["avatar_url"],
        format!("{}/a.png?secret=1", gallery.origin)
    );

    let again = world.signed_in("acme", &gallery.ada("/a.png?secret=1")).await;
    assert_eq!(picture_of(&again).await, path);
    // At another address there is another picture.
    let again = world.signed_in("acme", &gallery.ada("/b.png")).await;
    logged(&log, TAKEN, 2).await;
    assert_ne!(picture_of(&again).await, path);
    assert_eq!(gallery.asked(), 2);
}

#[tokio::test]
async fn a_provider_may_lead_on_three_times() {
    let world = World::new().await;
    let gallery = Gallery::open(&world.acme);
    let (log, _guard) = Log::capture();
    let ada = world.signed_in("acme", &gallery.ada("/hops/3")).await;
    logged(&log, NOT_TAKEN, 1).await;
    assert_eq!((shown(&ada).await, gallery.asked()), (None, 0));
    let ada = world.signed_in("acme", &gallery.ada("/hops/2")).await;
    logged(&log, TAKEN, 1).await;
    assert!(shown(&ada).await.is_some());
}

#[tokio::test]
async fn an_address_that_is_hostile_changes_nothing_and_the_sign_in_works() {
    let world = World::impatient(Duration::from_secs(1)).await;
    let gallery = Gallery::open(&world.acme);
    // On this machine, but not at the provider.
    let other_port = format!("{}/a.png", world.corp.origin());
    let (log, _guard) = Log::capture();
    for (n, picture) in [
        "https://10.0.0.1/a.png",
        "https://192.168.0.1/?secret=1",
        "https://ada:secret@127.0.0.1/secret",
        "http://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/",
        "http://img.example/a.png",
        other_port.as_str(),
        "/to-another-port",
        "/to-private",
        "/to-metadata",
        "/to-file",
        "/large",
        "/endless",
        "/silent",
        "/page",
        "/nothing",
    ]
    .into_iter()
    .enumerate()
    {
        let ada = world.signed_in("acme", &gallery.ada(picture)).await;
        logged(&log, NOT_TAKEN, n + 1).await;
        assert_eq!(shown(&ada).await, None, "{picture}");
    }
    for line in log.text().lines().filter(|line| line.contains(NOT_TAKEN)) {
        assert!(!line.contains("secret"), "{line}");
    }
    // It is tried again.
    world.signed_in("acme", &gallery.ada("/nothing")).await;
    logged(&log, NOT_TAKEN, 17).await;
    assert_eq!(world.app.number("SELECT count(*) FROM pictures").await, 0);
}

#[tokio::test]
async fn an_uploaded_picture_stays() {
    let world = World::new().await;
    let gallery = Gallery::open(&world.acme);
    let (log, _guard) = Log::capture();
    let ada = world.signed_in("acme", &gallery.ada("/a.png")).await;
    logged(&log, TAKEN, 1).await;
    give(&ada).await;
    let own = picture_of(&ada).await;
    for other in ["/a.png", "/b.png"] {
        let again = world.signed_in("acme", &gallery.ada(other)).await;
        settled(&world).await;
        assert_eq!(picture_of(&again).await, own);
    }
    assert_eq!(gallery.asked(), 1);
}

#[tokio::test]
async fn a_removed_picture_does_not_come_back_whatever_the_provider_names() {
    let world = World::new().await;
    let gallery = Gallery::open(&world.acme);
    let (log, _guard) = Log::capture();
    let ada = world.signed_in("acme", &gallery.ada("/a.png")).await;
    logged(&log, TAKEN, 1).await;
    // Also where it was replaced first.
    give(&ada).await;
    ada.call("remove_picture", &[]).await.expect(200);
    let again = world.signed_in("acme", &gallery.ada("/a.png")).await;
    settled(&world).await;
    assert_eq!((shown(&again).await, gallery.asked()), (None, 1));
    // Some addresses are signed, and other ones at each sign-in.
    let again = world.signed_in("acme", &gallery.ada("/b.png")).await;
    settled(&world).await;
    assert_eq!((shown(&again).await, gallery.asked()), (None, 1));
}

/// Waits for what sign-ins have begun, if anything.
async fn settled(world: &World) {
    let drained = world.app.auth.detached.drain(Duration::from_secs(5)).await;
    assert!(drained);
}
