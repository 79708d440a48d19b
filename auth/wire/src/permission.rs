//! What each role allows: one table. A fork adds its own permissions here, and asks for them with `can`.

use strum::VariantArray;

use crate::{AuthSession, Role};

/// One thing that a role may allow beyond what every user may do with their own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub enum Permission {
    // wing:admin
    /// To see people: their accounts, sessions and history. For users without it, administration does not exist.
    SeePeople,
    /// To end people's sessions.
    EndSessions,
    /// To disable and enable accounts.
    DisablePeople,
    /// To change what people may do.
    GiveRoles,
    /// To remove what people sign in with beside their password.
    ResetFactors, // wing:second-factors,passkeys
    /// To change people's addresses.
    ChangeAddress, // wing:mail
    /// To invite people.
    Invite, // wing:mail
            // end wing:admin
}

impl Role {
    /// What the role allows.
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::User => &[],
            Self::Support => &[Permission::SeePeople, Permission::EndSessions], // wing:admin
            Self::Admin => Permission::VARIANTS,
        }
    }

    /// Whether the role allows this.
    pub fn can(self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }

    /// Whether the role allows all that another one does. Without it, a user with this role could become the other by what
    /// they do to users who have it.
    pub fn covers(self, other: Self) -> bool {
        other.permissions().iter().all(|permission| self.can(*permission))
    }
}

impl AuthSession {
    /// Whether the user may do this, according to the snapshot: for what a page shows. What is done is decided with a live
    /// session.
    pub fn can(&self, permission: Permission) -> bool {
        self.role.can(permission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_covers_those_that_allow_no_more() {
        for role in Role::ALL.iter().copied() {
            assert!(role.covers(role) && role.covers(Role::User) && Role::Admin.covers(role));
            assert_eq!(Role::User.covers(role), role.permissions().is_empty());
        }
    }
}
