//! Limits of attempts, in memory: a window per key, counted before the work is done.

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
}

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
    ends: i64,
    used: u32,
}

/// Counts attempts. `governor` does this well, but gives no attempt back after success and takes no
/// clock of ours.
#[derive(Debug)]
pub struct Limits {
    clock: Clock,
    windows: Mutex<HashMap<(Action, Subject), Window>>,
}

/// Keys held at most; past that, finished windows go first, and then new keys are refused: an attacker
/// with many addresses must not be able to wash the counters away.
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
        let (most, seconds) = action.quota();
        let mut windows = self
            .windows
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if windows.len() >= MAX_KEYS {
            windows.retain(|_, window| window.ends > now);
            if windows.len() >= MAX_KEYS {
                return Err(Error::TooManyAttempts { retry_after: seconds });
            }
        }
        let window = windows.entry((action, subject)).or_insert(Window {
            ends: now + seconds,
            used: 0,
        });
        if window.ends <= now {
            *window = Window {
                ends: now + seconds,
                used: 0,
            };
        }
        if window.used >= most {
            return Err(Error::TooManyAttempts {
                retry_after: window.ends - now,
            });
        }
        window.used += 1;
        Ok(())
    }

    /// Gives one attempt back: it succeeded, and only failures count.
    pub fn give_back(&self, action: Action, subject: Subject) {
        let mut windows = self
            .windows
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(window) = windows.get_mut(&(action, subject)) {
            window.used = window.used.saturating_sub(1);
        }
    }

    /// Forgets windows that have ended.
    pub fn sweep(&self) {
        let now = self.clock.unix();
        let mut windows = self
            .windows
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        windows.retain(|_, window| window.ends > now);
        windows.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::*;

    #[test]
    fn a_window_fills_refuses_and_opens_again() {
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
        let limits = Limits::new(clock.clone());
        let ada = || Subject::Email("ada@example.com".to_owned());
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

    #[test]
    fn a_v6_household_is_one_subject_and_a_mapped_v4_is_v4() {
        let subject = |text: &str| Subject::address(text.parse().unwrap());
        assert_eq!(subject("2001:db8::1"), subject("2001:db8::ffff:1"));
        assert_ne!(subject("2001:db8::1"), subject("2001:db8:0:1::1"));
        assert_eq!(subject("::ffff:192.0.2.1"), subject("192.0.2.1"));
    }
}
