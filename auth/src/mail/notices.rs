//! Notices: what was done with an account, told to its verified address. They are not optional, and nothing can be done
//! with one: a link that acts would be what somebody forges.
//!
//! [`Notice::of`] says which events users are told of. A notice is a row of the outbox in the transaction of the deed, so
//! it is there if and only if the deed was done. It contains nothing that anybody has typed.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    Mail,
    outbox::{Kind, NewMail},
    texts::{Content, Part},
};
use crate::{audit::Deed, client::Client, db::Tx, email::Email, error::Result};
use wire::Role; // wing:admin

/// How long a notice is worth sending.
const LIFE: Duration = Duration::hours(48);

/// The last words of every notice.
const NOT_OPTIONAL: &str = "You get notices like this one because this is the verified e-mail address of the account. They cannot be turned off.";
/// The same in the last notice to an address.
const LAST: &str = "You get notices like this one because this was the verified e-mail address of the account. This is the last one.";

/// The note of an event: a change of address was undone, but for the address.
pub(crate) const KEPT: &str = "email_taken";

/// Who has done it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Doer<'a> {
    /// Whoever had the account, or something that leads into it, at this client.
    Holder(Option<&'a Client>),
    /// An administrator: not who, nor from where.
    Administrator, // wing:admin
    /// Somebody at the server's command line.
    Operator, // wing:admin,data-rights
}

/// What a user is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice<'a> {
    NewDevice,
    Locked,
    PasswordSet,
    PasswordReset,
    PasswordRemoved,
    AddressAsked,
    AddressBack,
    AddressKept,
    AddressLost,
    Connected(&'a str),
    Disconnected(&'a str),
    Deleted,
    // wing:admin
    AddressSet,
    SessionsEnded,
    Disabled,
    Enabled,
    Role(&'a str),
    FactorsReset, // wing:second-factors,passkeys
    // end wing:admin
    // wing:second-factors
    TotpOn,
    TotpOff,
    NewRecoveryCodes,
    RecoveryCodeUsed,
    // end wing:second-factors
    // wing:passkeys
    PasskeyAdded,
    PasskeyRemoved,
    // end wing:passkeys
    // wing:clients
    KeyCreated,
    ClientAllowed,
    TokenReused,
    // end wing:clients
    Exported, // wing:data-rights
}

/// What to do if it was not the user.
enum Advice {
    /// Get the account back.
    TakeBack,
    /// The same, where a second step may be in the way.
    TakeBackWithHelp, // wing:second-factors
    /// Open what is locked.
    Unlock,
    /// Nothing that the user could do alone.
    Ask,
    /// Nothing: whoever reads the mail has done it.
    None,
}

impl<'a> Notice<'a> {
    /// What the user is told of an event, if anything.
    pub(crate) fn of(deed: Deed, doer: Doer<'a>, note: &'a str) -> Option<Self> {
        match (deed, doer) {
            (Deed::ChangePassword, _) => Some(Self::PasswordSet),
            (Deed::ResetPassword, _) => Some(Self::PasswordReset),
            (Deed::RemovePassword, _) => Some(Self::PasswordRemoved),
            (Deed::UndoEmailChange, _) if note == KEPT => Some(Self::AddressKept),
            (Deed::UndoEmailChange, _) => Some(Self::AddressBack),
            (Deed::Link, _) => Some(Self::Connected(note)),
            (Deed::Unlink, _) => Some(Self::Disconnected(note)),
            // wing:admin
            (Deed::SetEmail, _) => Some(Self::AddressSet),
            (Deed::RevokeSession, Doer::Administrator | Doer::Operator) => Some(Self::SessionsEnded),
            (Deed::Disable, _) => Some(Self::Disabled),
            (Deed::Enable, _) => Some(Self::Enabled),
            (Deed::SetRole, _) => Some(Self::Role(note)),
            (Deed::ResetFactors, _) => Some(Self::FactorsReset), // wing:second-factors,passkeys
            // end wing:admin
            // wing:second-factors
            (Deed::EnableTotp, _) => Some(Self::TotpOn),
            (Deed::DisableTotp, _) => Some(Self::TotpOff),
            (Deed::NewRecoveryCodes, _) => Some(Self::NewRecoveryCodes),
            (Deed::UseRecoveryCode, _) => Some(Self::RecoveryCodeUsed),
            // end wing:second-factors
            // wing:passkeys
            (Deed::AddPasskey, _) => Some(Self::PasskeyAdded),
            (Deed::RemovePasskey, _) => Some(Self::PasskeyRemoved),
            // end wing:passkeys
            // wing:clients
            (Deed::CreateKey, _) => Some(Self::KeyCreated),
            (Deed::TokenReuse, _) => Some(Self::TokenReused),
            // end wing:clients
            (Deed::ExportData, _) => Some(Self::Exported), // wing:data-rights
            // Told otherwise: a sign-in if it is by a new device, a change of address by the mail that takes it back, a
            // deletion while there still is an address, a client when it is allowed.
            (Deed::SignIn | Deed::ChangeEmail | Deed::DeleteUser, _) => None,
            (Deed::ClientSignedIn, _) => None, // wing:clients
            // Whoever would be told has just done it, or proven the address by it.
            (Deed::Register | Deed::VerifyEmail | Deed::Confirm, _) => None,
            // It only takes from what can be done with the account.
            (Deed::SignOut | Deed::RevokeSession | Deed::ForgetToken, _) => None,
            (Deed::ClientSignedOut | Deed::ClientRevoked, _) => None, // wing:clients
            // Nothing came of it. Too much of it locks the address, which is told.
            (
                Deed::SignInFailed | Deed::ConfirmFailed | Deed::ChangePasswordFailed | Deed::TooManyAttempts,
                _,
            ) => None,
            (Deed::SecondFactorFailed, _) => None, // wing:second-factors
            // The address was not verified.
            (Deed::LoseEmail, _) => None,
            // It is about no account.
            (Deed::Invite, _) => None,
        }
    }

    /// The subject, what has happened, and what to do about it.
    fn words(self, site: &str) -> (String, String, Advice) {
        let (subject, said, advice) = match self {
            Self::NewDevice => (
                "New sign-in at {site}",
                "Somebody signed in to your account at {site}, with a browser and from a network that have not been \
                 used for it in the last 90 days.",
                Advice::TakeBack,
            ),
            Self::Locked => (
                "Your sign-in at {site} is locked",
                "Somebody has failed 100 times in a row to sign in to your account at {site}. Its password is not accepted \
                 any more, until you choose a new one by mail. Nobody has come in.",
                Advice::Unlock,
            ),
            Self::PasswordSet => (
                "A new password at {site}",
                "A new password was set for your account at {site}.",
                Advice::TakeBack,
            ),
            Self::PasswordReset => (
                "Your password at {site} was reset",
                "A new password was chosen for your account at {site}, with a link from a mail to this address. \
                 Everything that was signed in has ended.",
                Advice::TakeBack,
            ),
            Self::PasswordRemoved => (
                "Your password at {site} was removed",
                "Your account at {site} had a password from before this address was verified. Somebody else may have \
                 chosen it, so it was removed. You can choose a new one in your security settings.",
                Advice::None,
            ),
            Self::AddressAsked => (
                "A change of your e-mail address at {site}",
                "At {site}, another e-mail address was entered for your account. Nothing has changed yet: the new \
                 address has to be confirmed first.",
                Advice::TakeBack,
            ),
            Self::AddressBack => (
                "A change of address at {site} was undone",
                "The link that undoes a change of the e-mail address was used for your account at {site}, which has this \
                 address again. Everything that was signed in has ended, and the password was removed. Another mail has a \
                 link with which you choose a new one.",
                Advice::TakeBack,
            ),
            Self::AddressKept => (
                "Your account at {site} was secured",
                "The link that undoes a change of the e-mail address was used for your account at {site}. The former \
                 address belongs to another account by now, so yours keeps this one. Everything that was signed in has \
                 ended, and the password was removed.",
                Advice::TakeBack,
            ),
            Self::AddressLost => (
                "A change of address at {site} was undone",
                "The link that undoes a change of the e-mail address was used for the account at {site} that had this \
                 address. It has the former one again, and this one does not lead to it any more.",
                Advice::Ask,
            ),
            Self::Connected(_) => (
                "A way to sign in at {site} was added",
                "An account at another site ({note}) was connected to your account at {site}, and can be used to sign \
                 in.",
                Advice::TakeBack,
            ),
            Self::Disconnected(_) => (
                "A way to sign in at {site} was removed",
                "An account at another site ({note}) was disconnected from your account at {site}.",
                Advice::TakeBack,
            ),
            Self::Deleted => (
                "Your account at {site} was deleted",
                "Your account at {site} was deleted, with everything in it. This is the last mail about it.",
                Advice::Ask,
            ),
            // wing:admin
            Self::AddressSet => (
                "Another e-mail address for your account at {site}",
                "Your account at {site} was given another e-mail address. This one does not lead to it any more.",
                Advice::Ask,
            ),
            Self::SessionsEnded => (
                "You were signed out at {site}",
                "Sessions of your account at {site} were ended. You can sign in again.",
                Advice::Ask,
            ),
            Self::Disabled => (
                "Your account at {site} was disabled",
                "Your account at {site} was disabled. Nobody can sign in to it.",
                Advice::Ask,
            ),
            Self::Enabled => (
                "Your account at {site} was enabled",
                "Your account at {site} was enabled. You can sign in again.",
                Advice::Ask,
            ),
            Self::Role(_) => (
                "Your role at {site} was changed",
                "The role of your account at {site} is {note} now.",
                Advice::Ask,
            ),
            // wing:second-factors,passkeys
            Self::FactorsReset => (
                "Your second factors at {site} were removed",
                "The second factors of your account at {site} were removed, and everything that was signed in has \
                 ended. Your password is as it was.",
                Advice::Ask,
            ),
            // end wing:second-factors,passkeys
            // end wing:admin
            // wing:second-factors
            Self::TotpOn => (
                "Two-step sign-in at {site} was turned on",
                "Your account at {site} now asks for a code of an authenticator app at every sign-in. Its recovery \
                 codes are new.",
                Advice::TakeBackWithHelp,
            ),
            Self::TotpOff => (
                "Two-step sign-in at {site} was turned off",
                "Your account at {site} does not ask for a code of an authenticator app any more.",
                Advice::TakeBack,
            ),
            Self::NewRecoveryCodes => (
                "New recovery codes at {site}",
                "The recovery codes of your account at {site} were replaced. The former ones are of no use any more.",
                Advice::TakeBackWithHelp,
            ),
            Self::RecoveryCodeUsed => (
                "A recovery code was used at {site}",
                "Somebody signed in to your account at {site} with a recovery code in place of the authenticator app.",
                Advice::TakeBackWithHelp,
            ),
            // end wing:second-factors
            // wing:passkeys
            Self::PasskeyAdded => (
                "A passkey was added at {site}",
                "A passkey was added to your account at {site}, and can be used to sign in without a password.",
                Advice::TakeBack,
            ),
            Self::PasskeyRemoved => (
                "A passkey was removed at {site}",
                "A passkey was removed from your account at {site}, and does not sign in to it any more.",
                Advice::TakeBack,
            ),
            // end wing:passkeys
            // wing:clients
            Self::KeyCreated => (
                "A personal key was created at {site}",
                "A personal key was created, with which a program can use your account at {site}.",
                Advice::TakeBack,
            ),
            Self::ClientAllowed => (
                "An application was given access at {site}",
                "An application was given access to your account at {site}. Your settings show which.",
                Advice::TakeBack,
            ),
            Self::TokenReused => (
                "The access of an application at {site} was ended",
                "A token of an application that had access to your account at {site} was used twice: a copy of it is in \
                 other hands. The access has ended, and the application asks you for it again.",
                Advice::Ask,
            ),
            // end wing:clients
            // wing:data-rights
            Self::Exported => (
                "Your data at {site} was downloaded",
                "Everything that is kept about you at {site} was put into a file and downloaded.",
                Advice::TakeBack,
            ),
            // end wing:data-rights
        };
        let said = said.replace("{site}", site).replace("{note}", &self.note());
        (subject.replace("{site}", site), said, advice)
    }

    /// Why it was sent.
    const fn closing(self) -> &'static str {
        match self {
            Self::AddressLost | Self::Deleted => LAST,
            Self::AddressSet => LAST, // wing:admin
            _ => NOT_OPTIONAL,
        }
    }

    /// One more word, of those that the configuration or this program knows.
    fn note(self) -> String {
        match self {
            Self::Connected(provider) | Self::Disconnected(provider) => provider.to_owned(),
            // wing:admin
            Self::Role(name) => Role::from_name(name).unwrap_or_default().label().to_owned(),
            // end wing:admin
            _ => String::new(),
        }
    }

    /// The mail.
    fn content(self, site: &str, at: OffsetDateTime, doer: Doer<'_>) -> Content {
        let (subject, said, advice) = self.words(site);
        let advice = match (advice, doer) {
            (Advice::TakeBack, Doer::Holder(_)) => Some(take_back(site)),
            // Those who have done it know why.
            (Advice::TakeBack, _) => Some(ask(site)), // wing:admin,data-rights
            // wing:second-factors
            (Advice::TakeBackWithHelp, _) => Some(format!(
                "{} If you cannot get past the second step, ask those who run {site}.",
                take_back(site)
            )),
            // end wing:second-factors
            (Advice::Unlock, _) => Some(format!(
                "Go to {site}, say at the sign-in that you have forgotten your password, and choose a new one."
            )),
            (Advice::Ask, _) => Some(ask(site)),
            (Advice::None, _) => None,
        };
        let parts = [said, circumstances(at, doer).replace("{site}", site)]
            .into_iter()
            .chain(advice)
            .chain([self.closing().to_owned()]);
        Content {
            subject,
            parts: parts.map(Part::Text).collect(),
        }
    }
}

fn ask(site: &str) -> String {
    format!("If you did not expect this, ask those who run {site}.")
}

fn take_back(site: &str) -> String {
    format!(
        "If that was not you, somebody else can use your account. Go to {site}, say at the sign-in that you have forgotten \
         your password, and choose a new one: that ends everything that is signed in. Then look through your settings, \
         and remove what is not yours."
    )
}

/// When it was done, and from where, or by whom. It may name the site as `{site}`.
fn circumstances(at: OffsetDateTime, doer: Doer<'_>) -> String {
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute) = (at.hour(), at.minute());
    let at = format!("Done on {year:04}-{month:02}-{day:02} at {hour:02}:{minute:02} UTC");
    match doer {
        Doer::Holder(Some(client)) => {
            let device = wire::device(client.user_agent.as_deref());
            match client.ip {
                Some(ip) => format!("{at}, from the network address {ip}, with this browser: {device}."),
                None => format!("{at}, with this browser: {device}."),
            }
        }
        Doer::Holder(None) => format!("{at}."),
        Doer::Administrator => format!("{at}, by an administrator of {{site}}."), // wing:admin
        Doer::Operator => format!("{at}, by those who run {{site}}."),            // wing:admin,data-rights
    }
}

impl Mail {
    /// Tells a user, in the transaction of the deed, if the user has a verified address. The job finds the row the next
    /// time it looks.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn notify(
        &self,
        tx: &mut Tx,
        user_id: Uuid,
        notice: Notice<'_>,
        doer: Doer<'_>,
    ) -> Result<()> {
        if !self.is_on() {
            return Ok(());
        }
        match verified_address(tx, user_id).await? {
            Some(to) => self.notify_at(tx, Some(user_id), Some(&to), notice, doer).await,
            None => Ok(()),
        }
    }

    /// Tells an address that is known to be verified. Without one, the same work is done for a mail that is never sent.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn notify_at(
        &self,
        tx: &mut Tx,
        user_id: Option<Uuid>,
        to: Option<&Email>,
        notice: Notice<'_>,
        doer: Doer<'_>,
    ) -> Result<()> {
        let site = self.0.public_url.authority();
        let mail = NewMail {
            kind: match notice {
                Notice::Deleted => Kind::Deletion,
                _ => Kind::Notice,
            },
            user_id,
            to,
            content: notice.content(site, self.0.clock.now(), doer),
            life: LIFE,
        };
        self.insert(tx, mail).await
    }

    /// Tells the address of a user who has just been deleted. The row keeps it for as long as it waits, so write it after
    /// all that is forgotten.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn notify_of_deletion(
        &self,
        tx: &mut Tx,
        to: Option<Email>,
        client: Option<&Client>,
    ) -> Result<()> {
        match to.filter(|_| self.is_on()) {
            Some(to) => {
                self.notify_at(tx, None, Some(&to), Notice::Deleted, Doer::Holder(client))
                    .await
            }
            None => Ok(()),
        }
    }
}

/// The address of a user, if it is verified.
pub(crate) async fn verified_address(tx: &mut Tx, user_id: Uuid) -> Result<Option<Email>> {
    let email: Option<Option<String>> =
        sqlx::query_scalar("SELECT email FROM users WHERE id = $1 AND email_verified_at IS NOT NULL")
            .bind(user_id)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(email.flatten().and_then(|email| email.parse().ok()))
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;
    use crate::mail::texts::Written;

    const SITE: &str = "app.example";

    /// Each notice, and a word that only it has.
    const ALL: &[(Notice<'_>, &str)] = &[
        (Notice::NewDevice, "New sign-in"),
        (Notice::Locked, "100 times"),
        (Notice::PasswordSet, "A new password at"),
        (Notice::PasswordReset, "was reset"),
        (
            Notice::PasswordRemoved,
            "Your password at app.example was removed",
        ),
        (Notice::AddressAsked, "another e-mail address was entered"),
        (Notice::AddressBack, "has this address again"),
        (Notice::AddressKept, "was secured"),
        (Notice::AddressLost, "does not lead to it any more"),
        (Notice::Connected("acme"), "(acme) was connected"),
        (Notice::Disconnected("acme"), "(acme) was disconnected"),
        (Notice::Deleted, "was deleted"),
        // wing:admin
        (Notice::AddressSet, "was given another e-mail address"),
        (Notice::SessionsEnded, "You were signed out"),
        (Notice::Disabled, "was disabled"),
        (Notice::Enabled, "was enabled"),
        (Notice::Role("admin"), "is Administrator now"),
        (Notice::FactorsReset, "factors at app.example were removed"), // wing:second-factors,passkeys
        // end wing:admin
        // wing:second-factors
        (Notice::TotpOn, "was turned on"),
        (Notice::TotpOff, "does not ask"),
        (Notice::NewRecoveryCodes, "were replaced"),
        (Notice::RecoveryCodeUsed, "recovery code was used"),
        // end wing:second-factors
        // wing:passkeys
        (Notice::PasskeyAdded, "passkey was added"),
        (Notice::PasskeyRemoved, "passkey was removed"),
        // end wing:passkeys
        // wing:clients
        (Notice::KeyCreated, "personal key"),
        (Notice::ClientAllowed, "was given access"),
        (Notice::TokenReused, "used twice"),
        // end wing:clients
        (Notice::Exported, "was downloaded"), // wing:data-rights
    ];

    fn written(notice: Notice<'_>, doer: Doer<'_>) -> Written {
        notice.content(SITE, OffsetDateTime::UNIX_EPOCH, doer).write()
    }

    #[test]
    fn text_and_html_say_the_same_and_nothing_can_be_done_with_either() {
        let client = Client {
            ip: "2001:db8::1".parse().ok(),
            user_agent: Some("<script>&\u{202e}".to_owned()),
        };
        let unknown = Client::default();
        let doers = [
            (
                Doer::Holder(Some(&client)),
                "network address 2001:db8::1, with this browser: Unknown device.",
            ),
            (
                Doer::Holder(Some(&unknown)),
                "UTC, with this browser: Unknown device.",
            ),
            (Doer::Holder(None), "1970-01-01 at 00:00 UTC."),
            (Doer::Administrator, "by an administrator of app.example."), // wing:admin
            (Doer::Operator, "by those who run app.example."),            // wing:admin,data-rights
        ];
        for (notice, own) in ALL {
            for (doer, circumstances) in doers {
                let Written { subject, text, html } = written(*notice, doer);
                assert!(subject.contains(SITE) && subject.len() < 70, "{subject}");
                let all = format!("{subject}\n{text}");
                for said in [own, circumstances, "1970-01-01 at 00:00 UTC", notice.closing()] {
                    assert!(all.contains(said), "{said}: {all}");
                }
                for paragraph in text.trim_end().split("\n\n") {
                    assert!(html.contains(&paragraph.replace('"', "&quot;")), "{paragraph}");
                }
                assert!(text.is_ascii() && html.is_ascii(), "{text}");
                for banned in ["script", "://", "token", "href", "{", "202e"] {
                    let body = html.split_once("<body").unwrap().1;
                    let is_said = banned == "token" && text.contains("A token of an application");
                    assert!(is_said || !text.contains(banned), "{banned}: {text}");
                    assert!(is_said || !body.contains(banned), "{banned}: {body}");
                }
            }
        }
        for (one, _) in ALL {
            let subject = |notice| written(notice, Doer::Holder(None)).text;
            let same = ALL.iter().filter(|(other, _)| subject(*other) == subject(*one));
            assert_eq!(same.count(), 1, "{one:?}");
        }
    }

    /// That each deed is decided about is what the compiler checks. This is what was decided.
    #[test]
    fn what_is_not_told_is_listed() {
        let silent = Deed::VARIANTS
            .iter()
            .filter(|deed| Notice::of(**deed, Doer::Holder(None), "").is_none());
        let silent: Vec<_> = silent.map(|deed| deed.name()).collect();
        let expected = [
            "register",
            "sign_in",
            "sign_in_failed",
            "confirm_failed",
            "change_password_failed",
            "too_many_attempts",
            "sign_out",
            "revoke_session",
            "confirm",
            "verify_email",
            "forget_token",
            "delete_user",
            "change_email",
            "lose_email",
            "invite",
            "second_factor_failed", // wing:second-factors
            "client_signed_in",     // wing:clients
            "client_signed_out",    // wing:clients
            "client_revoked",       // wing:clients
        ];
        assert_eq!(silent, expected);
    }
}
