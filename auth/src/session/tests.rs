//! A snapshot is as old as what it shows, whenever it was sealed.

use http::{HeaderMap, HeaderValue, header::COOKIE};
use time::{Duration, OffsetDateTime};
use wire::AuthSession;

use super::{
    cookies::Planned,
    request::{Presented, Sender},
    *,
};
use crate::{cookies::CookieName, database::TestDatabase, detached::Detached};

pub(super) struct Scene {
    db: Database,
    keys: Arc<KeyRing>,
    pub(super) sessions: Sessions,
    pub(super) clock: Clock,
    pub(super) user_id: Uuid,
    _database: TestDatabase,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let database = TestDatabase::new();
        let db = Database::open_or_create(&database.url().into()).await.unwrap();
        db.migrate().await.unwrap();
        let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap());
        let keys = Arc::new(KeyRing::new(&[(0..32).collect::<Vec<u8>>().into()]));
        let user_id = Uuid::now_v7();
        sqlx::query("INSERT INTO users (id, email, created_at, updated_at) VALUES ($1, $2, $3, $3)")
            .bind(user_id)
            .bind("ada@example.com")
            .bind(clock.now())
            .execute(db.write())
            .await
            .unwrap();
        Self {
            sessions: start(&db, &keys, &clock).await,
            db,
            keys,
            clock,
            user_id,
            _database: database,
        }
    }

    /// Signs in. Returns the cookies of the response.
    pub(super) async fn sign_in(&self) -> HeaderMap {
        let request = RequestAuth::new(
            self.sessions.clone(),
            Sender::default(),
            Presented::Nothing,
            Planned::default(),
        );
        let tx = self.sessions.0.db.begin().await.unwrap();
        request
            .start_session(tx, self.user_id, "password", false)
            .await
            .unwrap();
        sent(&request.take_planned())
    }
}

async fn start(db: &Database, keys: &Arc<KeyRing>, clock: &Clock) -> Sessions {
    let (keys, cookies) = (Arc::clone(keys), Cookies::new(true));
    Sessions::new(
        db.clone(),
        None,
        keys,
        History::new(clock.clone()),
        cookies,
        Lifetimes::default(),
        &Detached::default(),
    )
    .await
}

/// The cookies as the browser sends them with its next request.
fn sent(planned: &[HeaderValue]) -> HeaderMap {
    let pairs = planned
        .iter()
        .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap());
    let header = pairs.collect::<Vec<_>>().join("; ");
    HeaderMap::from_iter([(COOKIE, header.parse().unwrap())])
}

/// Planned cookies, as the browser sends them with its next request.
fn planned(sessions: &Sessions, planned: Planned) -> HeaderMap {
    let request = RequestAuth::new(sessions.clone(), Sender::default(), Presented::Nothing, planned);
    sent(&request.take_planned())
}

fn id_in(scene: &Scene, headers: &HeaderMap) -> tower_sessions::session::Id {
    let cookies = scene.sessions.0.cookies.read(headers);
    cookies.get(CookieName::Id).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_process_stopped_after_its_query_seals_no_snapshot_that_outlives_the_mark() {
    let scene = Scene::new().await;
    let sessions = &scene.sessions;
    let headers = scene.sign_in().await;
    let id = id_in(&scene, &headers);

    // The process has asked, and is suspended. Meanwhile the session ends, and the mark is forgotten.
    let live = sessions.ask(&id, scene.clock.now()).await.unwrap().unwrap();
    let mut tx = sessions.0.db.begin().await.unwrap();
    sessions.end_all(&mut tx, scene.user_id).await.unwrap();
    tx.commit().await.unwrap();
    scene.clock.advance(Duration::seconds(300 + 120));
    sessions.sweep().await.unwrap();
    let next = start(&scene.db, &scene.keys, &scene.clock).await;
    assert_eq!(next.status().marks, 0);

    let late = planned(sessions, sessions.live_cookies(&live, &id));
    assert_eq!(next.check(&late), None);
}

#[tokio::test]
async fn a_snapshot_is_dated_when_the_authority_was_asked() {
    let scene = Scene::new().await;
    let sessions = &scene.sessions;
    let headers = scene.sign_in().await;
    let id = id_in(&scene, &headers);
    let live = sessions.ask(&id, scene.clock.now()).await.unwrap().unwrap();
    scene.clock.advance(Duration::seconds(200));
    let late = planned(sessions, sessions.live_cookies(&live, &id));
    scene.clock.advance(Duration::seconds(99));
    assert!(sessions.check(&late).is_some());
    scene.clock.advance(Duration::seconds(1));
    assert_eq!(sessions.check(&late), None);

    // A new id gets a date of its own: its session was read anew.
    let live = sessions.ask(&id, scene.clock.now()).await.unwrap().unwrap();
    let presented = Presented::Live(proof::Proof::Cookie(id), AuthSession::from(&live));
    let request = RequestAuth::new(sessions.clone(), Sender::default(), presented, Planned::default());
    let live = request.require().await.unwrap();
    scene.clock.advance(Duration::seconds(200));
    let tx = sessions.0.db.begin().await.unwrap();
    request.cycle(tx, live, false).await.unwrap();
    let cycled = sent(&request.take_planned());
    scene.clock.advance(Duration::seconds(299));
    assert!(sessions.check(&cycled).is_some());
    scene.clock.advance(Duration::seconds(1));
    assert_eq!(sessions.check(&cycled), None);
}
