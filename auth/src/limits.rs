//! Limits of attempts, in memory: a window per key, counted before the work is done.
//!
//! An account whose password is guessed at again and again backs off: each time its window is used up, the
//! wait grows, to a quarter of an hour at most. It stops growing there, and never becomes a lock. A limit of
//! failures after which only another proof helps (NIST SP 800-63B says 100) needs such a proof, by mail or a
//! second factor, which this template has not: without another way in, a lock would be in the hands of
//! whoever knows an address, and keep out the person it belongs to.

use std::{collections::HashMap, net::IpAddr, sync::Mutex};

use uuid::Uuid;

use crate::{
    clock::Clock,
    error::{Error, Result},
};

/// What is limited, with how many attempts in how many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Failed sign-ins to one account.
    SignInAccount,
    /// Failed sign-ins from one address.
    SignInFailedAddress,
    /// Sign-ins from one address.
    SignInAddress,
    /// Registrations from one address.
    RegisterAddress,
    /// Confirmations of identity by one user.
    Confirm,
    /// Changes of password by one user.
    ChangePassword,
    /// Reports of policy violations from one address.
    CspReport,
    /// Starts of provider flows from one address.
    StartAddress,
    /// Callbacks of provider flows from one address.
    CallbackAddress,
}

impl Action {
    const fn quota(self) -> (u32, i64) {
        match self {
            Self::SignInAccount => (5, 300),
            Self::SignInFailedAddress => (10, 60),
            Self::SignInAddress => (30, 60),
            Self::RegisterAddress => (20, 60),
            Self::Confirm => (10, 60),
            Self::ChangePassword => (5, 60),
            Self::CspReport => (20, 60),
            Self::StartAddress | Self::CallbackAddress => (30, 60),
        }
    }

    /// Whether the wait grows when the window is used up again. Not for addresses, which many people share.
    const fn backs_off(self) -> bool {
        matches!(self, Self::SignInAccount)
    }
}

/// The longest that a window grows to, in seconds.
const MAX_BACK_OFF: i64 = 900;
/// After so many seconds without an attempt a window that was used up is forgotten.
const MEMORY: i64 = 3600;

/// Whom an attempt counts against.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An e-mail address in normal form, whether it belongs to anybody or not.
    Email(String),
    /// A client's address.
    Address(IpAddr),
    /// A user.
    User(Uuid),
}

impl Subject {
    /// A client's address; of IPv6 the /64, since a household has all of it.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
            v4 => v4,
        })
    }
}

#[derive(Debug)]
struct Window {
    began: i64,
    used: u32,
    /// The last attempt, counted or refused.
    tried: i64,
    /// How many windows were used up before this one.
    blocks: u32,
}

impl Window {
    const fn new(now: i64, blocks: u32) -> Self {
        Self {
            began: now,
            used: 0,
            tried: now,
            blocks,
        }
    }

    const fn is_used_up(&self, action: Action) -> bool {
        self.used >= action.quota().0
    }

    /// When it ends: later, if it is used up after others were.
    fn ends(&self, action: Action) -> i64 {
        let (_, seconds) = action.quota();
        let length = match action.backs_off() && self.is_used_up(action) {
            true => (seconds * (i64::from(self.blocks) + 1)).min(MAX_BACK_OFF),
            false => seconds,
        };
        self.began + length
    }

    /// How many windows were used up, for one that begins now.
    fn blocks_at(&self, action: Action, now: i64) -> u32 {
        match action.backs_off() && now - self.tried < MEMORY {
            true => self.blocks.saturating_add(self.is_used_up(action).into()),
            false => 0,
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

/// Counts attempts. `governor` does this well, but gives no attempt back after success and takes no
/// clock of ours.
#[derive(Debug)]
pub struct Limits {
    clock: Clock,
    windows: Mutex<HashMap<(Action, Subject), Window>>,
}

/// Keys held at most; past that, finished windows go first, with what is remembered of them, and then new
/// keys are refused: an attacker with many addresses must not be able to wash the counters away.
const MAX_KEYS: usize = 200_000;

impl Limits {
    /// Limits by this clock.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            windows: Mutex::default(),
        }
    }

    /// Counts one attempt, or refuses it with the seconds until the next.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`]
    pub fn take(&self, action: Action, subject: Subject) -> Result<()> {
        let now = self.clock.unix();
        let (_, seconds) = action.quota();
        let mut windows = self
            .windows
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if windows.len() >= MAX_KEYS {
            windows.retain(|(action, _), window| !window.is_forgotten(*action, now));
        }
        if windows.len() >= MAX_KEYS {
            windows.retain(|(action, _), window| !window.has_ended(*action, now));
        }
        if windows.len() >= MAX_KEYS {
            return Err(Error::TooManyAttempts { retry_after: seconds });
        }
        let window = windows.entry((action, subject)).or_insert(Window::new(now, 0));
        if window.has_ended(action, now) {
            *window = Window::new(now, window.blocks_at(action, now));
        }
        window.tried = now;
        if window.is_used_up(action) {
            return Err(Error::TooManyAttempts {
                retry_after: window.ends(action) - now,
            });
        }
        window.used += 1;
        Ok(())
    }

    /// Gives one attempt back: it succeeded, and only failures count. The wait no longer grows.
    pub fn give_back(&self, action: Action, subject: Subject) {
        let mut windows = self
            .windows
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(window) = windows.get_mut(&(action, subject)) {
            window.used = window.used.saturating_sub(1);
            window.blocks = 0;
        }
    }

    /// Forgets windows that have ended, but for those that make the next wait longer.
    pub fn sweep(&self) {
        let now = self.clock.unix();
        let mut windows = self
            .windows
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        windows.retain(|(action, _), window| !window.is_forgotten(*action, now));
        windows.shrink_to_fit();
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
        limits.give_back(Action::SignInAccount, ada());
        assert!(limits.take(Action::SignInAccount, ada()).is_ok());
        clock.advance(Duration::seconds(200));
        assert!(limits.take(Action::SignInAccount, ada()).is_ok());
    }

    fn ada() -> Subject {
        Subject::Email("ada@example.com".to_owned())
    }

    /// Uses up a window, and says how long it is then.
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
        (clock.clone(), Limits::new(clock))
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
        // Only for accounts.
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
        assert!(limits.take(Action::SignInAccount, ada()).is_ok());
        limits.give_back(Action::SignInAccount, ada());
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
    fn what_is_remembered_is_bounded_and_a_running_window_is_never_washed_away() {
        let (clock, limits) = at_the_epoch();
        let other = |place: usize| Subject::Email(format!("{place}@example.com"));
        use_up(&limits, Action::SignInAccount);
        clock.advance(Duration::seconds(300));
        assert_eq!(use_up(&limits, Action::SignInAccount), 600);
        let kept = || limits.windows.lock().unwrap().len();
        // Used up as well, and over: they are remembered until there is no room.
        for place in 1..MAX_KEYS {
            let window = Window {
                used: 5,
                ..Window::new(0, 0)
            };
            let key = (Action::SignInAccount, other(place));
            limits.windows.lock().unwrap().insert(key, window);
        }
        limits.sweep();
        assert_eq!(kept(), MAX_KEYS);
        assert!(limits.take(Action::SignInAccount, other(MAX_KEYS)).is_ok());
        assert_eq!(kept(), 2);
        assert!(matches!(
            limits.take(Action::SignInAccount, ada()),
            Err(Error::TooManyAttempts { retry_after: 600 })
        ));
        // All of them running: new keys are refused.
        for place in 0..MAX_KEYS {
            let key = (Action::SignInAccount, other(place));
            limits.windows.lock().unwrap().insert(key, Window::new(300, 0));
        }
        assert!(limits.take(Action::SignInAccount, other(MAX_KEYS + 1)).is_err());
        // What has nothing to remember goes at its end.
        clock.advance(Duration::hours(1));
        limits.sweep();
        assert_eq!(kept(), 0);
    }

    #[test]
    fn a_v6_household_is_one_subject_and_a_mapped_v4_is_v4() {
        let subject = |text: &str| Subject::address(text.parse().unwrap());
        assert_eq!(subject("2001:db8::1"), subject("2001:db8::ffff:1"));
        assert_ne!(subject("2001:db8::1"), subject("2001:db8:0:1::1"));
        assert_eq!(subject("::ffff:192.0.2.1"), subject("192.0.2.1"));
    }
}
