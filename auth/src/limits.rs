//! Limits of attempts, in memory: a window per key, counted before the work is done.
//!
//! An account backs off if its password is guessed at repeatedly: each time its window is used up, the wait grows,
//! to at most a quarter of an hour. It stops growing there, and never becomes a lock: without another way in, anyone
//! who knows an address could lock the account and keep its owner out.
// wing:mail
//! Mail is such a way: with it, 100 failures in a row lock an address until its owner has read a mail, see
//! [`lock`](crate::mail).
// end wing:mail
//!
//! Each action has a table of its own, of a fixed size. A flood of one kind of request cannot affect what is
//! remembered of another, and no request is refused because a table is full. The least recently tried entry goes
//! first. A table has one lock, which a request holds while it looks at one entry.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    sync::Arc,
};

use hashlink::LruCache;
use parking_lot::{Mutex, MutexGuard};
use strum::VariantArray;
use uuid::Uuid;

use crate::session::IdHash; // wing:clients
use crate::{
    client::block,
    clock::Clock,
    error::{Error, Result},
    networks::Network,
};

/// What is limited. Each action has a number of attempts and a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, VariantArray)]
pub enum Action {
    /// Wrong passwords for one account.
    SignInAccount,
    /// Wrong passwords for one account, from a network with a recent sign-in to it.
    SignInKnownNetwork,
    /// Wrong passwords from one address.
    SignInFailedAddress,
    /// Sign-ins from one address.
    SignInAddress,
    /// Registrations from one address.
    RegisterAddress,
    /// Confirmations of identity by one user.
    Confirm,
    /// Changes of password by one user.
    ChangePassword,
    /// Attempts of one user to delete their account.
    DeleteAccountUser, // wing:data-rights
    /// Exports of one user's data.
    ExportUser, // wing:data-rights
    /// Reports of policy violations from one address.
    CspReport,
    /// Reports of policy violations that are logged, from all clients together.
    CspReportLog,
    /// Starts of provider flows from one address.
    StartAddress,
    /// Callbacks of provider flows from one address.
    CallbackAddress,
    /// Texts kept of forms that were sent without a session, from one address.
    FormTextAddress,
    // wing:second-factors
    /// Wrong codes of one user.
    SecondFactorUser,
    /// Wrong codes from one address.
    SecondFactorAddress,
    // end wing:second-factors
    // wing:passkeys
    /// Challenges for passkeys, to one address.
    PasskeyAddress,
    /// Wrong answers of passkeys from one address.
    PasskeyFailedAddress,
    // end wing:passkeys
    // wing:clients
    /// Requests for tokens by public clients from one address.
    TokenAddress,
    /// Requests for tokens by one client that has a secret.
    TokenClient,
    /// Failures of clients to prove themselves, from one address.
    ClientFailedAddress,
    /// Failures to prove to be one client. A success is never refused for them.
    ClientFailed,
    /// Devices that ask for a code, from one address.
    DeviceAddress,
    /// Polls of one device. Beyond that it is told to slow down, without a query.
    PollDevice,
    /// Wrong user codes by one user.
    UserCodeUser,
    /// Wrong user codes from one address.
    UserCodeAddress,
    /// Looks at the page of consent by one user.
    ConsentUser,
    /// Decisions on clients by one user.
    AuthorizeUser,
    /// Questions about tokens by one client.
    IntrospectClient,
    /// Refused questions about tokens from one address.
    IntrospectFailedAddress,
    /// Uses of one client's data of one user. The users of an application do not shut out each other.
    ClientDataUser,
    /// Refused uses of a client's data from one address.
    ClientDataFailedAddress,
    /// Keys that do not exist, from one address.
    KeyFailedAddress,
    /// Keys that one user creates.
    CreateKeyUser,
    // end wing:clients
    // wing:mail
    /// Mails to one e-mail address.
    MailAddress,
    /// Mails that one client causes.
    MailClient,
    /// Mails to verify an address, asked for by one user.
    VerificationUser,
    /// Wrong codes of one user.
    MailCode,
    /// Wrong codes from one address.
    MailCodeAddress,
    /// Uses of links from one address.
    LinkAddress,
    // end wing:mail
    /// Pictures that one user uploads.
    PictureUser, // wing:pictures
}

impl Action {
    const fn quota(self) -> (u32, i64) {
        match self {
            Self::SignInAccount | Self::SignInKnownNetwork => (5, 300),
            Self::SignInFailedAddress => (10, 60),
            Self::SignInAddress => (30, 60),
            Self::RegisterAddress => (20, 60),
            Self::Confirm | Self::FormTextAddress => (10, 60),
            Self::ChangePassword => (5, 60),
            Self::DeleteAccountUser | Self::ExportUser => (5, 3600), // wing:data-rights
            Self::CspReport => (20, 60),
            Self::CspReportLog => (60, 60),
            Self::StartAddress | Self::CallbackAddress => (30, 60),
            // wing:second-factors
            Self::SecondFactorUser => (5, 300),
            Self::SecondFactorAddress => (20, 60),
            // end wing:second-factors
            Self::PasskeyAddress | Self::PasskeyFailedAddress => (30, 60), // wing:passkeys
            // wing:clients
            Self::TokenAddress | Self::PollDevice => (60, 60),
            Self::TokenClient | Self::IntrospectClient | Self::ClientDataUser => (600, 60),
            Self::ClientFailedAddress | Self::DeviceAddress => (10, 60),
            Self::ClientFailed => (20, 300),
            Self::UserCodeUser => (5, 300),
            Self::UserCodeAddress
            | Self::IntrospectFailedAddress
            | Self::ClientDataFailedAddress
            | Self::KeyFailedAddress => (20, 60),
            Self::ConsentUser | Self::AuthorizeUser => (30, 60),
            Self::CreateKeyUser => (10, 3600),
            // end wing:clients
            // wing:mail
            Self::MailAddress => (5, 3600),
            Self::MailClient => (20, 3600),
            Self::VerificationUser => (3, 3600),
            Self::MailCode => (5, 300),
            Self::MailCodeAddress | Self::LinkAddress => (20, 60),
            // end wing:mail
            Self::PictureUser => (20, 3600), // wing:pictures
        }
    }

    /// Whether the wait grows when the window is used up again. Not for addresses, which many people may share.
    const fn backs_off(self) -> bool {
        matches!(self, Self::SignInAccount | Self::SignInKnownNetwork)
    }
}

/// The longest length of a window, in seconds.
const MAX_BACK_OFF: i64 = 900;
/// A used-up window is forgotten after this many seconds without an attempt.
const MEMORY: i64 = 3600;

/// The factor for all figures per address: `ADDRESS_LIMITS`. Many people may share the one address of a school or
/// an office.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressLimits(NonZeroU32);

impl AddressLimits {
    /// The largest factor.
    pub const MAX: u32 = 100;

    /// A factor from 1 to [`Self::MAX`].
    pub fn new(factor: u32) -> Option<Self> {
        NonZeroU32::new(factor)
            .filter(|factor| factor.get() <= Self::MAX)
            .map(Self)
    }

    /// A figure for one address, multiplied.
    pub(crate) const fn times(self, figure: u32) -> u32 {
        figure * self.0.get()
    }
}

impl Default for AddressLimits {
    fn default() -> Self {
        Self(NonZeroU32::MIN)
    }
}

/// What an attempt counts against.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An e-mail address in normal form, whether or not a user has it.
    Email(String),
    /// The same, for one network only.
    EmailFrom(String, Network),
    /// A client's address; see [`Self::address`].
    Address(IpAddr),
    /// A user.
    User(Uuid),
    // wing:clients
    /// A registered client.
    Client(String),
    /// One user of a registered client.
    ClientUser(String, Uuid),
    /// A device that waits for a user, by its code's hash.
    Device(IdHash),
    // end wing:clients
    /// All clients together.
    Everybody,
}

/// Blocks of IPv6 addresses, the widest first, each with its multiple of the figures per address. A household has a
/// /64 and often a /56, a site a /48. A client that moves from one block to the next within a larger one reaches
/// that block's limit, and fills no table on the way.
const BLOCKS: [(u32, u32); 3] = [(48, 16), (56, 4), (64, 1)];

impl Subject {
    /// A client's address. An IPv4 address written as IPv6 counts as that IPv4 address.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(address.to_canonical())
    }

    /// The windows an attempt counts in, each with the factor for its quota.
    fn windows(&self, hasher: &RandomState, limits: AddressLimits) -> Vec<(u64, u32)> {
        match self {
            Self::Address(address @ IpAddr::V6(_)) => BLOCKS
                .iter()
                .map(|&(prefix, times)| {
                    let block = block(*address, prefix);
                    (hasher.hash_one((prefix, block)), limits.times(times))
                })
                .collect(),
            Self::Address(v4) => vec![(hasher.hash_one(v4), limits.times(1))],
            other => vec![(hasher.hash_one(other), 1)],
        }
    }
}

#[derive(Debug)]
struct Window {
    began: i64,
    /// The last attempt, counted or refused.
    tried: i64,
    used: u32,
    /// The number of attempts allowed in it.
    quota: u32,
    /// The number of windows used up before this one.
    blocks: u32,
    /// Whether an attempt was refused in it.
    has_refused: bool,
}

impl Window {
    const fn new(now: i64, quota: u32, blocks: u32) -> Self {
        Self {
            began: now,
            tried: now,
            used: 0,
            quota,
            blocks,
            has_refused: false,
        }
    }

    const fn is_used_up(&self) -> bool {
        self.used >= self.quota
    }

    /// When the window ends: later, if it is used up and others were before.
    fn ends(&self, action: Action) -> i64 {
        let (_, seconds) = action.quota();
        let length = if action.backs_off() && self.is_used_up() {
            (seconds * (i64::from(self.blocks) + 1)).min(MAX_BACK_OFF)
        } else {
            seconds
        };
        self.began + length
    }

    /// The number of windows used up before one that begins now.
    fn blocks_at(&self, action: Action, now: i64) -> u32 {
        if action.backs_off() && now - self.tried < MEMORY {
            self.blocks.saturating_add(self.is_used_up().into())
        } else {
            0
        }
    }

    fn has_ended(&self, action: Action, now: i64) -> bool {
        self.ends(action) <= now
    }

    /// Whether a new window would be the same.
    fn is_forgotten(&self, action: Action, now: i64) -> bool {
        self.has_ended(action, now) && self.blocks_at(action, now) == 0
    }
}

/// The number of windows in a table. If all tables are full, they take some hundred megabytes.
const WINDOWS: usize = 65_536;

/// The windows of one action by their keys, in the order in which they were last tried.
type Table = LruCache<u64, Window>;

/// Counts attempts. Cheap to clone. `governor` does this well, but cannot give an attempt back after success and
/// does not accept our clock.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    clock: Clock,
    address_limits: AddressLimits,
    /// Keyed anew at each start. So an attacker cannot choose subjects whose keys collide, and a key is short
    /// however long an address is.
    hasher: RandomState,
    tables: [Mutex<Table>; Action::VARIANTS.len()],
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").finish_non_exhaustive()
    }
}

/// An attempt that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Seconds until the next attempt, at least 1.
    pub retry_after: i64,
    /// Whether it is the first in its window, and so worth a line in a log or a row in a table.
    pub is_first: bool,
}

impl From<Refused> for Error {
    fn from(Refused { retry_after, .. }: Refused) -> Self {
        Self::TooManyAttempts { retry_after }
    }
}

/// An attempt that has been counted. It is given back when dropped, unless it turns out to count: a caller who was
/// turned away before anything was done has not failed.
#[must_use = "a dropped attempt is given back"]
#[derive(Debug)]
pub struct Attempt {
    limits: Limits,
    action: Action,
    /// The windows it counts in, by their keys and start times.
    places: Vec<(u64, i64)>,
}

impl Attempt {
    /// Keeps the attempt counted.
    pub fn counts(mut self) {
        self.places.clear();
    }

    /// Reports success: the attempt does not count, and the wait no longer grows.
    pub fn succeeded(mut self) {
        self.give_back(true);
    }

    fn give_back(&mut self, succeeded: bool) {
        for (key, began) in std::mem::take(&mut self.places) {
            self.limits.give_back(self.action, key, began, succeeded);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.give_back(false);
    }
}

impl Limits {
    /// Creates limits with this clock.
    pub fn new(clock: Clock, address_limits: AddressLimits) -> Self {
        Self(Arc::new(Inner {
            clock,
            address_limits,
            hasher: RandomState::new(),
            tables: std::array::from_fn(|_| Mutex::new(Table::new(WINDOWS))),
        }))
    }

    /// Counts one attempt permanently, or refuses it with the seconds until the next.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`]
    pub fn take(&self, action: Action, subject: Subject) -> Result<()> {
        self.attempt(action, &subject)?.counts();
        Ok(())
    }

    /// Counts one attempt until it is known whether it should count, or refuses it.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn attempt(&self, action: Action, subject: &Subject) -> std::result::Result<Attempt, Refused> {
        let mut attempt = Attempt {
            limits: self.clone(),
            action,
            places: Vec::new(),
        };
        for (key, times) in subject.windows(&self.0.hasher, self.0.address_limits) {
            match self.count(action, key, times) {
                Ok(began) => attempt.places.push((key, began)),
                Err(refused) => {
                    if let (Subject::Address(ip), true) = (subject, refused.is_first) {
                        let retry_after = refused.retry_after;
                        tracing::info!(%ip, ?action, retry_after, "too many attempts from an address");
                    }
                    return Err(refused);
                }
            }
        }
        Ok(attempt)
    }

    // wing:mail
    /// Forgets what was counted for a subject.
    pub(crate) fn forget(&self, action: Action, subject: &Subject) {
        let mut table = self.table(action);
        for (key, _) in subject.windows(&self.0.hasher, self.0.address_limits) {
            table.remove(&key);
        }
    }
    // end wing:mail

    /// Counts in one window. Returns when that began.
    fn count(&self, action: Action, key: u64, times: u32) -> std::result::Result<i64, Refused> {
        let now = self.0.clock.unix();
        let quota = action.quota().0 * times;
        let mut table = self.table(action);
        let Some(window) = table.get_mut(&key) else {
            let first = Window {
                used: 1,
                ..Window::new(now, quota, 0)
            };
            table.insert(key, first);
            return Ok(now);
        };
        if window.has_ended(action, now) {
            *window = Window::new(now, quota, window.blocks_at(action, now));
        }
        window.tried = now;
        if window.is_used_up() {
            return Err(Refused {
                retry_after: (window.ends(action) - now).max(1),
                is_first: !std::mem::replace(&mut window.has_refused, true),
            });
        }
        window.used += 1;
        Ok(window.began)
    }

    fn give_back(&self, action: Action, key: u64, began: i64, succeeded: bool) {
        let mut table = self.table(action);
        // If the window has ended meanwhile, there is nothing to give back.
        let Some(window) = table.peek_mut(&key).filter(|window| window.began == began) else {
            return;
        };
        window.used = window.used.saturating_sub(1);
        if succeeded {
            window.blocks = 0;
        }
        if window.used == 0 && window.blocks == 0 {
            table.remove(&key);
        }
    }

    fn table(&self, action: Action) -> MutexGuard<'_, Table> {
        self.0.tables[action as usize].lock()
    }

    /// Forgets windows that have ended, except those that lengthen the next wait. A table is locked while its windows
    /// are examined, which takes milliseconds if it is full.
    pub fn sweep(&self) {
        let now = self.0.clock.unix();
        for action in Action::VARIANTS.iter().copied() {
            let mut table = self.table(action);
            let forgotten: Vec<u64> = table
                .iter()
                .filter(|(_, window)| window.is_forgotten(action, now))
                .map(|(key, _)| *key)
                .collect();
            for key in forgotten {
                table.remove(&key);
            }
            // A cache keeps its memory for later entries.
            if table.is_empty() {
                *table = Table::new(WINDOWS);
            }
        }
    }

    /// The number of windows remembered.
    pub fn len(&self) -> usize {
        self.0.tables.iter().map(|table| table.lock().len()).sum()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::*;

    #[test]
    fn a_window_fills_refuses_and_opens_again() {
        let (clock, limits) = at_the_epoch();
        for _ in 0..5 {
            assert!(limits.take(Action::SignInAccount, ada()).is_ok());
        }
        clock.advance(Duration::seconds(100));
        assert!(matches!(
            limits.take(Action::SignInAccount, ada()),
            Err(Error::TooManyAttempts { retry_after: 200 })
        ));
        clock.advance(Duration::seconds(200));
        limits.attempt(Action::SignInAccount, &ada()).unwrap().succeeded();
        for _ in 0..5 {
            drop(limits.attempt(Action::SignInAccount, &ada()).unwrap());
        }
        assert!(limits.take(Action::SignInAccount, ada()).is_ok());
    }

    fn ada() -> Subject {
        Subject::Email("ada@example.com".to_owned())
    }

    /// Uses up a window. Returns its length afterwards.
    fn use_up(limits: &Limits, action: Action) -> i64 {
        for _ in 0..action.quota().0 {
            assert!(limits.take(action, ada()).is_ok());
        }
        match limits.take(action, ada()) {
            Err(Error::TooManyAttempts { retry_after }) => retry_after,
            other => panic!("{other:?}"),
        }
    }

    fn at_the_epoch() -> (Clock, Limits) {
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
        (clock.clone(), Limits::new(clock, AddressLimits::default()))
    }

    #[test]
    fn the_wait_for_an_account_grows_to_a_quarter_of_an_hour_and_no_further() {
        let (clock, limits) = at_the_epoch();
        for expected in [300, 600, 900, 900, 900] {
            assert_eq!(use_up(&limits, Action::SignInAccount), expected);
            clock.advance(Duration::seconds(expected - 1));
            assert!(matches!(
                limits.take(Action::SignInAccount, ada()),
                Err(Error::TooManyAttempts { retry_after: 1 })
            ));
            clock.advance(Duration::SECOND);
            limits.sweep();
        }
        // Only accounts back off.
        for _ in 0..3 {
            assert_eq!(use_up(&limits, Action::SignInFailedAddress), 60);
            clock.advance(Duration::seconds(60));
        }
    }

    #[test]
    fn a_window_that_is_not_used_up_is_no_longer_than_the_first() {
        let (clock, limits) = at_the_epoch();
        use_up(&limits, Action::SignInAccount);
        clock.advance(Duration::seconds(300));
        for _ in 0..2 {
            for _ in 0..4 {
                assert!(limits.take(Action::SignInAccount, ada()).is_ok());
            }
            clock.advance(Duration::seconds(300));
        }
        assert_eq!(use_up(&limits, Action::SignInAccount), 600);
    }

    #[test]
    fn a_success_ends_the_growth() {
        let (clock, limits) = at_the_epoch();
        for expected in [300, 600] {
            assert_eq!(use_up(&limits, Action::SignInAccount), expected);
            clock.advance(Duration::seconds(expected));
        }
        limits.attempt(Action::SignInAccount, &ada()).unwrap().succeeded();
        assert_eq!(use_up(&limits, Action::SignInAccount), 300);
    }

    #[test]
    fn an_hour_without_an_attempt_forgets_and_a_refused_one_counts_as_one() {
        let (clock, limits) = at_the_epoch();
        use_up(&limits, Action::SignInAccount);
        clock.advance(Duration::seconds(200));
        assert!(limits.take(Action::SignInAccount, ada()).is_err());
        clock.advance(Duration::seconds(3599));
        limits.sweep();
        assert_eq!(use_up(&limits, Action::SignInAccount), 600);
        clock.advance(Duration::seconds(3600));
        assert_eq!(use_up(&limits, Action::SignInAccount), 300);
    }

    #[test]
    fn an_attempt_that_is_turned_away_is_given_back_and_ends_no_growth() {
        let (clock, limits) = at_the_epoch();
        use_up(&limits, Action::SignInAccount);
        clock.advance(Duration::seconds(300));
        for _ in 0..100 {
            drop(limits.attempt(Action::SignInAccount, &ada()).unwrap());
        }
        assert_eq!(use_up(&limits, Action::SignInAccount), 600);
    }

    #[test]
    fn what_was_counted_in_a_window_that_has_ended_is_not_given_back_in_the_next() {
        let (clock, limits) = at_the_epoch();
        let late = limits.attempt(Action::SignInAccount, &ada()).unwrap();
        clock.advance(Duration::seconds(300));
        for _ in 0..5 {
            assert!(limits.take(Action::SignInAccount, ada()).is_ok());
        }
        drop(late);
        assert!(limits.take(Action::SignInAccount, ada()).is_err());
    }

    #[test]
    fn only_the_first_refusal_of_a_window_is_worth_a_word() {
        let (clock, limits) = at_the_epoch();
        let is_first = || limits.attempt(Action::Confirm, &ada()).unwrap_err().is_first;
        for _ in 0..2 {
            for _ in 0..10 {
                limits.take(Action::Confirm, ada()).unwrap();
            }
            assert_eq!([is_first(), is_first(), is_first()], [true, false, false]);
            clock.advance(Duration::seconds(60));
        }
    }

    #[test]
    fn a_full_table_drops_the_least_recently_used_window_and_refuses_no_attempt() {
        let (_, limits) = at_the_epoch();
        let other = |place: usize| Subject::Email(format!("{place}@example.com"));
        use_up(&limits, Action::SignInAccount);
        use_up(&limits, Action::Confirm);
        for place in 0..2 * WINDOWS {
            limits.take(Action::SignInAccount, other(place)).unwrap();
            // Tried repeatedly, it is never the least recent.
            if place % 1000 == 0 {
                assert!(limits.take(Action::SignInAccount, ada()).is_err(), "{place}");
            }
        }
        assert!(limits.len() <= WINDOWS + 1, "{}", limits.len());
        // Nothing of another action was evicted.
        assert!(limits.take(Action::Confirm, ada()).is_err());
        for place in 2 * WINDOWS..4 * WINDOWS {
            limits.take(Action::SignInAccount, other(place)).unwrap();
        }
        assert!(limits.take(Action::SignInAccount, ada()).is_ok());
    }

    #[test]
    fn what_has_nothing_to_remember_goes_with_a_sweep_and_what_succeeded_at_once() {
        let (clock, limits) = at_the_epoch();
        limits.attempt(Action::SignInAccount, &ada()).unwrap().succeeded();
        assert!(limits.is_empty());
        use_up(&limits, Action::SignInAccount);
        limits
            .take(Action::CspReport, Subject::address([192, 0, 2, 1].into()))
            .unwrap();
        clock.advance(Duration::seconds(300));
        limits.sweep();
        assert_eq!(limits.len(), 1, "what makes the next wait longer stays");
        clock.advance(Duration::hours(1));
        limits.sweep();
        assert!(limits.is_empty());
    }

    #[test]
    fn the_tables_lose_no_attempt_between_threads() {
        let (_, limits) = at_the_epoch();
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let take = |_: &i32| limits.take(Action::SignInAccount, ada()).is_ok();
                        (0..1000).filter(take).count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 5);
    }

    fn subject(text: &str) -> Subject {
        Subject::address(text.parse().unwrap())
    }

    fn allowed(limits: &Limits, addresses: impl IntoIterator<Item = String>) -> usize {
        let take = |address: &String| limits.take(Action::SignInFailedAddress, subject(address)).is_ok();
        addresses.into_iter().filter(take).count()
    }

    #[test]
    fn a_v6_household_is_one_subject_and_a_mapped_v4_is_v4() {
        let (_, limits) = at_the_epoch();
        let one = (0..50).map(|place| format!("2001:db8::{place:x}"));
        assert_eq!(allowed(&limits, one), 10);
        assert_eq!(allowed(&limits, ["2001:db8:0:1::1".to_owned()]), 1);
        let both = (0..20).map(|place| ["192.0.2.1", "::ffff:192.0.2.1"][place % 2].to_owned());
        assert_eq!(allowed(&limits, both), 10);
    }

    #[test]
    fn larger_blocks_of_v6_have_larger_limits() {
        let (_, limits) = at_the_epoch();
        // All of a /56, a different /64 each time, then all of a /48.
        let in_56 = (0..256).map(|place| format!("2001:db8:0:{place:x}::1"));
        assert_eq!(allowed(&limits, in_56), 40);
        let in_48 = (0..0x1_0000).map(|place| format!("2001:db8:0:{place:x}::1"));
        assert_eq!(allowed(&limits, in_48), 160 - 40);
        assert_eq!(allowed(&limits, ["2001:db8:1::1".to_owned()]), 1);
        // Attempts refused by a wider block are not remembered for the narrower ones.
        assert!(limits.len() < 400, "{}", limits.len());
    }

    #[test]
    fn the_figures_of_an_address_are_multiplied_and_no_others() {
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
        let limits = Limits::new(clock, AddressLimits::new(3).unwrap());
        assert_eq!(allowed(&limits, (0..50).map(|_| "192.0.2.1".to_owned())), 30);
        assert_eq!(allowed(&limits, (0..50).map(|_| "2001:db8::1".to_owned())), 30);
        use_up(&limits, Action::SignInAccount);
        assert_eq!([0, 101].map(AddressLimits::new), [None, None]);
    }
}
