//! The server's configuration: one value, read once, with all mistakes reported together.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use auth::{Config as AuthConfig, Lifetimes, Problem, Vars};
use ipnet::IpNet;
use leptos::config::{Env, LeptosOptions};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    dev_idp,  // wing:dev-provider
    dev_mail, // wing:mail
    log,
};

/// Everything that the server reads from its environment.
#[derive(Debug)]
pub struct ServerConfig {
    /// How users are authenticated.
    pub auth: AuthConfig,
    /// Where the server listens.
    pub addr: SocketAddr,
    /// Where metrics are served, apart from everything else: `METRICS_ADDR`. Without it they are not served.
    pub metrics_addr: Option<SocketAddr>,
    /// How long a connection may be idle between requests: `KEEP_ALIVE`.
    pub keep_alive: Duration,
    /// How long requests are still served after a signal to stop, while `/readyz` answers 503: `STOP_DELAY`.
    pub stop_delay: Duration,
    /// What the router needs to know.
    pub site: Site,
    /// Whether this is a release, which leaves out everything that only development may have.
    pub release: bool,
    /// Possible mistakes, which are logged at the start.
    pub doubts: Vec<Problem>,
}

/// What the router needs to know besides how users are authenticated.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where the site's files are, and what they are called.
    pub leptos: LeptosOptions,
    /// The port of cargo-leptos' reload socket, while it watches.
    pub reload_port: Option<u32>,
    /// Peers whose `X-Forwarded-For` is trusted: `TRUSTED_PROXIES`.
    pub trusted_proxies: TrustedProxies,
    /// Whom to tell about a vulnerability: `SECURITY_CONTACT`.
    pub security_contacts: SecurityContacts,
}

/// Addresses and address blocks of proxies.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Reads a comma-separated list of addresses and CIDR blocks.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let blocks: Arc<[IpNet]> = text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(|entry| {
                entry
                    .parse::<IpNet>()
                    .or_else(|_| entry.parse::<IpAddr>().map(IpNet::from))
            })
            .collect::<Result<_, _>>()
            .map_err(|_| "must be addresses or CIDR blocks, separated by commas".to_owned())?;
        // No private network is wider (10.0.0.0/8, fc00::/7): a wider block would let strangers choose their own
        // address.
        let widest = |block: &IpNet| if block.addr().is_ipv4() { 8 } else { 7 };
        if blocks.iter().all(|block| block.prefix_len() >= widest(block)) {
            Ok(Self(blocks))
        } else {
            Err("must not contain a block wider than /8 (IPv6: /7)".to_owned())
        }
    }

    /// Whether this peer is one of the proxies.
    pub fn trusts(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|block| block.contains(&ip))
    }
}

/// Whom to tell: `SECURITY_CONTACT`.
#[derive(Clone, Debug, Default)]
pub struct SecurityContacts(Arc<[Url]>);

impl SecurityContacts {
    /// Reads a comma-separated list of addresses, the preferred one first.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let contacts: Option<Arc<[Url]>> = text
            .split(',')
            .map(|contact| {
                let url = Url::parse(contact.trim()).ok()?;
                ["https", "mailto", "tel"].contains(&url.scheme()).then_some(url)
            })
            .collect();
        contacts
            .map(Self)
            .ok_or_else(|| "must be mailto:, https: or tel: addresses, separated by commas".to_owned())
    }

    /// The addresses.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Url> {
        self.0.iter()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl ServerConfig {
    /// Reads these variables.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn from_vars(vars: &Vars, release: bool) -> Result<Self, Vec<Problem>> {
        let mut problems = vars.unreadable().to_vec();
        let addr = listens_on(vars, &mut problems);
        let mut auth = AuthConfig::from_vars(vars, &default_public_url(addr), release, &mut problems);
        let metrics_addr = vars.parsed("METRICS_ADDR", None, &mut problems, |text| match text.parse() {
            Ok(addr) => Ok(Some(addr)),
            Err(_) => Err("must be an address and a port, such as 127.0.0.1:9100".to_owned()),
        });
        let trusted_proxies = vars.parsed(
            "TRUSTED_PROXIES",
            TrustedProxies::default(),
            &mut problems,
            TrustedProxies::parse,
        );
        let security_contacts = vars.parsed(
            "SECURITY_CONTACT",
            SecurityContacts::default(),
            &mut problems,
            SecurityContacts::parse,
        );
        let keep_alive = vars.parsed("KEEP_ALIVE", 75, &mut problems, |text| {
            match text.parse::<u64>() {
                Ok(seconds) if (1..=3600).contains(&seconds) => Ok(seconds),
                _ => Err("must be a number of seconds from 1 to 3600".to_owned()),
            }
        });
        let stop_delay = vars.parsed("STOP_DELAY", 0, &mut problems, |text| match text.parse::<u64>() {
            Ok(seconds) if seconds <= 60 => Ok(seconds),
            _ => Err("must be a number of seconds from 0 to 60".to_owned()),
        });
        let reload_port = vars.parsed("LEPTOS_RELOAD_PORT", 3001, &mut problems, |text| {
            text.parse::<u32>().map_err(|_| "must be a port".to_owned())
        });
        if auth.secrets.is_empty() && !release && problems.is_empty() {
            match auth::config::development_secret(&secret_file(&auth.database_url)) {
                Ok(secret) => auth.secrets.push(secret),
                Err(error) => problems.push(Problem {
                    variable: "SESSION_SECRET".to_owned(),
                    message: format!(
                        "is missing, and a generated one could not be stored next to the database: {error}"
                    ),
                }),
            }
        }
        let mut doubts = Vec::new();
        dev_idp::configure(vars, addr, release, &mut auth, &mut problems, &mut doubts); // wing:dev-provider
        dev_mail::configure(addr, release, &mut auth, &mut problems); // wing:mail
        let site = vars.parsed("LEPTOS_SITE_ROOT", None, &mut problems, |path| {
            if Path::new(path).is_dir() {
                Ok(Some(path.to_owned()))
            } else {
                Err("must be a folder that exists".to_owned())
            }
        });
        vars.parsed("RUST_LOG", (), &mut problems, log::check);
        let misspelt = vars.misspelt();
        if !problems.is_empty() {
            // One may be the reason why another is missing.
            problems.extend(misspelt);
            return Err(problems);
        }
        doubts.extend(misspelt);
        if auth.lifetimes.snapshot > Lifetimes::default().snapshot {
            doubts.push(Problem {
                variable: "SNAPSHOT_TTL".to_owned(),
                message: format!(
                    "is longer than {} s, the recommended maximum",
                    Lifetimes::default().snapshot
                ),
            });
        }
        // Cargo sets the first for all that it starts (`.cargo/config.toml`), and only cargo-leptos the second.
        let watching = !release && vars.get("LEPTOS_WATCH").is_some() && vars.get("LEPTOS_LIB_DIR").is_some();
        let leptos = LeptosOptions::builder()
            .output_name(option_env!("LEPTOS_OUTPUT_NAME").unwrap_or(app::NAME))
            .site_root(site.unwrap_or_else(site_root))
            .env(if release { Env::PROD } else { Env::DEV })
            .site_addr(addr)
            .reload_port(reload_port)
            .hash_files(release && app::beside_program("hash.txt").exists())
            .build();
        Ok(Self {
            auth,
            addr,
            metrics_addr,
            keep_alive: Duration::from_secs(keep_alive),
            stop_delay: Duration::from_secs(stop_delay),
            site: Site {
                leptos,
                reload_port: watching.then_some(reload_port),
                trusted_proxies,
                security_contacts,
            },
            release,
            doubts,
        })
    }
}

/// Where the server listens: `LEPTOS_SITE_ADDR`.
pub(crate) fn listens_on(vars: &Vars, problems: &mut Vec<Problem>) -> SocketAddr {
    vars.parsed(
        "LEPTOS_SITE_ADDR",
        ([127, 0, 0, 1], 3000).into(),
        problems,
        |text| {
            text.parse::<SocketAddr>()
                .map_err(|_| "must be an address and a port, such as 127.0.0.1:3000".to_owned())
        },
    )
}

/// Where a browser on this machine finds the server: a browser cannot open an "every address" such as 0.0.0.0.
fn default_public_url(addr: SocketAddr) -> String {
    if addr.ip().is_unspecified() {
        format!("http://127.0.0.1:{}", addr.port())
    } else {
        format!("http://{addr}")
    }
}

/// The development secret is stored beside the database, under its name, or where the database would be if it were a
/// file. It is data, and git ignores it along with the database.
pub(crate) fn secret_file(database_url: &SecretString) -> PathBuf {
    let Some(path) = database_url.expose_secret().strip_prefix("sqlite:") else {
        return PathBuf::from("data/app.secret");
    };
    Path::new(path.trim_start_matches("//")).with_extension("secret")
}

/// `site` beside the binary, as deployed; otherwise the directory that cargo-leptos builds into.
fn site_root() -> String {
    let site = app::beside_program("site");
    match site.to_str() {
        Some(path) if site.is_dir() => path.to_owned(),
        _ => "target/site".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_public_url_is_one_a_browser_can_open() {
        for (addr, url) in [
            ("127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("0.0.0.0:3000", "http://127.0.0.1:3000"),
            ("[::]:8080", "http://127.0.0.1:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("192.0.2.1:3000", "http://192.0.2.1:3000"),
        ] {
            assert_eq!(default_public_url(addr.parse().unwrap()), url);
        }
    }

    #[test]
    fn a_misspelt_name_is_reported_with_what_it_has_left_missing() {
        let problems = ServerConfig::from_vars(&Vars::from_iter([("SESION_SECRET", "…")]), true).unwrap_err();
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let says = |text: &str| texts.iter().any(|problem| problem.starts_with(text));
        assert!(says("SESSION_SECRET is missing"), "{texts:?}");
        assert!(
            says("SESION_SECRET is not a setting: did you mean SESSION_SECRET?"),
            "{texts:?}"
        );
    }

    #[test]
    fn proxies_are_addresses_and_blocks() {
        let proxies = TrustedProxies::parse("10.0.0.0/8, ::1").unwrap();
        assert!(proxies.trusts("10.1.2.3".parse().unwrap()));
        assert!(proxies.trusts("::ffff:10.1.2.3".parse().unwrap()));
        assert!(proxies.trusts("::1".parse().unwrap()));
        assert!(!proxies.trusts("192.0.2.1".parse().unwrap()));
        assert!(TrustedProxies::parse("proxy.example").is_err());
        assert!(TrustedProxies::parse("fc00::/7").is_ok());
        for everybody in ["0.0.0.0/0", "::/0", "0.0.0.0/1, 128.0.0.0/1", "10.0.0.0/8, ::/1"] {
            assert!(TrustedProxies::parse(everybody).is_err(), "{everybody}");
        }
    }
}
