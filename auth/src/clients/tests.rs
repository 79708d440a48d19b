//! Refresh tokens under random orders of events: a client and a thief, answers that are lost, two instances whose clocks
//! differ, requests at once.

use std::{collections::HashMap, sync::Arc};

use rand::{Rng, SeedableRng, rngs::StdRng};
use secrecy::{ExposeSecret, SecretSlice};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::Scope;

use super::{grants::Asked, refresh::RefreshToken, sessions::Granted, *};
use crate::{
    audit::History, client::Client, cookies::Cookies, database::TestDatabase, detached::Detached,
    limits::AddressLimits, session::Lifetimes,
};

const START: i64 = 1_800_000_000;
const GRACE: i64 = 30;
/// The id of the registered client.
const APP: &str = "app";

/// Two instances over one database. Their clocks differ by a few seconds.
struct Scene {
    instances: [Instance; 2],
    registration: Registration,
    user_id: Uuid,
    _database: TestDatabase,
}

struct Instance {
    clients: Clients,
    clock: Clock,
    db: Database,
}

fn secrets() -> Vec<SecretSlice<u8>> {
    vec![(0..32).collect::<Vec<u8>>().into()]
}

async fn instance(url: &str, ahead: i64) -> Instance {
    let db = Database::open_or_create(&url.to_owned().into()).await.unwrap();
    db.migrate().await.unwrap();
    let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(START + ahead).unwrap());
    let keys = Arc::new(KeyRing::new(&secrets()));
    let limits = Limits::new(clock.clone(), AddressLimits::default());
    let sessions = Sessions::new(
        db.clone(),
        None,
        Arc::clone(&keys),
        History::new(clock.clone()),
        Cookies::new(true),
        Lifetimes::default(),
        &Detached::default(),
    )
    .await;
    let shared = Shared {
        db: &db,
        clock: &clock,
        keys: &keys,
        limits: &limits,
        sessions: &sessions,
    };
    let lifetimes = ApiLifetimes {
        grace: GRACE,
        ..ApiLifetimes::default()
    };
    let clients = Clients::new(&shared, &secrets(), lifetimes, "https://app.example", false);
    Instance { clients, clock, db }
}

impl Scene {
    async fn new(ahead: i64) -> Self {
        let database = TestDatabase::new();
        let instances = [
            instance(&database.url(), 0).await,
            instance(&database.url(), ahead).await,
        ];
        let Instance { db, clock, .. } = &instances[0];
        let user_id = Uuid::now_v7();
        sqlx::query("INSERT INTO users (id, email, created_at, updated_at) VALUES ($1, $2, $3, $3)")
            .bind(user_id)
            .bind("ada@example.com")
            .bind(clock.now())
            .execute(db.write())
            .await
            .unwrap();
        let registry = ClientRegistry::at_command_line(db.clone(), clock.clone(), Lifetimes::default())
            .await
            .unwrap();
        let new = NewClient {
            name: "App".to_owned(),
            id: Some(APP.to_owned()),
            redirect_uris: vec!["https://client.example/cb".to_owned()],
            ..NewClient::default()
        };
        registry.add(new).await.unwrap();
        let registration = registry::find(db, APP).await.unwrap().unwrap();
        Self {
            instances,
            registration,
            user_id,
            _database: database,
        }
    }

    /// The first tokens of a new session.
    async fn sign_in(&self) -> Issued {
        let Instance { clients, db, .. } = &self.instances[0];
        let granted = Granted {
            registration: &self.registration,
            user_id: self.user_id,
            scope: self.registration.scopes,
            resource: None,
            client: &Client::default(),
        };
        let mut tx = db.begin().await.unwrap();
        assert!(
            clients
                .lock(&mut tx, self.user_id, &self.registration)
                .await
                .unwrap()
        );
        let token = clients.begin(&mut tx, &granted).await.unwrap();
        let issued = clients
            .first_tokens(&mut tx, &self.registration, &token, granted.scope, None)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        issued
    }

    async fn refresh(&self, at: usize, token: &str) -> Outcome<Issued> {
        let parameters = Parameters::parse(b"").unwrap();
        self.instances[at]
            .clients
            .refresh(
                &self.registration,
                token,
                &Asked::of(&parameters),
                &Client::default(),
            )
            .await
    }

    /// Uses an access token, and lets the use be recorded.
    async fn use_access(&self, at: usize, access: &str) -> bool {
        let clients = &self.instances[at].clients;
        let headers = http::HeaderMap::from_iter([(
            http::header::AUTHORIZATION,
            format!("Bearer {access}").parse().unwrap(),
        )]);
        let is_good = clients.bearing(&headers, &http::Extensions::new()).await.is_ok();
        clients.record_uses().await.unwrap();
        is_good
    }

    async fn sessions(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM sessions")
            .fetch_one(self.instances[0].db.read())
            .await
            .unwrap()
    }

    fn advance(&self, seconds: i64) {
        for instance in &self.instances {
            instance.clock.advance(Duration::seconds(seconds));
        }
    }
}

fn refresh_of(issued: &Issued) -> String {
    issued.refresh_token.as_ref().unwrap().expose_secret().to_owned()
}

/// What is known of the family from outside.
struct Model {
    /// The tokens in the order in which they were issued.
    tokens: Vec<String>,
    /// The access token that came last with each of them.
    access: HashMap<usize, String>,
    /// When each of them became the current one, by the clock of the instance that made it so.
    since: Vec<i64>,
    /// Whether the client has shown that it has the current one.
    confirmed: bool,
    /// Whether a copy has been used.
    copied: bool,
    alive: bool,
}

impl Model {
    fn current(&self) -> usize {
        self.tokens.len() - 1
    }

    /// What must come of a token: whether it is admitted.
    fn admits(&self, place: usize, now: i64) -> bool {
        let current = self.current();
        let is_repeat = place + 1 == current && (now - self.since[current] < GRACE || !self.confirmed);
        self.alive && (place == current || is_repeat)
    }
}

struct Run {
    scene: Scene,
    model: Model,
    random: StdRng,
}

impl Run {
    async fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let scene = Scene::new(random.gen_range(-5..=5)).await;
        let first = scene.sign_in().await;
        let model = Model {
            tokens: vec![refresh_of(&first)],
            access: HashMap::from([(0, first.access_token.expose_secret().to_owned())]),
            since: vec![START],
            confirmed: true,
            copied: false,
            alive: true,
        };
        Self { scene, model, random }
    }

    /// Presents one of the tokens, and compares what comes of it. Returns the place of the token that was received.
    async fn present(&mut self, place: usize) -> Option<usize> {
        let at = self.random.gen_range(0..2);
        let now = self.scene.instances[at].clock.unix();
        let is_admitted = self.model.admits(place, now);
        let outcome = self.scene.refresh(at, &self.model.tokens[place]).await;
        assert_eq!(
            outcome.is_ok(),
            is_admitted,
            "token {place} of {}",
            self.model.tokens.len()
        );
        let Ok(issued) = outcome else {
            // Presented by whoever: it ended the session if that was alive.
            self.model.alive = false;
            assert_eq!(self.scene.sessions().await, 0);
            return None;
        };
        Some(self.received(place, &issued, now))
    }

    /// A successor is the only one that its predecessor ever gets.
    fn received(&mut self, place: usize, issued: &Issued, now: i64) -> usize {
        let next = refresh_of(issued);
        if place == self.model.current() {
            assert!(!self.model.tokens.contains(&next));
            self.model.tokens.push(next);
            self.model.since.push(now);
            self.model.confirmed = false;
        } else {
            assert_eq!(
                self.model.tokens[place + 1],
                next,
                "two successors of token {place}"
            );
        }
        self.model
            .access
            .insert(place + 1, issued.access_token.expose_secret().to_owned());
        place + 1
    }

    /// Uses the access token that came with a refresh token.
    async fn use_access(&mut self, place: usize) {
        let at = self.random.gen_range(0..2);
        let access = self.model.access[&place].clone();
        let is_good = self.scene.use_access(at, &access).await;
        assert!(
            self.model.alive || !is_good,
            "an access token outlived its session"
        );
        if is_good && place == self.model.current() && place > 0 {
            self.model.confirmed = true;
        }
    }

    /// Two requests at once with one token, at two instances.
    async fn present_twice(&mut self, place: usize) -> Option<usize> {
        let now = self
            .scene
            .instances
            .each_ref()
            .map(|instance| instance.clock.unix());
        if !now.iter().all(|now| self.model.admits(place, *now)) {
            return self.present(place).await;
        }
        let token = self.model.tokens[place].clone();
        let (one, two) = tokio::join!(self.scene.refresh(0, &token), self.scene.refresh(1, &token));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(
            refresh_of(&one),
            refresh_of(&two),
            "two successors of token {place}"
        );
        // Either clock may have written the time.
        Some(self.received(place, &one, now[0].max(now[1])))
    }
}

/// The client alone, however answers are lost, requests are doubled and time passes: it is never signed out.
#[tokio::test]
async fn a_client_alone_is_never_signed_out() {
    for seed in 0..12 {
        let mut run = Run::new(seed).await;
        let mut held = 0;
        for _ in 0..30 {
            match run.random.gen_range(0..6) {
                0 | 1 => held = run.present(held).await.expect("the client was signed out"),
                // The answer is lost.
                2 => drop(run.present(held).await.expect("the client was signed out")),
                3 => held = run.present_twice(held).await.expect("the client was signed out"),
                4 => run.use_access(held).await,
                _ => {
                    let seconds = run.random.gen_range(0..4000);
                    run.scene.advance(seconds);
                }
            }
        }
        assert_eq!(run.scene.sessions().await, 1);
    }
}

/// A client, and a thief who copies what it holds now and then: every token is admitted or ends the session exactly as the
/// rules have it, and in the end the session is over if both go on.
#[tokio::test]
async fn a_copy_ends_the_session_and_nothing_else_does() {
    for seed in 100..124 {
        let mut run = Run::new(seed).await;
        let (mut held, mut stolen) = (0, None);
        for _ in 0..40 {
            if !run.model.alive {
                break;
            }
            match run.random.gen_range(0..9) {
                0 | 1 => held = run.present(held).await.unwrap_or(held),
                2 => drop(run.present(held).await),
                3 | 4 => run.use_access(held).await,
                5 => stolen = Some(held),
                6 | 7 => {
                    if let Some(place) = stolen {
                        run.model.copied = true;
                        stolen = Some(run.present(place).await.unwrap_or(place));
                    }
                }
                _ => {
                    let seconds = run.random.gen_range(0..2 * GRACE);
                    run.scene.advance(seconds);
                }
            }
            assert!(run.model.alive || run.model.copied, "signed out without a copy");
        }
        // Both go on.
        let mut thief = stolen.unwrap_or(held);
        for _ in 0..3 {
            for place in [&mut held, &mut thief] {
                if run.model.alive {
                    *place = run.present(*place).await.unwrap_or(*place);
                }
                if run.model.alive {
                    run.use_access(*place).await;
                    run.scene.advance(GRACE + 20);
                }
            }
        }
        assert!(!run.model.alive, "seed {seed}: the copy was not noticed");
    }
}

/// Whoever has the whole database, but no token, can use none of it.
#[tokio::test]
async fn the_database_alone_leads_to_no_token() {
    let scene = Scene::new(0).await;
    let first = scene.sign_in().await;
    let second = scene.refresh(0, &refresh_of(&first)).await.unwrap();
    let (id, key_hash, prev_hash, salt): (Uuid, Vec<u8>, Vec<u8>, Vec<u8>) =
        sqlx::query_as("SELECT id, key_hash, prev_hash, salt FROM sessions")
            .fetch_one(scene.instances[0].db.read())
            .await
            .unwrap();
    let current = refresh_of(&second);
    for stored in [&key_hash, &prev_hash, &salt] {
        let forged = format!("sar_{}{}{}", id.simple(), hex::encode(stored), &current[4 + 96..]);
        assert_eq!(scene.refresh(0, &forged).await.err(), Some(Refusal::InvalidGrant));
    }
    // None of these forgeries has ended the session, whose id is no secret.
    scene.refresh(1, &current).await.unwrap();
}

/// With the key ring lost, tokens are still good, and only what was replaced long ago is no longer recognised.
#[tokio::test]
async fn a_lost_key_signs_no_client_out() {
    let scene = Scene::new(0).await;
    let first = scene.sign_in().await;
    let other = KeyRing::new(&[(7..39).collect::<Vec<u8>>().into()]);
    let (token, is_ours) =
        RefreshToken::read(&refresh_of(&first), &scene.instances[0].clients.0.keys).unwrap();
    assert!(is_ours);
    let resealed = token.text(&other);
    assert!(scene.refresh(0, resealed.expose_secret()).await.is_ok());
}

/// An instance that may have missed a mark asks the authority about tokens and keys, and accepts what it confirms.
#[tokio::test]
async fn without_a_current_feed_the_authority_decides_about_tokens_and_keys() {
    let scene = Scene::new(0).await;
    let access = scene.sign_in().await.access_token;
    let (key, hash) = formats::Kind::Key.mint();
    let Instance { db, clock, .. } = &scene.instances[0];
    let mut tx = db.begin().await.unwrap();
    let end = clock.now() + Duration::days(1);
    let row = sessions::NewRow {
        session_id: Uuid::now_v7(),
        user_id: scene.user_id,
        key_hash: hash,
        client_id: None,
        name: Some("key"),
        scope: Scope::Profile.into(),
        resource: None,
        idle_expires_at: end,
        expires_at: end,
        client: &Client::default(),
    };
    row.insert(&mut tx, clock.now()).await.unwrap();
    tx.commit().await.unwrap();

    let secrets = [access.expose_secret(), key.expose_secret()];
    let are_good = async |at: usize| {
        let mut good = Vec::new();
        for secret in secrets {
            good.push(scene.use_access(at, secret).await);
        }
        good
    };
    // Both instances know the key.
    assert_eq!([are_good(0).await, are_good(1).await].concat(), [true; 4]);
    let there = &scene.instances[1].clients.0.sessions;
    there.hang_feed();
    // Until its last proof is too old, its marks are complete.
    while there.feed_is_current() {
        tokio::task::yield_now().await;
    }
    assert_eq!(are_good(1).await, [true; 2]);
    // As if a mark were missing.
    sqlx::query("DELETE FROM sessions")
        .execute(db.write())
        .await
        .unwrap();
    assert_eq!(are_good(0).await, [true; 2], "nothing has voided them here");
    assert_eq!(are_good(1).await, [false; 2]);
}
