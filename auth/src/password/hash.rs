//! Argon2id off the async threads, a few passwords at a time.

use std::{net::IpAddr, sync::Arc, thread};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash as Phc, PasswordHasher, PasswordVerifier, Version,
    password_hash::{SaltString, rand_core::OsRng},
};
use rayon::{ThreadPool, ThreadPoolBuilder};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

use super::opaque::{MAX_BYTES, Password};
use crate::{
    client::block,
    error::{Error, Result},
    limits::{AddressLimits, Attempt},
    shares::Shares,
};

/// OWASP's minimum: memory in KiB, passes, lanes.
const MEMORY: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// A stored hash that asks for more than this is not computed: it could be used to exhaust memory.
const MAX_STORED_MEMORY: u32 = 262_144;
/// The niceness (0 to 19) of the hashing threads. All cores hash when there is nothing else to do, and other
/// requests are answered as fast as if they did not. A niceness of 19 would be no quicker, and another program that
/// keeps the cores busy could stop sign-ins altogether.
const NICENESS: i32 = 10;
/// The most sign-ins that may wait for a hash. Further ones are refused (503) rather than kept waiting.
const QUEUE: usize = 64;
/// The most of these for one address (a /48 of IPv6). The rest is for all others.
const QUEUE_OF_ADDRESS: u32 = 16;

/// A password's hash, as a PHC string. Its Debug shows nothing.
#[derive(Clone)]
pub struct PasswordHash(SecretString);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

impl PasswordHash {
    /// Wraps a hash as it was stored.
    pub fn stored(phc: String) -> Self {
        Self(phc.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether today's parameters are stronger than those of this hash.
    pub fn is_outdated(&self) -> bool {
        Phc::new(self.as_str()).is_ok_and(|phc| {
            phc.algorithm != Algorithm::Argon2id.ident()
                || Params::try_from(&phc)
                    .is_ok_and(|p| p.m_cost() < MEMORY || (p.m_cost() == MEMORY && p.t_cost() < PASSES))
        })
    }
}

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Passwords(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) min_length: usize,
    /// The application's host: attackers guess its name first.
    pub(super) host: String,
    /// Not the runtime's blocking threads: the niceness of these is lowered for good, and those also serve files.
    threads: ThreadPool,
    /// The places in the queue. Each is given back when its hash is done.
    places: Shares<IpAddr>,
}

/// The attempts that one check of a password counts as. They travel with the check. If it never begins they are
/// given back. If it does, its outcome settles them, even if the caller has left.
#[derive(Debug, Default)]
pub struct Attempts {
    /// Attempts that count if the password is checked.
    pub checks: Vec<Attempt>,
    /// Attempts that count if it is checked and wrong.
    pub failures: Vec<Attempt>,
}

impl Attempts {
    fn settle(self, is_right: bool) {
        self.checks.into_iter().for_each(Attempt::counts);
        let settle = if is_right {
            Attempt::succeeded
        } else {
            Attempt::counts
        };
        self.failures.into_iter().for_each(settle);
    }
}

/// The outcome of checking a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The password is a different one, or none is set.
    Wrong,
    /// The password is right.
    Right,
    /// The password is right, by a hash of what was typed rather than of [`Password`]'s form. Old hashes are like
    /// this.
    RightAsTyped,
}

impl Passwords {
    /// Creates a service for the application at this host, which requires `min_length` characters and hashes as
    /// many passwords at once as there are cores.
    ///
    /// # Panics
    /// If the system cannot create threads.
    pub fn new(min_length: usize, host: &str, address_limits: AddressLimits) -> Self {
        let threads = ThreadPoolBuilder::new()
            .num_threads(thread::available_parallelism().map_or(1, usize::from))
            .thread_name(|n| format!("password-{n}"))
            .start_handler(|_| stand_back())
            // The panic is already logged, and the caller gets an error from the closed channel.
            .panic_handler(drop)
            .build()
            .expect("there are threads at the start");
        Self(Arc::new(Inner {
            min_length,
            host: host.to_owned(),
            threads,
            places: Shares::new(QUEUE, address_limits.times(QUEUE_OF_ADDRESS) as usize),
        }))
    }

    /// Hashes a password with today's parameters. The attempt counts once hashing begins.
    ///
    /// # Errors
    /// [`Error::Busy`]
    pub async fn hash(
        &self,
        password: Password,
        from: IpAddr,
        attempt: Option<Attempt>,
    ) -> Result<PasswordHash> {
        self.work(from, move || {
            attempt.into_iter().for_each(Attempt::counts);
            hash(&password.into_secret())
        })
        .await?
    }

    /// Whether the password matches the hash. Without a hash (no such user, no password) the same work is done, so
    /// that the time reveals nothing.
    ///
    /// # Errors
    /// [`Error::Busy`]
    pub async fn verify(
        &self,
        typed: &SecretString,
        stored: Option<PasswordHash>,
        from: IpAddr,
        attempts: Attempts,
    ) -> Result<Checked> {
        let forms = forms(typed);
        self.work(from, move || {
            let exists = stored.is_some();
            let stored = stored.unwrap_or_else(nobodys);
            let found = forms
                .iter()
                .find(|(form, _)| verify(form, &stored) && exists)
                .map_or(Checked::Wrong, |(_, found)| *found);
            attempts.settle(found != Checked::Wrong);
            found
        })
        .await
    }

    /// Runs one hash when its turn comes. The place is held until the hash finishes, even if the caller is dropped, so
    /// that cancelled requests cannot overfill the queue. Jobs whose caller left before they started are skipped.
    async fn work<T: Send + 'static>(
        &self,
        from: IpAddr,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let place = self.0.places.take(block(from, 48), 1).ok_or(Error::Busy)?;
        let (answer, answered) = oneshot::channel();
        self.0.threads.spawn(move || {
            if !answer.is_closed() {
                drop(answer.send(job()));
            }
            drop(place);
        });
        answered.await.map_err(Error::internal)
    }
}

/// The forms to compare with a stored hash, each with the result if it matches. What was typed is compared as well
/// if it differs, since hashes were once computed from that. The number of forms depends only on what was typed.
fn forms(typed: &SecretString) -> Vec<(SecretString, Checked)> {
    // No stored password is longer than this, but the work must be the same as for any other.
    if typed.expose_secret().len() > MAX_BYTES {
        return vec![(SecretString::from(""), Checked::Wrong)];
    }
    let as_typed = (typed.clone(), Checked::RightAsTyped);
    match Password::new(typed) {
        Ok(password) if password.as_str() == typed.expose_secret() => vec![(typed.clone(), Checked::Right)],
        Ok(password) => vec![(password.into_secret(), Checked::Right), as_typed],
        Err(_) => vec![as_typed],
    }
}

/// Lowers this thread's priority below that of all others. Does nothing where niceness applies to the whole
/// process.
pub(crate) fn stand_back() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        // The whole process may have been started with a higher niceness.
        let further = |own: i32| setpriority_process(None, own.max(NICENESS));
        if let Err(errno) = getpriority_process(None).and_then(further) {
            tracing::debug!(%errno, "a hashing thread could not lower its priority");
        }
    }
}

/// The hash to verify when there is no real one. The work depends on the parameters, which are today's, and not on
/// the salt and hash. So no hash has to be computed first, which would double the time of the first request.
fn nobodys() -> PasswordHash {
    let version = u32::from(Version::V0x13);
    let (salt, hash) = ("A".repeat(22), "A".repeat(43));
    PasswordHash::stored(format!(
        "$argon2id$v={version}$m={MEMORY},t={PASSES},p={LANES}${salt}${hash}"
    ))
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY, PASSES, LANES, None).expect("the parameters are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &SecretString) -> Result<PasswordHash> {
    let salt = SaltString::generate(&mut OsRng);
    argon2()
        .hash_password(password.expose_secret().as_bytes(), &salt)
        .map(|phc| PasswordHash(phc.to_string().into()))
        .map_err(|error| Error::internal(error.to_string()))
}

fn verify(password: &SecretString, stored: &PasswordHash) -> bool {
    let Ok(phc) = Phc::new(stored.as_str()) else {
        tracing::error!("a stored password hash cannot be read");
        return false;
    };
    if Params::try_from(&phc).is_ok_and(|params| params.m_cost() > MAX_STORED_MEMORY) {
        tracing::error!("a stored password hash asks for too much memory");
        return false;
    }
    argon2()
        .verify_password(password.expose_secret().as_bytes(), &phc)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shares::Share;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn secret(text: &str) -> SecretString {
        text.into()
    }

    /// Takes all places of the queue, if all are free.
    fn fill(passwords: &Passwords) -> Option<Vec<Share<IpAddr>>> {
        let shares = QUEUE / QUEUE_OF_ADDRESS as usize;
        (0..shares as u8)
            .map(|n| passwords.0.places.take([198, 51, 100, n].into(), QUEUE / shares))
            .collect()
    }

    fn service() -> Passwords {
        Passwords::new(15, "app.example", AddressLimits::default())
    }

    impl Passwords {
        async fn hashed(&self, text: &str) -> Result<PasswordHash> {
            self.hash(Password::new(&secret(text)).unwrap(), HERE, None).await
        }

        async fn checked(&self, text: &str, stored: Option<&PasswordHash>) -> Checked {
            self.verify(&secret(text), stored.cloned(), HERE, Attempts::default())
                .await
                .unwrap()
        }
    }

    #[tokio::test]
    async fn a_hash_verifies_exactly_its_password() {
        let passwords = service();
        let long = "x".repeat(99);
        let stored = passwords.hashed(&format!("{long}1")).await.unwrap();
        assert!(stored.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(!stored.is_outdated());
        assert_eq!(
            passwords.checked(&format!("{long}1"), Some(&stored)).await,
            Checked::Right
        );
        for wrong in [
            format!("{long}2"),
            format!("{long}1 "),
            long.clone(),
            format!("{}1", long.to_uppercase()),
            "x".repeat(5000),
        ] {
            assert_eq!(
                passwords.checked(&wrong, Some(&stored)).await,
                Checked::Wrong,
                "{wrong}"
            );
        }
        assert_eq!(passwords.checked("nobody's password", None).await, Checked::Wrong);
    }

    #[test]
    fn the_hash_for_unknown_users_takes_the_work_of_a_real_one() {
        let (nobodys, real) = (nobodys(), hash(&secret("x")).unwrap());
        let shape = |stored: &PasswordHash| {
            let phc = Phc::new(stored.as_str()).unwrap();
            let params = Params::try_from(&phc).unwrap();
            let salt = phc.salt.unwrap().as_str().len();
            let output = phc.hash.unwrap().len();
            (phc.algorithm.to_string(), phc.version, params, salt, output)
        };
        assert_eq!(shape(&nobodys), shape(&real));
        // It was computed, and the result differed.
        let outcome = argon2().verify_password(b"x", &Phc::new(nobodys.as_str()).unwrap());
        assert_eq!(outcome, Err(argon2::password_hash::Error::Password));
    }

    #[tokio::test]
    async fn a_hash_is_of_the_form_and_one_of_what_was_typed_still_counts() {
        let passwords = service();
        let (composed, decomposed) = ("caf\u{e9} au lait\u{a0}x", "cafe\u{301} au lait x");
        for (made, typed) in [(composed, decomposed), (decomposed, composed)] {
            let stored = passwords.hashed(made).await.unwrap();
            for text in [made, typed] {
                assert_eq!(
                    passwords.checked(text, Some(&stored)).await,
                    Checked::Right,
                    "{text:?}"
                );
            }
            let raw = hash(&secret(made)).unwrap();
            assert_eq!(
                passwords.checked(made, Some(&raw)).await,
                Checked::RightAsTyped,
                "{made:?}"
            );
        }
        // Passwords that are refused today were accepted before.
        let old = hash(&secret("zero\u{200b}width")).unwrap();
        assert_eq!(
            passwords.checked("zero\u{200b}width", Some(&old)).await,
            Checked::RightAsTyped
        );
        assert_eq!(passwords.checked("zerowidth", Some(&old)).await, Checked::Wrong);
    }

    #[test]
    fn the_work_depends_on_what_was_typed_alone() {
        for (typed, hashes) in [
            ("plain", 1),
            ("caf\u{e9}", 1),
            ("cafe\u{301}", 2),
            ("a\u{3000}b", 2),
            ("a\0", 1),
        ] {
            assert_eq!(forms(&secret(typed)).len(), hashes, "{typed:?}");
        }
    }

    #[tokio::test]
    async fn foreign_and_greedy_hashes_fail_closed() {
        let passwords = service();
        for phc in [
            "",
            "garbage",
            "$2b$12$abcdefghijklmnopqrstuv",
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$",
            "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g",
        ] {
            let stored = PasswordHash::stored(phc.into());
            assert_eq!(passwords.checked("x", Some(&stored)).await, Checked::Wrong);
        }
    }

    #[test]
    fn weaker_parameters_are_outdated() {
        let weak =
            "$argon2id$v=19$m=4096,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
        assert!(PasswordHash::stored(weak.into()).is_outdated());
    }

    #[tokio::test]
    async fn a_cancelled_caller_frees_no_room_early_and_is_not_hashed_for() {
        let passwords = service();
        let (started, has_started) = std::sync::mpsc::channel();
        let mut running = Vec::new();
        for _ in 0..passwords.0.threads.current_num_threads() {
            let (go_on, wait) = std::sync::mpsc::channel::<()>();
            let started = started.clone();
            let mut left = Box::pin(passwords.work(HERE, move || {
                started.send(()).unwrap();
                let _ = wait.recv();
            }));
            assert!(futures_util::poll!(&mut left).is_pending());
            has_started.recv().unwrap();
            running.push(go_on);
        }
        // The callers have all gone. Their hashes are still running, and the next two wait.
        let (hashed, hashes) = std::sync::mpsc::channel();
        let also = hashed.clone();
        let mut gone = Box::pin(passwords.work(HERE, move || hashed.send("gone").unwrap()));
        let mut stays = Box::pin(passwords.work(HERE, move || also.send("stays").unwrap()));
        assert!(futures_util::poll!(&mut gone).is_pending());
        assert!(futures_util::poll!(&mut stays).is_pending());
        assert_eq!(passwords.0.places.in_use().0, running.len() + 2);
        drop(gone);
        drop(running);
        stays.await.unwrap();
        assert_eq!(hashes.iter().collect::<Vec<_>>(), ["stays"]);
    }

    #[tokio::test]
    async fn a_hash_that_panics_takes_no_thread_and_no_place_with_it() {
        let passwords = service();
        for _ in 0..=QUEUE {
            let panics = passwords.work(HERE, || panic!("a test's")).await;
            assert!(matches!(panics, Err(Error::Internal(_))), "{panics:?}");
        }
        assert!(passwords.hashed("x").await.is_ok());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_the_threads_that_hash_stand_back() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let own = niceness();
        let hashing = service().work(HERE, niceness).await.unwrap();
        assert_eq!(hashing, NICENESS.max(own));
        assert_eq!(niceness(), own);
    }

    #[tokio::test]
    async fn the_queue_is_bounded() {
        let passwords = service();
        let places = fill(&passwords).unwrap();
        assert!(matches!(passwords.hashed("x").await, Err(Error::Busy)));
        drop(places);
        assert!(passwords.hashed("x").await.is_ok());
    }

    #[tokio::test]
    async fn one_address_has_a_part_of_the_queue() {
        let passwords = service();
        let place = |from: &str| {
            let from = block(from.parse().unwrap(), 48);
            passwords.0.places.take(from, 1)
        };
        let mut held: Vec<_> = (0..QUEUE_OF_ADDRESS)
            .map(|_| place("192.0.2.1").unwrap())
            .collect();
        assert!(place("::ffff:192.0.2.1").is_none());
        assert!(matches!(passwords.hashed("x").await, Err(Error::Busy)));
        held.extend((0..QUEUE_OF_ADDRESS).map(|n| place(&format!("2001:db8:0:{n:x}::1")).unwrap()));
        assert!(place("2001:db8:0:ffff::1").is_none());
        held.push(place("192.0.2.2").unwrap());
        drop(held);
        assert_eq!(passwords.0.places.in_use(), (0, 0));
        assert!(passwords.hashed("x").await.is_ok());
    }

    #[tokio::test]
    async fn only_a_password_that_was_checked_and_wrong_counts() {
        use crate::{
            clock::Clock,
            limits::{Action, Limits, Subject},
        };
        let passwords = service();
        let limits = Limits::new(
            Clock::manual(time::OffsetDateTime::UNIX_EPOCH),
            AddressLimits::default(),
        );
        let ada = Subject::Email("ada@example.com".to_owned());
        let stored = passwords.hashed("right").await.unwrap();
        let attempts = || Attempts {
            checks: vec![limits.attempt(Action::Confirm, &ada).unwrap()],
            failures: vec![limits.attempt(Action::SignInAccount, &ada).unwrap()],
        };
        let left = |action: Action| {
            let taken: Vec<_> = (0..100)
                .map_while(|_| limits.attempt(action, &ada).ok())
                .collect();
            taken.len()
        };
        let check = async |text: &str| {
            let text = secret(text);
            passwords
                .verify(&text, Some(stored.clone()), HERE, attempts())
                .await
        };
        // A hash's place is given back a moment after its result.
        let places = loop {
            match fill(&passwords) {
                Some(places) => break places,
                None => tokio::task::yield_now().await,
            }
        };
        assert!(matches!(check("wrong").await, Err(Error::Busy)));
        drop(places);
        assert_eq!((left(Action::Confirm), left(Action::SignInAccount)), (10, 5));
        assert_eq!(check("right").await.unwrap(), Checked::Right);
        assert_eq!((left(Action::Confirm), left(Action::SignInAccount)), (9, 5));
        assert_eq!(check("wrong").await.unwrap(), Checked::Wrong);
        assert_eq!((left(Action::Confirm), left(Action::SignInAccount)), (8, 4));
        // A caller who leaves before the hash begins has learned nothing, so the attempt is given back. A caller
        // who leaves while it runs has guessed, so it counts.
        let (started, has_started) = std::sync::mpsc::channel();
        let mut busy = Vec::new();
        for _ in 0..passwords.0.threads.current_num_threads() {
            let (go_on, wait) = std::sync::mpsc::channel::<()>();
            let started = started.clone();
            let mut running = Box::pin(passwords.work(HERE, move || {
                started.send(()).unwrap();
                let _ = wait.recv();
            }));
            assert!(futures_util::poll!(&mut running).is_pending());
            has_started.recv().unwrap();
            busy.push((go_on, running));
        }
        let mut gone = Box::pin(check("wrong"));
        assert!(futures_util::poll!(&mut gone).is_pending());
        assert_eq!(left(Action::SignInAccount), 3);
        drop(gone);
        drop(busy);
        passwords.hashed("x").await.unwrap();
        assert_eq!((left(Action::Confirm), left(Action::SignInAccount)), (8, 4));
    }
}
