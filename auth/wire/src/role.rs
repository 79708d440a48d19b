//! Roles. A fork adds its own here, and says in `permission.rs` what each allows.

use serde::{Deserialize, Serialize};

/// Defines the enum and everything that lists its variants.
macro_rules! roles {
    ($($(#[$attribute:meta])* $role:ident = $name:literal, $label:literal;)+) => {
        /// What a user is here: see [`permissions`](Role::permissions).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "server", derive(sqlx::Type))]
        #[cfg_attr(feature = "server", sqlx(type_name = "TEXT"))]
        pub enum Role {
            $(
                $(#[$attribute])*
                #[serde(rename = $name)]
                #[cfg_attr(feature = "server", sqlx(rename = $name))]
                $role,
            )+
        }

        impl Role {
            /// Every role, in the order in which they are offered.
            pub const ALL: &[Self] = &[$(Self::$role),+];

            /// The name in the database, on the wire and on the command line.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$role => $name,)+
                }
            }

            /// The name that is displayed.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$role => $label,)+
                }
            }
        }
    };
}

roles! {
    /// Anyone who registered.
    #[default]
    User = "user", "User";
    // wing:admin
    /// May look up users and end their sessions.
    Support = "support", "Support";
    // end wing:admin
    /// May do everything.
    Admin = "admin", "Administrator";
}

impl Role {
    /// The role with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_one_name_and_what_has_none_is_no_role() {
        for role in Role::ALL.iter().copied() {
            assert_eq!(Role::from_name(role.name()), Some(role));
            assert_eq!(
                serde_json::to_string(&role).unwrap(),
                format!("\"{}\"", role.name())
            );
        }
        for name in ["", "Admin", "admin ", "root"] {
            assert_eq!(Role::from_name(name), None);
            assert!(serde_json::from_str::<Role>(&format!("\"{name}\"")).is_err());
        }
    }
}
