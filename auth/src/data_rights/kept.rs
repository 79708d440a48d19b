//! What is kept about people: every column of every table, in words, with the reason and the time.

use time::Duration;

// wing:mail
use crate::mail::{lock::REMEMBERED_FOR as FAILURES_FOR, seen::KNOWN_FOR as SEEN_FOR};
// end wing:mail
use crate::session::devices::TRUSTED_FOR; // wing:second-factors
use crate::{audit, cookies::CookieName, form_texts, networks};

/// A question that a person may have, and what is kept that answers it.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// The question.
    pub title: &'static str,
    /// What is kept.
    pub lines: &'static [Line],
}

/// Something that is kept about a person.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// What it is, in words that a person understands who has never seen a database.
    pub what: &'static str,
    /// The reason.
    pub why: &'static str,
    /// How long it is kept.
    pub life: Life,
    /// The columns that it consists of, by their tables.
    pub columns: &'static [(&'static str, &'static [Column])],
}

/// How long something is kept. A time that the code knows is named by its constant, so that the page cannot say another one.
#[derive(Clone, Copy, Debug)]
pub enum Life {
    /// As long as the account.
    Account,
    /// For this long, counted from an event.
    After(Duration, &'static str),
    /// In other words.
    Until(&'static str),
}

impl Life {
    /// It in words.
    pub fn words(self) -> String {
        match self {
            Self::Account => "as long as your account".to_owned(),
            Self::After(duration, since) => format!("{} {since}", words(duration)),
            Self::Until(text) => text.to_owned(),
        }
    }
}

/// A duration in its largest whole unit.
fn words(duration: Duration) -> String {
    let (count, unit) = match duration {
        _ if duration.whole_days() >= 2 => (duration.whole_days(), "day"),
        _ if duration.whole_hours() >= 1 => (duration.whole_hours(), "hour"),
        _ if duration.whole_minutes() >= 1 => (duration.whole_minutes(), "minute"),
        _ => (duration.whole_seconds(), "second"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its content.
    pub kind: Kind,
}

/// The content of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A UUID.
    Id,
    /// Text.
    Text,
    /// A moment.
    Time,
    /// A whole number.
    Number,
    /// Yes or no.
    Flag,
    /// A JSON value.
    Json,
    /// A picture as WebP.
    Picture, // wing:pictures
    /// A secret, the hash of one, or something that is sealed: it leaves the database for no reader.
    Secret,
}

const fn id(name: &'static str) -> Column {
    Column { name, kind: Kind::Id }
}

const fn text(name: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Text,
    }
}

const fn time(name: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Time,
    }
}

const fn number(name: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Number,
    }
}

const fn flag(name: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Flag,
    }
}

const fn json(name: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Json,
    }
}

// wing:pictures
const fn picture(name: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Picture,
    }
}
// end wing:pictures

const fn secret(name: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Secret,
    }
}

/// Which rows of a table are about one person.
#[derive(Clone, Copy, Debug)]
pub enum Rows {
    /// Those that fulfil one of these conditions. `$1` is the person's id. No row fulfils two.
    Where(&'static [&'static str]),
    /// Those of the person's sessions, found by a hash that no condition computes.
    OfSessions,
    /// Unknown: they belong to a browser or to a hash.
    Unlinked,
}

const OF_USER: Rows = Rows::Where(&["user_id = $1"]);
const OF_LIVE_SESSIONS: Rows = Rows::Where(&["session_id IN (SELECT id FROM sessions WHERE user_id = $1)"]);

/// The tables with something about people, in the order of an export.
pub const TABLES: &[(&str, Rows)] = &[
    ("users", Rows::Where(&["id = $1"])),
    ("accounts", OF_USER),
    ("sessions", OF_USER),
    ("tower_sessions", Rows::OfSessions),
    ("former_ids", OF_LIVE_SESSIONS),
    ("stale_sessions", OF_LIVE_SESSIONS),
    ("user_data", OF_USER),
    ("form_texts", OF_USER),
    (
        "audit_events",
        Rows::Where(&["user_id = $1", "actor_id = $1 AND user_id IS DISTINCT FROM $1"]),
    ),
    ("sign_in_networks", OF_USER),
    ("sign_in_flows", OF_USER),
    ("ways_back", Rows::Unlinked),
    ("pending_links", OF_USER),
    // wing:clients
    ("authorization_codes", OF_USER),
    ("device_grants", OF_USER),
    // end wing:clients
    // wing:second-factors
    ("totp", OF_USER),
    ("recovery_codes", OF_USER),
    ("devices", OF_USER),
    // end wing:second-factors
    ("ceremonies", OF_USER), // wing:second-factors,passkeys
    ("passkeys", OF_USER),   // wing:passkeys
    ("pictures", OF_USER),   // wing:pictures
    // wing:mail
    ("seen_clients", OF_USER),
    ("sign_in_failures", Rows::Unlinked),
    ("mail_tokens", OF_USER),
    ("mail_outbox", OF_USER),
    // end wing:mail
];

/// The tables without anything about people.
pub const OTHER_TABLES: &[&str] = &[
    "readiness",
    "snapshot_ttl",
    // wing:clients
    "clients",
    "client_secrets",
    // end wing:clients
];

/// Everything that is kept.
pub const SECTIONS: &[Section] = &[
    Section {
        title: "Who you are",
        lines: &[
            Line {
                what: "Your e-mail address, and when it was verified",
                why: "You sign in with it, and it shows that an account is yours.",
                life: Life::Account,
                columns: &[("users", &[text("email"), time("email_verified_at")])],
            },
            Line {
                what: "Your name, and the address of your picture",
                why: "They are shown to you. You entered them, or your provider sent them.",
                life: Life::Account,
                columns: &[("users", &[text("name"), text("avatar_url")])],
            },
            // wing:pictures
            Line {
                what: "Your picture, made small, and the address at your provider that it is from",
                why: "It is shown beside your name. You uploaded it, or your provider named its address.",
                life: Life::Until("until you replace or remove it, or delete your account"),
                columns: &[(
                    "pictures",
                    &[
                        // Where it is served, at `/pictures/` and its id.
                        id("id"),
                        id("user_id"),
                        picture("webp"),
                        text("source"),
                        time("updated_at"),
                    ],
                )],
            },
            // end wing:pictures
            Line {
                what: "The id of your account, your role, when the account was created and changed, and whether it is disabled",
                why: "They tell accounts apart, and decide what you may do here.",
                life: Life::Account,
                columns: &[(
                    "users",
                    &[
                        id("id"),
                        text("role"),
                        time("created_at"),
                        time("updated_at"),
                        time("disabled_at"),
                    ],
                )],
            },
        ],
    },
    Section {
        title: "How you sign in",
        lines: &[
            Line {
                what: "Your password, in a form from which it cannot be read",
                why: "It shows that it is you.",
                life: Life::Account,
                columns: &[("users", &[secret("password_hash")])],
            },
            Line {
                what: "Your accounts at the providers that you sign in with: the id that they have for you, and the profile that they sent",
                why: "They recognise you when you sign in there.",
                life: Life::Until("until you disconnect that account, or delete yours"),
                columns: &[(
                    "accounts",
                    &[
                        id("id"),
                        id("user_id"),
                        text("provider"),
                        text("issuer"),
                        text("subject"),
                        text("email"),
                        flag("email_verified"),
                        json("profile"),
                        time("created_at"),
                        time("last_used_at"),
                    ],
                )],
            },
            Line {
                what: "What those providers let us do on your behalf: their tokens, encrypted",
                why: "You allowed it when you signed in there.",
                life: Life::Until("until you disconnect that account, or delete yours"),
                columns: &[(
                    "accounts",
                    &[
                        secret("access_token"),
                        secret("refresh_token"),
                        time("token_expires_at"),
                        text("scopes"),
                    ],
                )],
            },
            // wing:second-factors
            Line {
                what: "The key of your authenticator app, encrypted, and your recovery codes, which cannot be read from what we keep",
                why: "They are the second step of your sign-in.",
                life: Life::Account,
                columns: &[
                    (
                        "totp",
                        &[
                            id("user_id"),
                            secret("secret"),
                            number("last_step"),
                            time("confirmed_at"),
                        ],
                    ),
                    ("recovery_codes", &[secret("hash"), id("user_id")]),
                ],
            },
            Line {
                what: "The browsers in which you asked for no second step",
                why: "They are not asked for a code.",
                life: Life::After(TRUSTED_FOR, "after you asked for it"),
                columns: &[(
                    "devices",
                    &[
                        secret("hash"),
                        id("user_id"),
                        time("trusted_until"),
                        text("user_agent"),
                    ],
                )],
            },
            // end wing:second-factors
            // wing:passkeys
            Line {
                what: "Your passkeys: what recognises them, their names, the model of what keeps them, and when you used them",
                why: "You sign in with them.",
                life: Life::Until("until you remove them, or delete your account"),
                columns: &[(
                    "passkeys",
                    &[
                        id("id"),
                        id("user_id"),
                        secret("credential_id"),
                        secret("passkey"),
                        text("name"),
                        id("aaguid"),
                        flag("synced"),
                        time("created_at"),
                        time("last_used_at"),
                    ],
                )],
            },
            // end wing:passkeys
            // wing:second-factors,passkeys
            Line {
                what: "A step of a sign-in, or a change of how you sign in, that you have begun and not finished",
                why: "It is needed to finish it.",
                life: Life::Until("until it is finished, 10 minutes at most"),
                columns: &[(
                    "ceremonies",
                    &[
                        id("id"),
                        text("kind"),
                        secret("owner"),
                        secret("challenge"),
                        id("user_id"),
                        secret("state"),
                        time("expires_at"),
                    ],
                )],
            },
            // end wing:second-factors,passkeys
            Line {
                what: "The networks that you signed in from: your internet address without its last part",
                why: "Strangers who guess at your password from elsewhere cannot keep you out.",
                life: Life::After(networks::KNOWN_FOR, "after the last sign-in from there"),
                columns: &[(
                    "sign_in_networks",
                    &[id("id"), id("user_id"), text("network"), time("last_at")],
                )],
            },
            // wing:mail
            Line {
                what: "The browsers and networks that you signed in with, which cannot be read from what we keep",
                why: "You are told when somebody signs in with others.",
                life: Life::After(SEEN_FOR, "after the last sign-in with them"),
                columns: &[(
                    "seen_clients",
                    &[secret("mark"), id("user_id"), time("last_seen_at")],
                )],
            },
            Line {
                what: "How often somebody has failed to sign in with your address, which cannot be read from it",
                why: "After 100 failures in a row, your password is not accepted until you have read a mail.",
                life: Life::After(FAILURES_FOR, "after the last failure, or until the next sign-in"),
                columns: &[(
                    "sign_in_failures",
                    &[secret("address_hmac"), number("failures"), time("updated_at")],
                )],
            },
            // end wing:mail
            Line {
                what: "A sign-in with a provider that you have begun and not finished",
                why: "It is needed to finish it, and to lead you back to the page that you came from.",
                life: Life::Until("until it is finished, 10 minutes at most; the page for an hour"),
                columns: &[
                    (
                        "sign_in_flows",
                        &[
                            secret("state_hash"),
                            id("id"),
                            secret("browser_hash"),
                            text("provider"),
                            secret("pkce_verifier"),
                            secret("nonce"),
                            secret("return_to"),
                            text("intent"),
                            flag("remember"),
                            id("user_id"),
                            id("session_id"),
                            time("expires_at"),
                        ],
                    ),
                    (
                        "ways_back",
                        &[
                            secret("state_hash"),
                            id("id"),
                            secret("browser_hash"),
                            text("intent"),
                            secret("return_to"),
                            time("expires_at"),
                        ],
                    ),
                    (
                        "pending_links",
                        &[
                            secret("browser_hash"),
                            id("user_id"),
                            secret("sealed"),
                            time("expires_at"),
                        ],
                    ),
                ],
            },
            // wing:mail
            Line {
                what: "The links and codes in our mails to you, which cannot be read from what we keep, and the address that they were sent to",
                why: "They prove that the address is yours.",
                life: Life::Until(
                    "until they are used, 24 hours at most; an invitation, and a link that undoes a change of address, 7 days",
                ),
                columns: &[(
                    "mail_tokens",
                    &[
                        secret("hash"),
                        id("id"),
                        text("purpose"),
                        id("user_id"),
                        text("address"),
                        secret("code_hash"),
                        secret("browser_hash"),
                        number("tries_left"),
                        secret("data"),
                        time("expires_at"),
                    ],
                )],
            },
            // end wing:mail
        ],
    },
    Section {
        title: "Where you are signed in",
        lines: &[
            Line {
                what: "Each browser in which you are signed in: what it calls itself, the internet address that you signed in from, how you signed in, and since when",
                why: "They keep you signed in, and you can recognise and end each of them.",
                life: Life::Until("until you sign out, or have not been here for a while"),
                columns: &[
                    (
                        "sessions",
                        &[
                            id("id"),
                            id("user_id"),
                            secret("key_hash"),
                            text("kind"),
                            number("version"),
                            time("created_at"),
                            time("last_seen_at"),
                            time("idle_expires_at"),
                            time("expires_at"),
                            time("authenticated_at"),
                            flag("remember"),
                            text("method"),
                            text("user_agent"),
                            text("ip"),
                        ],
                    ),
                    (
                        "tower_sessions",
                        &[secret("id"), json("data"), time("expiry_date")],
                    ),
                ],
            },
            Line {
                what: "The ids of sign-ins that have just ended or changed",
                why: "What still comes with an old cookie is refused.",
                life: Life::Until("a few minutes"),
                columns: &[
                    (
                        "former_ids",
                        &[secret("key_hash"), id("session_id"), time("forget_at")],
                    ),
                    (
                        "stale_sessions",
                        &[
                            number("seq"),
                            id("session_id"),
                            number("min_version"),
                            time("forget_at"),
                        ],
                    ),
                ],
            },
            // wing:clients
            Line {
                what: "Each program and device that you let into your account, and what it may do",
                why: "You allowed it, and you can take it back.",
                life: Life::Until("until you take it back, or it has not come for a while"),
                columns: &[
                    (
                        "sessions",
                        &[
                            text("client_id"),
                            text("scope"),
                            text("name"),
                            text("resource"),
                            number("generation"),
                            secret("prev_hash"),
                            secret("salt"),
                            time("rotated_at"),
                            flag("confirmed"),
                        ],
                    ),
                    (
                        "authorization_codes",
                        &[
                            secret("code_hash"),
                            text("client_id"),
                            id("user_id"),
                            text("redirect_uri"),
                            secret("challenge"),
                            text("scope"),
                            text("resource"),
                            time("expires_at"),
                            time("spent_at"),
                            id("session_id"),
                            id("granted_in"),
                        ],
                    ),
                    (
                        "device_grants",
                        &[
                            secret("device_hash"),
                            secret("user_hash"),
                            text("client_id"),
                            text("scope"),
                            text("resource"),
                            text("ip"),
                            text("user_agent"),
                            number("poll_interval"),
                            time("polled_at"),
                            text("state"),
                            id("user_id"),
                            time("created_at"),
                            time("expires_at"),
                            id("granted_in"),
                        ],
                    ),
                ],
            },
            // end wing:clients
        ],
    },
    Section {
        title: "What you write here",
        lines: &[
            Line {
                what: "What you enter in your settings, and what programs that you let in keep for you",
                why: "It is yours, and the application works with it.",
                life: Life::Until("until you remove it, or delete your account"),
                columns: &[(
                    "user_data",
                    &[
                        id("user_id"),
                        text("client_id"),
                        text("bucket"),
                        json("data"),
                        number("version"),
                        time("updated_at"),
                    ],
                )],
            },
            Line {
                what: "What you typed into a form that could not be saved, encrypted",
                why: "The form can show it to you again.",
                life: Life::After(Duration::seconds(form_texts::LIFE), "after you sent it"),
                columns: &[(
                    "form_texts",
                    &[id("id"), id("user_id"), secret("sealed"), time("expires_at")],
                )],
            },
        ],
    },
    Section {
        title: "What happened to your account",
        lines: &[
            Line {
                what: "The history of your account: sign-ins, wrong passwords, changes, and what others did to it",
                why: "You can see what was done with your account, and so can whoever you ask for help.",
                life: Life::After(
                    audit::KEPT,
                    "after it happened; after you delete your account, without anything that leads to you",
                ),
                columns: &[(
                    "audit_events",
                    &[
                        id("id"),
                        time("at"),
                        id("user_id"),
                        id("actor_id"),
                        id("session_id"),
                        text("kind"),
                        json("detail"),
                    ],
                )],
            },
            Line {
                what: "The internet addresses in that history",
                why: "They show where it came from.",
                life: Life::After(audit::ADDRESSES_KEPT, "after it happened"),
                columns: &[("audit_events", &[text("ip")])],
            },
        ],
    },
    // wing:mail
    Section {
        title: "What we send you",
        lines: &[Line {
            what: "Mails to you that are not sent yet: your address, and the mail, encrypted",
            why: "They are tried again when your mail server does not take them.",
            life: Life::Until(
                "until they are sent, 7 days at most; the one that tells you that your account was deleted 48 hours at most",
            ),
            columns: &[(
                "mail_outbox",
                &[
                    id("id"),
                    id("user_id"),
                    text("kind"),
                    text("recipient"),
                    secret("body"),
                    time("due_at"),
                    number("tries"),
                    time("claimed_until"),
                    time("give_up_at"),
                ],
            )],
        }],
    },
    // end wing:mail
];

/// A cookie, in words.
#[derive(Clone, Copy, Debug)]
pub struct Cookie {
    /// The cookie.
    pub name: CookieName,
    /// What it is for.
    pub what: &'static str,
    /// How long your browser keeps it.
    pub life: &'static str,
}

/// All cookies. Each is needed for what a visitor asked for, so there is nothing to agree to.
pub const COOKIES: &[Cookie] = &[
    Cookie {
        name: CookieName::Id,
        what: "It shows that you are signed in.",
        life: "until you sign out or close your browser; 30 days at most if you stay signed in",
    },
    Cookie {
        name: CookieName::Auth,
        what: "A sealed copy of who is signed in, which saves a question to the database.",
        life: "as long as the cookie above",
    },
    Cookie {
        name: CookieName::Flow,
        what: "It connects the steps of a sign-in that takes several, in the browser in which you began it.",
        life: "10 minutes",
    },
    Cookie {
        name: CookieName::Flash,
        what: "It carries the outcome of a form to the next page, if your browser runs no JavaScript.",
        life: "until the next page, or 10 minutes",
    },
    // wing:second-factors
    Cookie {
        name: CookieName::Device,
        what: "In this browser you asked for no second step at sign-in.",
        life: "30 days",
    },
    // end wing:second-factors
    Cookie {
        name: CookieName::Theme,
        what: "You chose light or dark.",
        life: "a year",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use strum::VariantArray;

    use super::*;

    #[test]
    fn every_cookie_is_described_once() {
        let described: Vec<_> = COOKIES.iter().map(|cookie| cookie.name as usize).collect();
        let known: Vec<_> = CookieName::VARIANTS.iter().map(|name| *name as usize).collect();
        assert_eq!(described, known);
    }

    #[test]
    fn every_table_with_a_line_has_its_rows() {
        let lines = SECTIONS.iter().flat_map(|section| section.lines);
        let with_lines: BTreeSet<_> = lines
            .flat_map(|line| line.columns)
            .map(|(table, _)| *table)
            .collect();
        let with_rows: BTreeSet<_> = TABLES.iter().map(|(table, _)| *table).collect();
        assert_eq!(with_lines, with_rows);
        assert_eq!(with_rows.len(), TABLES.len());
    }

    #[test]
    fn times_are_said_in_their_largest_unit() {
        for (duration, said) in [
            (Duration::days(400), "400 days"),
            (Duration::hours(24), "24 hours"),
            (Duration::hours(1), "1 hour"),
            (Duration::seconds(600), "10 minutes"),
            (Duration::seconds(60), "1 minute"),
        ] {
            assert_eq!(words(duration), said);
        }
    }
}
