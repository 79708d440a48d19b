//! Where events go: into the audit log, and some of them to the user.

use crate::clock::Clock;
use crate::mail::Mail; // wing:mail
// wing:admin+mail,data-rights+mail
use crate::{config::Config, db::Database};
// end wing:admin+mail,data-rights+mail

/// Writes events. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct History {
    clock: Clock,
    mail: Option<Mail>, // wing:mail
}

impl History {
    /// A history that nobody is told of.
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            mail: None, // wing:mail
        }
    }

    // wing:mail
    /// The same, of which users are told by mail.
    pub(crate) fn told_by(self, mail: Mail) -> Self {
        Self {
            mail: Some(mail),
            ..self
        }
    }

    // wing:admin,data-rights
    /// The same at the command line. Without a secret, nobody is told: what waits to be sent is sealed.
    pub(crate) fn told_by_command(self, config: &Config, db: &Database) -> Self {
        if config.secrets.is_empty() {
            return self;
        }
        let mail = Mail::of_command(config, db, &self.clock);
        self.told_by(mail)
    }
    // end wing:admin,data-rights

    /// What tells users, if there is mail.
    pub(crate) fn mail(&self) -> Option<&Mail> {
        self.mail.as_ref().filter(|mail| mail.is_on())
    }
    // end wing:mail

    /// The clock that events are dated by.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }
}
