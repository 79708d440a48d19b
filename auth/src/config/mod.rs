//! The configuration of authentication, read once from the environment.

mod env_file;
pub(crate) mod problem;
pub(crate) mod vars;

use std::{fmt, io::Write, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use rand::RngCore;
use secrecy::{SecretSlice, SecretString};
use wire::Registration; // wing:mail

pub use self::{problem::Problem, vars::Vars};
use crate::clients::ApiLifetimes; // wing:clients
use crate::mail::MailConfig; // wing:mail
use crate::{
    at_rest,
    db::{self, ListenAddress},
    http_client::Http,
    keys::{MIN_SECRET_BYTES, decode_secret},
    limits::AddressLimits,
    oauth::{self, Provider},
    password::MIN_LENGTH_FLOOR,
    public_url::PublicUrl,
    session::Lifetimes,
};

/// The configuration of authentication.
pub struct Config {
    /// The origin that people know the application by.
    pub public_url: PublicUrl,
    /// `sqlite:PATH`, or `postgres://…` with the feature `postgres`. A secret: it may contain a password.
    pub database_url: SecretString,
    /// Where the stale feed listens and sends its heartbeats, if not there: an address that bypasses a pooler.
    pub listen: Option<ListenAddress>,
    /// The key ring's secrets, newest first. Empty only in development, where [`development_secret`] creates one.
    pub secrets: Vec<SecretSlice<u8>>,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
    /// How long sessions of other clients live.
    pub api_lifetimes: ApiLifetimes, // wing:clients
    /// The length of the shortest accepted password, in characters.
    pub password_min_length: usize,
    /// The factor for the figures per address.
    pub address_limits: AddressLimits,
    /// The configured providers.
    pub providers: Vec<Provider>,
    /// The client that reaches them.
    pub provider_http: Http,
    /// How mails leave.
    pub mail: MailConfig, // wing:mail
    /// Whether users sign in by mail, if there is mail.
    pub email_sign_in: bool, // wing:mail
    /// Who may register.
    pub registration: Registration, // wing:mail
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("public_url", &self.public_url)
            .field("database_url", &self.database_url)
            .field("listen", &self.listen)
            .field("secrets", &self.secrets.len())
            .field("lifetimes", &self.lifetimes)
            .field("password_min_length", &self.password_min_length)
            .field("address_limits", &self.address_limits)
            .field("providers", &self.providers)
            .field("mail", &self.mail) // wing:mail
            .finish()
    }
}

impl Config {
    // wing:mail
    /// Whether users sign in by mail.
    pub(crate) fn signs_in_by_mail(&self) -> bool {
        self.email_sign_in && !matches!(self.mail, MailConfig::Off)
    }
    // end wing:mail

    /// Reads the variables, and adds all mistakes to `problems`. In a release build a secret is required and a
    /// public http address is refused.
    pub fn from_vars(
        vars: &Vars,
        default_public_url: &str,
        release: bool,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let fallback = PublicUrl::parse(default_public_url).unwrap_or_else(|_| PublicUrl::localhost());
        let public_url = vars.parsed("PUBLIC_URL", fallback, problems, PublicUrl::parse);
        if release && !public_url.secure() && !public_url.loopback() {
            problems.push(problem("PUBLIC_URL", "must be https, except on loopback"));
        }
        let database_url = database_url(vars, problems);
        let listen = vars.parsed("LISTEN_DATABASE_URL", None, problems, |url| {
            ListenAddress::parse(url).map(Some)
        });
        let secrets = secrets(vars, release, problems);
        let seconds = |name: &str, default: i64, problems: &mut Vec<Problem>| {
            vars.parsed(name, default, problems, |text| match text.parse::<i64>() {
                Ok(seconds) if (1..=34_560_000).contains(&seconds) => Ok(seconds),
                _ => Err("must be a number of seconds from 1 to 34560000 (400 days)".to_owned()),
            })
        };
        let default = Lifetimes::default();
        let lifetimes = Lifetimes {
            snapshot: seconds("SNAPSHOT_TTL", default.snapshot, problems),
            idle: seconds("SESSION_IDLE", default.idle, problems),
            absolute: seconds("SESSION_ABSOLUTE", default.absolute, problems),
            remember_idle: seconds("SESSION_REMEMBER_IDLE", default.remember_idle, problems),
            remember_absolute: seconds("SESSION_REMEMBER_ABSOLUTE", default.remember_absolute, problems),
        };
        // wing:clients
        let default = ApiLifetimes::default();
        let api_lifetimes = ApiLifetimes {
            idle: seconds("API_SESSION_IDLE", default.idle, problems),
            absolute: seconds("API_SESSION_ABSOLUTE", default.absolute, problems),
            grace: vars.parsed("REFRESH_GRACE", default.grace, problems, |text| {
                match text.parse() {
                    Ok(seconds) if (0..=60).contains(&seconds) => Ok(seconds),
                    _ => Err("must be a number of seconds from 0 to 60".to_owned()),
                }
            }),
        };
        // end wing:clients
        let password_min_length =
            vars.parsed("PASSWORD_MIN_LENGTH", 15, problems, |text| match text.parse() {
                Ok(length) if (MIN_LENGTH_FLOOR..=64).contains(&length) => Ok(length),
                _ => Err(format!("must be a number from {MIN_LENGTH_FLOOR} to 64")),
            });
        let address_limits = vars.parsed("ADDRESS_LIMITS", AddressLimits::default(), problems, |text| {
            let factor = text.parse().ok().and_then(AddressLimits::new);
            factor.ok_or_else(|| format!("must be a number from 1 to {}", AddressLimits::MAX))
        });
        let providers = oauth::from_vars(vars, problems);
        let provider_http = Http::from_vars(vars, problems);
        // wing:mail
        let mail = MailConfig::from_vars(vars, &public_url, problems);
        let email_sign_in = vars.parsed("EMAIL_SIGN_IN", true, problems, |text| match text {
            "0" => Ok(false),
            "1" => Ok(true),
            _ => Err("must be 0 or 1".to_owned()),
        });
        let registration = vars.parsed(
            "REGISTRATION",
            Registration::default(),
            problems,
            |text| match text {
                "open" => Ok(Registration::Open),
                "confirm" => Ok(Registration::Confirm),
                "closed" => Ok(Registration::Closed),
                _ => Err("must be open, confirm or closed".to_owned()),
            },
        );
        // end wing:mail
        Self {
            public_url,
            database_url,
            listen,
            secrets,
            lifetimes,
            api_lifetimes, // wing:clients
            password_min_length,
            address_limits,
            providers,
            provider_http,
            mail,          // wing:mail
            email_sign_in, // wing:mail
            registration,  // wing:mail
        }
    }
}

fn database_url(vars: &Vars, problems: &mut Vec<Problem>) -> SecretString {
    let url = vars.get("DATABASE_URL").or(db::DEFAULT_URL);
    match url.map_or_else(|| Err("is missing".to_owned()), db::check_url) {
        Ok(()) => {}
        Err(message) => problems.push(problem("DATABASE_URL", &message)),
    }
    url.unwrap_or_default().into()
}

fn secrets(vars: &Vars, release: bool, problems: &mut Vec<Problem>) -> Vec<SecretSlice<u8>> {
    let Some(list) = vars.get("SESSION_SECRET") else {
        if release {
            problems.push(problem(
                "SESSION_SECRET",
                "is missing: set 32 or more random bytes in base64",
            ));
        }
        return Vec::new();
    };
    let mut secrets = Vec::new();
    for (place, entry) in list.split(',').enumerate() {
        match decode_secret(entry.trim()) {
            Ok(secret) => secrets.push(secret),
            Err(error) => problems.push(problem("SESSION_SECRET", &format!("entry {} {error}", place + 1))),
        }
    }
    secrets
}

fn problem(variable: &str, message: &str) -> Problem {
    Problem {
        variable: variable.to_owned(),
        message: message.to_owned(),
    }
}

/// The secret for development without a `SESSION_SECRET`. It is created once and kept in a file of its own, so that
/// sessions survive a restart.
///
/// # Errors
/// If the file cannot be read or written, or does not contain a secret.
pub fn development_secret(file: &Path) -> std::io::Result<SecretSlice<u8>> {
    let invalid = |error| std::io::Error::new(std::io::ErrorKind::InvalidData, error);
    match std::fs::read_to_string(file) {
        Ok(text) => decode_secret(text.trim()).map_err(invalid),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut bytes = vec![0; MIN_SECRET_BYTES];
            rand::rngs::OsRng.fill_bytes(&mut bytes);
            if let Some(folder) = file.parent() {
                at_rest::create_folder(folder)?;
            }
            at_rest::create_file(file)?.write_all(BASE64_STANDARD.encode(&bytes).as_bytes())?;
            Ok(bytes.into())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "postgres")] // wing:postgres
    const DATABASE_URL: &str = "postgres://localhost/app"; // wing:postgres
    #[cfg(not(feature = "postgres"))] // wing:postgres
    const DATABASE_URL: &str = "sqlite:data/app.db";
    const GOOD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn problems_of(pairs: &[(&str, &str)], release: bool) -> Vec<String> {
        let mut problems = Vec::new();
        let vars = pairs.iter().copied().collect();
        Config::from_vars(&vars, "http://127.0.0.1:3000", release, &mut problems);
        problems.into_iter().map(|problem| problem.variable).collect()
    }

    // wing:postgres
    /// A server's address has no default, a file's has.
    #[cfg(feature = "postgres")]
    #[test]
    fn the_address_of_the_database_has_no_default() {
        assert_eq!(problems_of(&[], false), ["DATABASE_URL"]);
        assert_eq!(problems_of(&[], true), ["DATABASE_URL", "SESSION_SECRET"]);
        assert_eq!(problems_of(&[("DATABASE_URL", "")], false), ["DATABASE_URL"]);
        assert_eq!(
            problems_of(&[("DATABASE_URL", "sqlite:data/app.db")], false),
            ["DATABASE_URL"]
        );
    }
    // end wing:postgres

    #[cfg(not(feature = "postgres"))] // wing:postgres
    #[test]
    fn the_address_of_the_database_has_a_default() {
        assert!(problems_of(&[], false).is_empty());
        assert_eq!(problems_of(&[], true), ["SESSION_SECRET"]);
        assert_eq!(
            problems_of(&[("DATABASE_URL", "postgres://x@localhost/y")], false),
            ["DATABASE_URL"]
        );
    }

    #[test]
    fn no_secret_is_fine_in_development_only() {
        let database = ("DATABASE_URL", DATABASE_URL);
        assert!(problems_of(&[database], false).is_empty());
        assert_eq!(problems_of(&[database], true), ["SESSION_SECRET"]);
        assert!(problems_of(&[database, ("SESSION_SECRET", GOOD)], true).is_empty());
    }

    #[test]
    fn all_mistakes_are_reported_together_and_without_their_values() {
        let pairs = [
            ("PUBLIC_URL", "ftp://x"),
            ("DATABASE_URL", "mysql://secret-value"),
            ("SESSION_SECRET", "c2hvcnQ=,secret-value!"),
            ("SNAPSHOT_TTL", "0"),
            ("SESSION_IDLE", "soon"),
            ("REFRESH_GRACE", "61"), // wing:clients
            ("PASSWORD_MIN_LENGTH", "7"),
            ("ADDRESS_LIMITS", "101"),
            // wing:mail
            ("SMTP_URL", "smtp://secret-value@mail.example"),
            ("MAIL_FROM", "secret-value"),
            // end wing:mail
        ];
        let mut problems = Vec::new();
        Config::from_vars(
            &pairs.into_iter().collect(),
            "http://127.0.0.1:3000",
            false,
            &mut problems,
        );
        for (variable, _) in pairs {
            assert!(
                problems.iter().any(|problem| problem.variable == variable),
                "{variable}"
            );
        }
        assert!(
            problems
                .iter()
                .all(|problem| !problem.to_string().contains("secret-value"))
        );
    }

    #[test]
    fn plain_http_beyond_loopback_is_refused_in_release() {
        let pairs = [
            ("PUBLIC_URL", "http://app.example"),
            ("SESSION_SECRET", GOOD),
            ("DATABASE_URL", DATABASE_URL),
        ];
        assert_eq!(problems_of(&pairs, true), ["PUBLIC_URL"]);
        assert!(problems_of(&pairs, false).is_empty());
    }
}
