//! The list of wings.

use std::{fs, path::Path};

use crate::Outcome;

/// A feature that a fork may not want. What belongs to it is either below its paths or marked.
pub(crate) struct Wing {
    pub(crate) name: String,
    /// What it is for.
    pub(crate) about: String,
    /// Its files and folders, from the root.
    pub(crate) paths: Vec<String>,
    /// Files that other wings need as well. They go with the last of these.
    pub(crate) shared: Vec<&'static str>,
    /// Texts that are replaced without it, where a mark is impossible: a file, the text, and its replacement.
    pub(crate) rewritten: &'static [Rewritten],
    /// Whether it is a known provider. There are many of those, all alike.
    pub(crate) is_preset: bool,
}

pub(crate) type Rewritten = (&'static str, &'static str, &'static str);

struct Row {
    name: &'static str,
    about: &'static str,
    paths: &'static [&'static str],
    shared: &'static [&'static [&'static str]],
    rewritten: &'static [Rewritten],
}

// wing:admin
const ADMIN_INDEXES: &str = "\
-- For administration: search by the beginning of a name, and who the administrators are.
CREATE INDEX users_name ON users (lower(name), id);
CREATE INDEX users_role ON users (role);
";
// end wing:admin

// wing:private-data+clients
const SECRET_PARAMETER: &str = r#"          {
            "name": "X-Client-Secret",
            "in": "header",
            "description": "The client's secret, which `type=private` needs besides.",
            "schema": {"type": "string"}
          },
"#;
const PRIVATE_MEMBER: &str =
    r#""private": {"type": ["object", "null"], "description": "`null` unless the request names it."}"#;
// end wing:private-data+clients

// wing:second-factors,passkeys
const CEREMONIES: &[&str] = &[
    "auth/src/ceremonies.rs",
    "migrations/postgres/0012_ceremonies.sql",
    "migrations/sqlite/0012_ceremonies.sql",
    "server/benches/load/factors/mod.rs",
    "server/benches/load/factors/person.rs",
];
// end wing:second-factors,passkeys

// wing:mail,second-factors,passkeys
const NEXT_STEPS: &[&str] = &[
    "app/src/pages/settings/next_steps.rs",
    "auth/src/users/standing.rs",
];
// end wing:mail,second-factors,passkeys

// wing:dev-provider,mail
const RELEASED: &[&str] = &["xtask/src/released.rs"];
// end wing:dev-provider,mail

/// The wings that are not presets.
const WINGS: &[Row] = &[
    // wing:admin
    Row {
        name: "admin",
        about: "administration: the pages under /admin, and the commands `server admin` and `server sessions`",
        paths: &[
            "app/src/pages/admin",
            "auth/src/admin",
            "auth/wire/src/admin.rs",
            "docs/administration.md",
            "end2end/tests/admin.spec.ts",
            "server/benches/load/people.rs",
            "server/src/admin.rs",
            "server/src/middleware/administration.rs",
            "server/tests/it/admin.rs",
            "server/tests/it/admin_cli.rs",
            "server/tests/it/last_admin.rs",
            "server/tests/it/nowhere.rs",
            "server/tests/it/permissions.rs",
            "server/tests/it/second_factors/reset.rs", // wing:second-factors
        ],
        shared: &[],
        // A mark would change the checksum of a migration, and databases that already have the migration would refuse
        // it.
        rewritten: &[
            ("migrations/sqlite/0001_auth.sql", ADMIN_INDEXES, ""),
            ("migrations/postgres/0001_auth.sql", ADMIN_INDEXES, ""),
        ],
    },
    // end wing:admin
    // wing:private-data
    Row {
        name: "private-data",
        about: "write-only secrets that users give to the server, sealed at rest, and their settings page",
        paths: &[
            "app/src/pages/settings/private.rs",
            "auth/src/data/private",
            "auth/wire/src/data.rs",
            "end2end/tests/settings-private.spec.ts",
            "server/tests/it/private.rs",
        ],
        shared: &[],
        // A mark would change the checksum of a migration, and databases that already have the migration would refuse
        // it.
        rewritten: &[
            (
                "migrations/sqlite/0001_auth.sql",
                "'public', 'private'",
                "'public'",
            ),
            (
                "migrations/postgres/0001_auth.sql",
                "'public', 'private'",
                "'public'",
            ),
            // wing:clients
            // JSON has no comments.
            ("docs/openapi.json", SECRET_PARAMETER, ""),
            (
                "docs/openapi.json",
                "\"enum\": [\"public\", \"private\"]",
                "\"enum\": [\"public\"]",
            ),
            (
                "docs/openapi.json",
                PRIVATE_MEMBER,
                "\"private\": {\"type\": \"null\"}",
            ),
            // end wing:clients
        ],
    },
    // end wing:private-data
    // wing:clients
    Row {
        name: "clients",
        about: "other clients: access tokens, keys and event streams for apps, command lines and servers",
        paths: &[
            "app/src/document/events.js",
            "app/src/document/events.rs",
            "app/src/pages/authorize.rs",
            "app/src/pages/device.rs",
            "app/src/pages/settings/access.rs",
            "app/src/ui/scopes.rs",
            "auth/src/clients",
            "auth/src/session/bearers.rs",
            "auth/src/session/confirmations.rs",
            "auth/src/session/stale/wakes.rs",
            "auth/src/session/watch.rs",
            "auth/wire/src/clients.rs",
            "docs/clients.md",
            "docs/openapi.json",
            "end2end/clients.ts",
            "end2end/examples.ts",
            "end2end/fuzz",
            "end2end/tests/access.spec.ts",
            "end2end/tests/consent.spec.ts",
            "end2end/tests/device.spec.ts",
            "end2end/tests/examples.spec.ts",
            "end2end/tests/javascript/events.spec.ts",
            "end2end/tests/javascript/example-page.spec.ts",
            "examples",
            "migrations/postgres/0009_clients.sql", // wing:postgres
            "migrations/postgres/0010_granting_session.sql", // wing:postgres
            "migrations/sqlite/0009_clients.sql",
            "migrations/sqlite/0010_granting_session.sql",
            "server/benches/load/clients",
            "server/benches/load/server/tokens.rs",
            "server/src/clients.rs",
            "server/src/middleware/bearer.rs",
            "server/src/routes/clients",
            "server/src/routes/consent.rs",
            "server/src/routes/events.rs",
            "server/src/routes/scripts.rs",
            "server/src/routes/user.rs",
            "server/src/routes/user_endpoint.rs",
            "server/tests/instances/events.rs",
            "server/tests/it/clients",
            "xtask/src/fuzz.rs",
        ],
        shared: &[],
        rewritten: &[],
    },
    // end wing:clients
    // wing:mail
    Row {
        name: "mail",
        about: "mails, which prove addresses and lead back in: SMTP, the outbox, the development mailbox, and their pages",
        paths: &[
            "app/src/pages/admin/invite.rs", // wing:admin
            "app/src/pages/claim.rs",
            "app/src/pages/code.rs",
            "app/src/pages/finish.rs",
            "app/src/pages/forgot.rs",
            "app/src/pages/mail_link.rs",
            "app/src/pages/reset.rs",
            "app/src/pages/settings/address.rs",
            "app/src/pages/settings/confirm_by_mail.rs",
            "app/src/pages/verify.rs",
            "auth/src/mail",
            "auth/src/oauth/flow/claim.rs",
            "auth/wire/src/mail.rs",
            "docs/accounts.md",
            "end2end/mail.ts",
            "end2end/mailbox.ts",
            "end2end/tests/mail-accounts.spec.ts",
            "end2end/tests/mail-addresses.spec.ts",
            "end2end/tests/mail-server.spec.ts",
            "end2end/tests/mail.spec.ts",
            "migrations/postgres/0011_mail.sql",         // wing:postgres
            "migrations/postgres/0017_seen_clients.sql", // wing:postgres
            "migrations/postgres/0018_sign_in_failures.sql", // wing:postgres
            "migrations/postgres/0019_mail_user.sql",    // wing:postgres
            "migrations/postgres/0020_mail_indexes.sql", // wing:postgres
            "migrations/sqlite/0011_mail.sql",
            "migrations/sqlite/0017_seen_clients.sql",
            "migrations/sqlite/0018_sign_in_failures.sql",
            "migrations/sqlite/0019_mail_user.sql",
            "migrations/sqlite/0020_mail_indexes.sql",
            "server/benches/load/mails.rs",
            "server/src/dev_mail.rs",
            "server/src/invite.rs",
            "server/tests/instances/mails.rs",
            "server/tests/it/mail",
        ],
        shared: &[RELEASED, NEXT_STEPS],
        rewritten: &[],
    },
    // end wing:mail
    // wing:second-factors
    Row {
        name: "second-factors",
        about: "two-step sign-in: codes of an authenticator app, recovery codes, trusted browsers",
        paths: &[
            "app/src/pages/second.rs",
            "app/src/pages/settings/second_factors.rs",
            "auth/src/second_factors",
            "auth/src/session/devices.rs",
            "auth/src/session/half_way.rs",
            "auth/wire/src/second_factors.rs",
            "docs/second-factors.md",
            "end2end/tests/second-factors.spec.ts",
            "end2end/two-steps.ts",
            "migrations/postgres/0013_second_factors.sql", // wing:postgres
            "migrations/sqlite/0013_second_factors.sql",
            "server/tests/it/second_factors",
        ],
        shared: &[CEREMONIES, NEXT_STEPS],
        rewritten: &[],
    },
    // end wing:second-factors
    // wing:passkeys
    Row {
        name: "passkeys",
        about: "passkeys: signing in and confirming with a fingerprint, a face or a security key",
        paths: &[
            "app/src/pages/passkeys.rs",
            "app/src/pages/settings/passkeys.rs",
            "auth/src/passkeys",
            "auth/testing/authenticator.rs",
            "auth/wire/src/passkeys.rs",
            "docs/passkeys.md",
            "end2end/passkeys.ts",
            "end2end/tests/javascript/passkeys.spec.ts",
            "migrations/postgres/0016_passkeys.sql", // wing:postgres
            "migrations/sqlite/0016_passkeys.sql",
            "public/passkeys.js",
            "server/tests/it/passkeys",
        ],
        shared: &[CEREMONIES, NEXT_STEPS],
        // A mark has no place among attributes.
        rewritten: &[
            (
                "app/src/pages/login.rs",
                "                    // The second word lets browsers offer passkeys here.\n",
                "",
            ),
            ("app/src/pages/login.rs", "\"username webauthn\"", "\"username\""),
        ],
    },
    // end wing:passkeys
    // wing:pictures
    Row {
        name: "pictures",
        about: "people's pictures: uploads, and those of providers, made small and served by the application",
        paths: &[
            "app/src/pages/settings/picture.rs",
            "auth/src/pictures",
            "docs/pictures.md",
            "end2end/tests/pictures.spec.ts",
            "migrations/postgres/0021_pictures.sql", // wing:postgres
            "migrations/sqlite/0021_pictures.sql",
            "server/src/middleware/multipart.rs",
            "server/src/routes/pictures.rs",
            "server/tests/it/pictures",
        ],
        shared: &[],
        rewritten: &[],
    },
    // end wing:pictures
    // wing:data-rights
    Row {
        name: "data-rights",
        about: "what people may ask about their data: the page /privacy, a download of everything, deletion",
        paths: &[
            "app/src/pages/privacy.rs",
            "app/src/pages/settings/your_data.rs",
            "auth/src/data_rights",
            "auth/src/oauth/account/give_back.rs",
            "docs/data-rights.md",
            "end2end/tests/data-rights.spec.ts",
            "migrations/postgres/0015_data_rights.sql", // wing:postgres
            "migrations/sqlite/0015_data_rights.sql",
            "server/src/export.rs",
            "server/src/routes/export.rs",
            "server/tests/it/data_rights",
            "server/tests/it/mail/whose.rs", // wing:mail
        ],
        shared: &[],
        rewritten: &[],
    },
    // end wing:data-rights
    // wing:dev-provider
    Row {
        name: "dev-provider",
        about: "the identity provider in debug builds, which signs in without an account anywhere",
        paths: &[
            "auth/src/oauth/providers/development.rs",
            "end2end/tests/dev-provider.spec.ts",
            "server/src/dev_idp",
            "server/tests/it/killed.rs",
            "server/tests/it/oauth/dev_idp.rs",
        ],
        shared: &[RELEASED],
        rewritten: &[],
    },
    // end wing:dev-provider
    // wing:postgres
    Row {
        name: "postgres",
        about: "PostgreSQL instead of SQLite, for several instances on one database",
        paths: &[
            "auth/src/db/postgres",
            "auth/src/db/postgres.rs",
            "auth/src/db/schema.rs",
            "auth/src/session/stale/postgres.rs",
            "migrations/postgres",
            "server/tests/instances/driver/postgres.rs",
            "server/tests/instances/skew.rs",
            "server/tests/it/database_connections.rs",
            "server/tests/it/postgres.rs",
            "end2end/proxies/broken.mjs",
            "end2end/proxies/load.mjs",
            "xtask/src/postgres.rs",
        ],
        shared: &[],
        rewritten: &[],
    },
    // end wing:postgres
];

/// The folder with the presets, each in its own file, and the folder with their tests.
const PRESETS: &str = "auth/src/oauth/providers";
pub(super) const PRESET_TESTS: &str = "server/tests/it/oauth/presets";
/// The page that presets share which have none of their own.
const PRESET_PAGE: &str = "docs/providers/others.md";

/// All wings of the workspace at `root`, with the presets last.
pub(crate) fn wings(root: &Path) -> Outcome<Vec<Wing>> {
    let rows = WINGS.iter().map(|row| Wing {
        name: row.name.to_owned(),
        about: row.about.to_owned(),
        paths: row.paths.iter().map(|path| (*path).to_owned()).collect(),
        shared: row.shared.concat(),
        rewritten: row.rewritten,
        is_preset: false,
    });
    Ok(rows.chain(presets(root)?).collect())
}

/// A preset is a file with a row of that name. It is named after its id.
fn presets(root: &Path) -> Outcome<Vec<Wing>> {
    let folder = root.join(PRESETS);
    let unreadable = |error| format!("cannot read {}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let text = fs::read_to_string(&file).unwrap_or_default();
        let Some(row) = text.split_once("const PRESET: Preset = ").map(|(_, row)| row) else {
            continue;
        };
        let value = |field: &str| {
            let text = row.split_once(&format!("    {field}: \""))?.1;
            Some(text.split_once('"')?.0.to_owned())
        };
        let (Some(name), Some(label)) = (value("id"), value("name")) else {
            return Err(format!("{} has no id or no name", file.display()));
        };
        let module = name.replace('-', "_");
        let mut paths = vec![
            format!("{PRESETS}/{module}.rs"),
            format!("{PRESET_TESTS}/{module}.rs"),
        ];
        let page = format!("docs/providers/{name}.md");
        let mut shared = Vec::new();
        if root.join(&page).exists() {
            paths.push(page);
        } else if fs::read_to_string(root.join(PRESET_PAGE))
            .is_ok_and(|page| page.contains(&format!("wing:{name} ")))
        {
            shared.push(PRESET_PAGE);
        }
        found.push(Wing {
            about: format!("sign-in with {label}"),
            paths,
            shared,
            rewritten: &[],
            name,
            is_preset: true,
        });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}
