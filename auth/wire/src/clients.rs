//! Other clients: what they may do, and what pages show of them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::Timestamp;

/// One thing that an access token or a personal key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Read who the user is.
    Profile,
    /// Read and write the client's own data of the user.
    Data,
    /// Call every server function for the user.
    App,
}

impl Scope {
    /// Every scope, in the order in which they are listed.
    pub const ALL: &[Self] = &[Self::Profile, Self::Data, Self::App];

    /// The name in requests and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Data => "data",
            Self::App => "app",
        }
    }

    /// What a user allows with it, as the end of "It will be able to".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Profile => "see your name, e-mail address and role",
            Self::Data => "keep data of its own about you",
            Self::App => "do everything that you can do here without confirming your identity",
        }
    }

    /// The scope with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.name() == name)
    }
}

/// A set of scopes. As text, their names in the order of [`Scope::ALL`], separated by spaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Parses a list of names (RFC 6749 §3.3). `None` if it is empty or one of them is unknown.
    pub fn parse(text: &str) -> Option<Self> {
        let mut scopes = Self::default();
        for name in text.split(' ').filter(|name| !name.is_empty()) {
            scopes.0 |= 1 << Scope::from_name(name)? as u8;
        }
        (scopes.0 != 0).then_some(scopes)
    }

    /// The scopes that a list names. A scope that this program does not know gives nothing.
    pub fn known_in(text: &str) -> Self {
        text.split(' ').filter_map(Scope::from_name).collect()
    }

    /// The scopes in it.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.names(*scope))
    }

    /// Whether the set names this scope.
    pub const fn names(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// Whether the set allows what this scope stands for: `app` contains `profile`.
    pub const fn allow(self, scope: Scope) -> bool {
        self.names(scope) || (matches!(scope, Scope::Profile) && self.names(Scope::App))
    }

    /// Whether every scope of this set is in `other`.
    pub const fn are_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

impl From<Scope> for Scopes {
    fn from(scope: Scope) -> Self {
        Self(1 << scope as u8)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | 1 << scope as u8))
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, scope) in self.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.name())?;
        }
        Ok(())
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("unknown scope"))
    }
}

/// What has access to a user's account beside their browsers, as the page of access shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessInfo {
    /// The session's public handle, used to revoke it.
    pub session_id: Uuid,
    /// What holds it.
    pub kind: AccessKind,
    /// The client's id; `None` for a key.
    pub client_id: Option<String>,
    /// The client's name; `None` for a key.
    pub client_name: Option<String>,
    /// The name that the user gave to a key; `None` for a client.
    pub name: Option<String>,
    /// What it may do.
    pub scope: Scopes,
    /// When the user allowed it.
    pub created_at: Timestamp,
    /// When it was last used, as far as the authority was asked (at most once a minute).
    pub last_seen_at: Timestamp,
    /// Its end.
    pub expires_at: Timestamp,
    /// The client's name for itself when access began.
    pub user_agent: Option<String>,
    /// The client's address when access began.
    pub ip: Option<String>,
}

/// What holds access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessKind {
    /// A client that the user has signed in to.
    Client,
    /// A personal key.
    Key,
}

/// A personal key that has just been created: the only time that its text is known. It has no Debug, which would show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    /// The key. A secret of its user.
    pub key: String,
    /// Its session's public handle.
    pub session_id: Uuid,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scope: Scopes,
    /// Its end.
    pub expires_at: Timestamp,
}

/// A client that asks for access, as the page of consent shows it. It has no Debug, which would show the state.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentRequest {
    /// The client's name.
    pub client_name: String,
    /// Whether the client is the operator's own.
    pub first_party: bool,
    /// Where the browser goes with the answer: a host, or the scheme of an application on this device.
    pub returns_to: String,
    /// What it asks for.
    pub scope: Scopes,
    /// The parameters that the form sends again.
    pub parameters: Vec<(String, String)>,
}

/// A device that asks for access, as the page of devices shows it. It has no Debug, which would show the code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRequest {
    /// The code, as the device shows it.
    pub user_code: String,
    /// The client's name.
    pub client_name: String,
    /// Whether the client is the operator's own.
    pub first_party: bool,
    /// What it asks for.
    pub scope: Scopes,
    /// The address of the device, if known.
    pub ip: Option<String>,
    /// The device's name for itself.
    pub user_agent: Option<String>,
    /// When it asked.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_listed_in_one_order_and_unknown_ones_are_none() {
        for (text, listed) in [
            ("profile", "profile"),
            ("app profile", "profile app"),
            ("data  data", "data"),
            (" app data profile ", "profile data app"),
        ] {
            let scopes = Scopes::parse(text).unwrap();
            assert_eq!(scopes.to_string(), listed);
            let json = serde_json::to_string(&scopes).unwrap();
            assert_eq!(serde_json::from_str::<Scopes>(&json).unwrap(), scopes);
        }
        for text in ["", " ", "admin", "profile admin", "Profile", "profile\tdata"] {
            assert_eq!(Scopes::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn app_contains_profile_and_nothing_else() {
        let app = Scopes::from(Scope::App);
        assert_eq!(
            Scope::ALL
                .iter()
                .map(|scope| app.allow(*scope))
                .collect::<Vec<_>>(),
            [true, false, true]
        );
        assert!(!Scopes::from(Scope::Profile).allow(Scope::App));
        assert!(Scopes::from(Scope::Data).are_within([Scope::Data, Scope::App].into_iter().collect()));
        assert!(!app.are_within(Scope::Data.into()));
    }
}
