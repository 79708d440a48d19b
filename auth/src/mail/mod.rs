//! Mail: what is sent, and what comes back as a link or a code.
//!
//! - A mail is a row of [`outbox`], written in the transaction that causes it: whoever was told that it is on its way will
//!   get it, even if this process ends at that moment. No request waits for a mail server.
//! - [`job`] sends. It runs on every instance, and a row belongs to one of them at a time. [`schedule`] decides when a
//!   mail is tried again.
//! - A mail leaves by [`smtp`], or stays in [`memory`] for development.
//! - [`texts`] holds the words of mails, and [`notices`] those that tell what was done with an account. [`seen`] knows
//!   which devices are new.
//! - [`tokens`] are the links and codes in mails. [`links`] is what their pages show, and [`verification`], [`reset`],
//!   [`change`], [`undo`], [`sign_in`], [`confirm`], [`registration`] and [`invitation`] are what they are good for.
//! - [`addresses`] decides who has an address, and [`lock`] when its password is not accepted any more.
//!
//! Without a configured server there is no mail ([`MailConfig::Off`]), and nothing that needs it exists.

pub(crate) mod addresses;
mod change;
mod config;
mod confirm;
pub(crate) mod invitation;
mod job;
mod links;
pub(crate) mod lock;
mod memory;
pub(crate) mod notices;
mod outbox;
mod registration;
mod reset;
mod schedule;
pub(crate) mod seen;
mod sign_in;
mod smtp;
mod texts;
mod tokens;
mod undo;
mod verification;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Notify;

pub use wire::Registration;

pub(crate) use self::outbox::Queued;
use self::smtp::Smtp;
pub use self::{
    config::{MailConfig, Sender, SmtpServer},
    memory::{Delivered, Mailbox},
    sign_in::{METHOD, SignedInByMail},
    verification::Proof,
};
use crate::{
    clock::Clock,
    config::Config,
    db::{Database, all},
    error::{Error, Result},
    keys::KeyRing,
    public_url::PublicUrl,
};

/// Mail. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mail(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Database,
    clock: Clock,
    keys: Arc<KeyRing>,
    public_url: PublicUrl,
    /// How mails leave, and where they come from; `None` if there is no mail.
    way: Option<(Sender, Way)>,
    /// Whether users sign in by mail.
    signs_in: bool,
    /// Who may register.
    registration: Registration,
    /// Wakes the job.
    wake: Arc<Notify>,
    /// Mails that were given up, since the start.
    failed: AtomicU64,
}

#[derive(Debug)]
enum Way {
    Memory(Mailbox),
    Smtp(Smtp),
}

/// What [`Mail::new`] takes of the other parts.
pub(crate) struct Shared<'a> {
    pub(crate) db: &'a Database,
    pub(crate) clock: &'a Clock,
    pub(crate) keys: &'a Arc<KeyRing>,
    pub(crate) public_url: &'a PublicUrl,
}

/// What metrics report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailStatus {
    /// The mails that wait to be sent, on all instances.
    pub pending: i64,
    /// The mails that this instance has given up since its start.
    pub failed: u64,
}

impl Mail {
    pub(crate) fn new(shared: &Shared<'_>, config: &Config) -> Self {
        let way = match config.mail.clone() {
            MailConfig::Off => None,
            MailConfig::Memory(from, mailbox) => Some((from, Way::Memory(mailbox))),
            MailConfig::Smtp(from, server) => Some((from, Way::Smtp(Smtp::new(*server)))),
        };
        Self(Arc::new(Inner {
            db: shared.db.clone(),
            clock: shared.clock.clone(),
            keys: Arc::clone(shared.keys),
            public_url: shared.public_url.clone(),
            way,
            signs_in: config.email_sign_in,
            registration: config.registration,
            wake: Arc::default(),
            failed: AtomicU64::new(0),
        }))
    }

    /// Whether there is mail.
    pub fn is_on(&self) -> bool {
        self.0.way.is_some()
    }

    /// For whatever needs mail.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub fn require(&self) -> Result<()> {
        if self.is_on() {
            Ok(())
        } else {
            Err(Error::NotFound)
        }
    }

    /// Mail for a command beside the server, which writes mails and sends none.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub async fn at_command_line(config: &Config, db: Database, clock: Clock) -> Result<Self> {
        db.agree_on_time(&clock).await?;
        Ok(Self::of_command(config, &db, &clock))
    }

    /// The same, where the clock is known to agree with the database's.
    pub(crate) fn of_command(config: &Config, db: &Database, clock: &Clock) -> Self {
        let shared = Shared {
            db,
            clock,
            keys: &Arc::new(KeyRing::new(&config.secrets)),
            public_url: &config.public_url,
        };
        Self::new(&shared, config)
    }

    /// Who may register.
    pub fn registration(&self) -> Registration {
        self.0.registration
    }

    /// Whether users sign in by mail.
    pub fn signs_in(&self) -> bool {
        self.is_on() && self.0.signs_in
    }

    /// For signing in by mail.
    ///
    /// # Errors
    /// [`Error::NotFound`] if nobody does.
    pub(crate) fn require_sign_in(&self) -> Result<()> {
        if self.signs_in() {
            Ok(())
        } else {
            Err(Error::NotFound)
        }
    }

    /// The mailbox of development, if mails go there.
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match &self.0.way {
            Some((_, Way::Memory(mailbox))) => Some(mailbox),
            _ => None,
        }
    }

    /// The server that takes mails, if there is one.
    pub fn server(&self) -> Option<String> {
        match &self.0.way {
            Some((_, Way::Smtp(smtp))) => Some(smtp.address()),
            _ => None,
        }
    }

    /// Connects to the server and greets it, with the configured user and password.
    ///
    /// # Errors
    /// What went wrong.
    pub async fn greet(&self) -> std::result::Result<(), String> {
        match &self.0.way {
            Some((_, Way::Smtp(smtp))) => smtp.greet().await,
            _ => Ok(()),
        }
    }

    /// What metrics report; `None` without mail.
    ///
    /// # Errors
    /// Of the database.
    pub async fn status(&self) -> Result<Option<MailStatus>> {
        if !self.is_on() {
            return Ok(None);
        }
        Ok(Some(MailStatus {
            pending: self.pending().await?,
            failed: self.0.failed.load(Ordering::Relaxed),
        }))
    }

    /// Deletes what has expired: tokens, what is known of devices, failures, and mails that are no longer true. That holds if mail is off by now, too.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let (db, now) = (&self.0.db, self.0.clock.now());
        all([
            db.sweep(tokens::EXPIRED, now).await.map(drop),
            db.sweep(seen::EXPIRED, now - seen::KNOWN_FOR).await.map(drop),
            db.sweep(lock::EXPIRED, now - lock::REMEMBERED_FOR)
                .await
                .map(drop),
            self.sweep_outbox().await,
        ])
    }

    fn count_failed(&self, mails: usize) {
        self.0.failed.fetch_add(mails as u64, Ordering::Relaxed);
    }
}
