//! The mailbox of development: mails stay in memory, and the server shows them.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use serde::Serialize;
use uuid::Uuid;
use wire::Timestamp;

/// How many mails are kept. The oldest goes when another comes.
const KEPT: usize = 200;

/// A mail that was delivered here.
#[derive(Clone, Debug, Serialize)]
pub struct Delivered {
    /// Its row's id.
    pub id: Uuid,
    /// When it was delivered.
    pub at: Timestamp,
    /// The recipient's address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// The mailbox. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mailbox {
    shown_at: &'static str,
    mails: Arc<Mutex<VecDeque<Delivered>>>,
}

impl Mailbox {
    /// An empty one, which the server shows at this path. The path is the server's to give, since a release must not
    /// contain it.
    pub fn new(shown_at: &'static str) -> Self {
        Self {
            shown_at,
            mails: Arc::default(),
        }
    }

    /// The path of the page that shows it.
    pub fn shown_at(&self) -> &'static str {
        self.shown_at
    }

    /// What it holds, newest first.
    pub fn mails(&self) -> Vec<Delivered> {
        self.mails.lock().iter().cloned().collect()
    }

    pub(super) fn put(&self, mail: Delivered) {
        let mut mails = self.mails.lock();
        mails.push_front(mail);
        mails.truncate(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn the_newest_is_first_and_two_hundred_are_kept() {
        let mailbox = Mailbox::new("/mails");
        for number in 0..KEPT + 3 {
            mailbox.put(Delivered {
                id: Uuid::now_v7(),
                at: OffsetDateTime::UNIX_EPOCH.into(),
                to: "ada@example.com".to_owned(),
                subject: number.to_string(),
                text: String::new(),
                html: String::new(),
            });
        }
        let mails = mailbox.mails();
        assert_eq!(mails.len(), KEPT);
        assert_eq!(
            (mails[0].subject.as_str(), mails[KEPT - 1].subject.as_str()),
            ("202", "3")
        );
    }
}
