//! Passwords: what makes one acceptable, and Argon2id off the async threads, a few at a time.

use std::{
    sync::{Arc, LazyLock},
    thread,
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash as Phc, PasswordHasher, PasswordVerifier, Version,
    password_hash::{SaltString, rand_core::OsRng},
};
use rayon::{ThreadPool, ThreadPoolBuilder};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, oneshot};

use crate::{
    blocklist,
    email::Email,
    error::{Error, Result},
};

/// OWASP's floor: memory in KiB, passes, lanes.
const MEMORY: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// A stored hash asking for more than this is not computed: it would be a way to exhaust memory.
const MAX_STORED_MEMORY: u32 = 262_144;
/// How far the threads that hash stand back, by Unix's measure of niceness (0 to 19). All cores hash when
/// there is nothing else to do, and another request is answered as if they did not. Further back (19) it
/// would be no quicker, and another program that keeps the cores busy could stop sign-ins altogether.
const NICENESS: i32 = 10;
/// Sign-ins that may wait for a hash; more are turned away (503) rather than kept waiting.
const QUEUE: usize = 64;

/// The longest password, in characters and in bytes. Longer ones are refused, never cut.
pub const MAX_CHARS: usize = 256;
const MAX_BYTES: usize = 1024;
/// The least a configuration may ask for.
pub const MIN_LENGTH_FLOOR: usize = 8;

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    /// Fewer characters than the policy asks for.
    #[error("too short")]
    TooShort,
    /// More than [`MAX_CHARS`].
    #[error("too long")]
    TooLong,
    /// On the blocklist, a plain pattern, or the person's own address.
    #[error("too easy to guess")]
    TooCommon,
    /// Contains a control character.
    #[error("contains a control character")]
    Control,
}

/// A password's hash, as a PHC string. Its Debug shows nothing.
#[derive(Clone)]
pub struct PasswordHash(SecretString);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

impl PasswordHash {
    /// A hash as it was stored.
    pub fn stored(phc: String) -> Self {
        Self(phc.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether today's parameters are stronger than this hash's.
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
pub struct Passwords(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    min_length: usize,
    /// Not the runtime's blocking threads: these stand back for good, and those serve files, too.
    threads: ThreadPool,
    /// The places in the queue, each given back when its hash is done.
    places: Arc<Semaphore>,
}

impl Passwords {
    /// A service that asks for `min_length` characters and hashes as many passwords at once as there are cores.
    ///
    /// # Panics
    /// If the system has no threads to give.
    pub fn new(min_length: usize) -> Self {
        let threads = ThreadPoolBuilder::new()
            .num_threads(thread::available_parallelism().map_or(1, usize::from))
            .thread_name(|n| format!("password-{n}"))
            .start_handler(|_| stand_back())
            // Its words are in the log by then, and who waits is told.
            .panic_handler(drop)
            .build()
            .expect("there are threads at the start");
        Self(Arc::new(Inner {
            min_length,
            threads,
            places: Arc::new(Semaphore::new(QUEUE)),
        }))
    }

    /// The least number of characters.
    pub fn min_length(&self) -> usize {
        self.0.min_length
    }

    /// Judges a new password. There are no composition rules: length and not being guessable is all.
    ///
    /// # Errors
    /// A [`PasswordProblem`].
    pub fn judge(
        &self,
        password: &SecretString,
        email: Option<&Email>,
    ) -> std::result::Result<(), PasswordProblem> {
        let text = password.expose_secret();
        // Bytes first: cheap, and it bounds everything after it.
        if text.len() > MAX_BYTES || text.chars().count() > MAX_CHARS {
            return Err(PasswordProblem::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(PasswordProblem::Control);
        }
        if text.chars().count() < self.0.min_length {
            return Err(PasswordProblem::TooShort);
        }
        if blocklist::guessable(text, email) {
            return Err(PasswordProblem::TooCommon);
        }
        Ok(())
    }

    /// Hashes a password with today's parameters.
    ///
    /// # Errors
    /// [`Error::Busy`]
    pub async fn hash(&self, password: &SecretString) -> Result<PasswordHash> {
        let password = password.clone();
        self.work(move || hash(&password)).await?
    }

    /// Whether the password is the one behind the hash. Without a hash (no such user, no password) the
    /// same work is done, so that time tells nothing.
    ///
    /// # Errors
    /// [`Error::Busy`]
    pub async fn verify(&self, password: &SecretString, stored: Option<PasswordHash>) -> Result<bool> {
        // No stored password is longer, but the work is the same as for any other.
        let too_long = password.expose_secret().len() > MAX_BYTES;
        let password = if too_long {
            SecretString::from("")
        } else {
            password.clone()
        };
        self.work(move || {
            let exists = stored.is_some();
            let stored = stored.unwrap_or_else(|| DUMMY.clone());
            verify(&password, &stored) && exists && !too_long
        })
        .await
    }

    /// Runs one hash when its turn comes. The turn ends with the hash, not with the wait for it: who goes away
    /// does not make room for one more. Whoever has gone before their turn is passed over.
    async fn work<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let places = Arc::clone(&self.0.places);
        let place = places.try_acquire_owned().map_err(|_| Error::Busy)?;
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

/// Lets every other thread go first. Where niceness is the whole process's, nothing is done.
fn stand_back() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        // Somebody may have started the whole process further back.
        let further = |own: i32| setpriority_process(None, own.max(NICENESS));
        if let Err(errno) = getpriority_process(None).and_then(further) {
            tracing::debug!(%errno, "a thread cannot stand back");
        }
    }
}

/// What is verified where there is nothing to verify, made with today's parameters at first use.
static DUMMY: LazyLock<PasswordHash> = LazyLock::new(|| {
    hash(&SecretString::from("nobody's password")).expect("hashing fails only without memory")
});

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

    fn secret(text: &str) -> SecretString {
        text.into()
    }

    #[tokio::test]
    async fn a_hash_verifies_exactly_its_password() {
        let passwords = Passwords::new(15);
        let long = "x".repeat(99);
        let stored = passwords.hash(&secret(&format!("{long}1"))).await.unwrap();
        assert!(stored.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(!stored.is_outdated());
        assert!(
            passwords
                .verify(&secret(&format!("{long}1")), Some(stored.clone()))
                .await
                .unwrap()
        );
        for wrong in [
            format!("{long}2"),
            format!("{long}1 "),
            long.clone(),
            format!("{}1", long.to_uppercase()),
        ] {
            assert!(
                !passwords
                    .verify(&secret(&wrong), Some(stored.clone()))
                    .await
                    .unwrap()
            );
        }
        assert!(
            !passwords
                .verify(&secret("nobody's password"), None)
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn foreign_and_greedy_hashes_fail_closed() {
        let passwords = Passwords::new(15);
        for phc in [
            "",
            "garbage",
            "$2b$12$abcdefghijklmnopqrstuv",
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$",
            "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g",
        ] {
            assert!(
                !passwords
                    .verify(&secret("x"), Some(PasswordHash::stored(phc.into())))
                    .await
                    .unwrap()
            );
        }
    }

    #[test]
    fn weaker_parameters_are_outdated() {
        let weak =
            "$argon2id$v=19$m=4096,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
        assert!(PasswordHash::stored(weak.into()).is_outdated());
    }

    #[test]
    fn lengths_are_judged_at_their_boundaries() {
        let passwords = Passwords::new(15);
        let judge = |text: &str| passwords.judge(&secret(text), None);
        assert_eq!(judge("dz3 kq9 vb7 xw"), Err(PasswordProblem::TooShort));
        assert_eq!(judge("dz3 kq9 vb7 xw1"), Ok(()));
        let emoji = ["\u{1f511}", "\u{1f40e}", "\u{1f50b}", "\u{1f4ce}"].concat();
        assert_eq!(judge(&emoji.repeat(3)), Err(PasswordProblem::TooShort));
        let varied: String = (0u32..256)
            .map(|i| char::from(b'!' + (i * 7 % 90) as u8))
            .collect();
        assert_eq!(judge(&varied), Ok(()));
        assert_eq!(judge(&format!("{varied}x")), Err(PasswordProblem::TooLong));
        assert_eq!(judge("dz3 kq9\0vb7 xw1"), Err(PasswordProblem::Control));
    }

    #[tokio::test]
    async fn who_goes_away_neither_makes_room_for_another_hash_nor_is_hashed_for() {
        let passwords = Passwords::new(15);
        let (started, has_started) = std::sync::mpsc::channel();
        let mut running = Vec::new();
        for _ in 0..passwords.0.threads.current_num_threads() {
            let (go_on, wait) = std::sync::mpsc::channel::<()>();
            let started = started.clone();
            let mut left = Box::pin(passwords.work(move || {
                started.send(()).unwrap();
                let _ = wait.recv();
            }));
            assert!(futures_util::poll!(&mut left).is_pending());
            has_started.recv().unwrap();
            running.push(go_on);
        }
        // They have all gone; their hashes have not, and the next two wait.
        let (hashed, hashes) = std::sync::mpsc::channel();
        let also = hashed.clone();
        let mut gone = Box::pin(passwords.work(move || hashed.send("gone").unwrap()));
        let mut stays = Box::pin(passwords.work(move || also.send("stays").unwrap()));
        assert!(futures_util::poll!(&mut gone).is_pending());
        assert!(futures_util::poll!(&mut stays).is_pending());
        assert_eq!(QUEUE - passwords.0.places.available_permits(), running.len() + 2);
        drop(gone);
        drop(running);
        stays.await.unwrap();
        assert_eq!(hashes.iter().collect::<Vec<_>>(), ["stays"]);
    }

    #[tokio::test]
    async fn a_hash_that_panics_takes_no_thread_and_no_place_with_it() {
        let passwords = Passwords::new(15);
        for _ in 0..=QUEUE {
            let panics = passwords.work(|| panic!("a test's")).await;
            assert!(matches!(panics, Err(Error::Internal(_))), "{panics:?}");
        }
        assert!(passwords.hash(&secret("x")).await.is_ok());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_the_threads_that_hash_stand_back() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let own = niceness();
        let hashing = Passwords::new(15).work(niceness).await.unwrap();
        assert_eq!(hashing, NICENESS.max(own));
        assert_eq!(niceness(), own);
    }

    #[tokio::test]
    async fn the_queue_is_bounded() {
        let passwords = Passwords::new(15);
        let all = u32::try_from(QUEUE).unwrap();
        let places = passwords.0.places.try_acquire_many(all).unwrap();
        assert!(matches!(passwords.hash(&secret("x")).await, Err(Error::Busy)));
        drop(places);
        assert!(passwords.hash(&secret("x")).await.is_ok());
    }
}
