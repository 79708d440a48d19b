//! The people of the development identity provider.

use serde_json::{Map, Value};

/// A person to sign in as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) email: String,
    pub(super) name: String,
}

/// The people who are always listed: name and address.
pub(super) const PEOPLE: [(&str, &str); 3] = [
    ("Ada Lovelace", "ada@example.com"),
    ("Alan Turing", "alan@example.com"),
    ("Grace Hopper", "grace@example.com"),
];

impl Person {
    /// A person with this address. Without a name, the address is used as the name.
    pub(super) fn new(email: &str, name: &str) -> Option<Self> {
        let email = email.trim().to_lowercase();
        let (local, domain) = email.split_once('@')?;
        (!local.is_empty() && domain.contains('.')).then(|| {
            let name = if name.trim().is_empty() {
                local
            } else {
                name.trim()
            };
            Self {
                name: name.to_owned(),
                email: email.clone(),
            }
        })
    }

    /// The claims about the person. The address is the subject, so that it is the same person next time.
    pub(super) fn claims(&self) -> Map<String, Value> {
        [
            ("sub", Value::from(self.email.as_str())),
            ("email", self.email.as_str().into()),
            ("email_verified", true.into()),
            ("name", self.name.as_str().into()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}
