//! How mails leave: `SMTP_URL` and `MAIL_FROM`.

use std::{fmt, net::IpAddr};

use lettre::{
    Address,
    message::Mailbox,
    transport::smtp::{
        client::{Certificate, TlsParameters},
        extension::ClientId,
    },
};
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

use super::memory;
use crate::{
    config::{Problem, Vars},
    email::Email,
    error::chain,
    public_url::PublicUrl,
};

/// The longest name in `MAIL_FROM`, in characters.
const MAX_NAME: usize = 100;

/// How mails leave.
#[derive(Clone, Debug, Default)]
pub enum MailConfig {
    /// There is no mail, and nothing that needs it.
    #[default]
    Off,
    /// They stay in this process's memory, for development.
    Memory(Sender, memory::Mailbox),
    /// A server takes them.
    Smtp(Sender, Box<SmtpServer>),
}

/// The mailbox that mails come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender(pub(super) Mailbox);

impl Sender {
    /// For development, where mails go nowhere.
    pub fn development() -> Self {
        let address = Address::new("noreply", "localhost").expect("it is an address");
        Self(Mailbox::new(Some(wire::NAME.to_owned()), address))
    }

    /// Parses one mailbox: `a@b`, or `Name <a@b>`.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, address) = match text.strip_suffix('>').and_then(|text| text.split_once('<')) {
            Some((name, address)) => (name.trim(), address),
            None => ("", text),
        };
        let name = name
            .strip_prefix('"')
            .and_then(|name| name.strip_suffix('"'))
            .unwrap_or(name);
        let is_name = name.chars().count() <= MAX_NAME
            && !name.contains(|c: char| c.is_control() || matches!(c, '<' | '>' | '"' | '\\'));
        let address = address
            .parse::<Email>()
            .ok()
            .and_then(|email| email.as_str().parse::<Address>().ok())
            .filter(|_| is_name)
            .ok_or("must be one address, such as noreply@app.example or App <noreply@app.example>")?;
        let name = Some(name.to_owned()).filter(|name| !name.is_empty());
        Ok(Self(Mailbox::new(name, address)))
    }

    /// The domain of its address, in which Message-IDs end.
    pub(super) fn domain(&self) -> &str {
        self.0.email.domain()
    }
}

/// A server that takes mails.
#[derive(Clone)]
pub struct SmtpServer {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) credentials: Option<(String, SecretString)>,
    /// The name by which this client greets it.
    pub(super) hello: ClientId,
}

/// How the connection is protected.
#[derive(Clone)]
pub(super) enum Security {
    /// TLS from the first byte: `smtps://`.
    Tls(TlsParameters),
    /// The connection is not used before it has changed to TLS: `smtp://…?tls=required`.
    StartTls(TlsParameters),
    /// Not at all, which is acceptable on this machine only.
    None,
}

/// Without the credentials.
impl fmt::Debug for SmtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpServer")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl SmtpServer {
    /// Parses an `SMTP_URL`. Certificates are trusted that lead to the roots compiled in, or to these.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence. It does not repeat the URL, which may hold a password.
    fn parse(text: &str, public_url: &PublicUrl, roots: Option<&Certificate>) -> Result<Self, String> {
        const SHAPE: &str = "must look like smtps://user:password@host or \
                             smtp://user:password@host?tls=required, with special characters percent-encoded";
        let url = Url::parse(text).map_err(|_| SHAPE)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(SHAPE)?;
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_ascii_lowercase();
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(SHAPE.to_owned());
        }
        let is_here = host == "localhost"
            || host
                .parse::<IpAddr>()
                .is_ok_and(|ip| ip.to_canonical().is_loopback());
        let tls = || {
            let mut tls = TlsParameters::builder(host.clone());
            if let Some(roots) = roots {
                tls = tls.add_root_certificate(roots.clone());
            }
            tls.build()
                .map_err(|error| format!("cannot be used with TLS: {}", chain(&error)))
        };
        let (security, port) = match (url.scheme(), url.query().unwrap_or_default()) {
            ("smtps", "") => (Security::Tls(tls()?), 465),
            ("smtp", "tls=required") => (Security::StartTls(tls()?), 587),
            ("smtp", "") if is_here => (Security::None, 25),
            ("smtp", "") => {
                return Err("would send mails unencrypted: use smtps://, or add ?tls=required".to_owned());
            }
            ("smtp", "tls=opportunistic") => {
                return Err(
                    "would send mails unencrypted if anyone in between wants it: use tls=required".to_owned(),
                );
            }
            _ => return Err(SHAPE.to_owned()),
        };
        let decoded = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8().map_err(|_| SHAPE)?;
            Ok::<_, &str>(decoded.into_owned())
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) | (_, None) => {
                return Err("needs both a user and a password, or neither".to_owned());
            }
            (user, Some(password)) => Some((decoded(user)?, decoded(password)?.into())),
        };
        Ok(Self {
            port: url.port().unwrap_or(port),
            host,
            security,
            credentials,
            hello: hello(public_url),
        })
    }

    /// Host and port.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// The host of `PUBLIC_URL`: the name that this application has elsewhere (RFC 5321 §4.1.4).
fn hello(public_url: &PublicUrl) -> ClientId {
    let host = Url::parse(public_url.origin());
    match host.as_ref().ok().and_then(Url::host) {
        Some(url::Host::Domain(name)) => ClientId::Domain(name.to_owned()),
        Some(url::Host::Ipv4(ip)) => ClientId::Ipv4(ip),
        Some(url::Host::Ipv6(ip)) => ClientId::Ipv6(ip),
        None => ClientId::default(),
    }
}

impl MailConfig {
    /// Reads `SMTP_URL` and `MAIL_FROM`, and adds mistakes to `problems`. Roots of `SSL_CERT_FILE` are trusted as well;
    /// whatever is wrong with that file has been reported.
    pub(crate) fn from_vars(vars: &Vars, public_url: &PublicUrl, problems: &mut Vec<Problem>) -> Self {
        let roots = vars
            .get("SSL_CERT_FILE")
            .and_then(|file| std::fs::read(file).ok());
        let roots = roots.and_then(|pem| Certificate::from_pem(&pem).ok());
        let server = vars.parsed("SMTP_URL", None, problems, |url| {
            SmtpServer::parse(url, public_url, roots.as_ref()).map(Some)
        });
        let sender = vars.parsed("MAIL_FROM", None, problems, |from| Sender::parse(from).map(Some));
        let is_set = |name| vars.get(name).is_some();
        for (missing, set, message) in [
            (
                "MAIL_FROM",
                "SMTP_URL",
                "is missing: set the address that mails come from, such as App <noreply@app.example>",
            ),
            (
                "SMTP_URL",
                "MAIL_FROM",
                "is missing: MAIL_FROM has no effect without it, so set both or neither",
            ),
        ] {
            if is_set(set) && !is_set(missing) {
                problems.push(Problem {
                    variable: missing.to_owned(),
                    message: message.to_owned(),
                });
            }
        }
        match (sender, server) {
            (Some(sender), Some(server)) => Self::Smtp(sender, Box::new(server)),
            _ => Self::Off,
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn parse(url: &str) -> Result<SmtpServer, String> {
        SmtpServer::parse(url, &PublicUrl::parse("https://app.example").unwrap(), None)
    }

    #[test]
    fn a_url_names_a_server_and_how_it_is_reached() {
        let server = parse("smtps://ada%40x:p%3Ass%2F@Mail.Example").unwrap();
        assert_eq!(server.address(), "mail.example:465");
        assert!(matches!(server.security, Security::Tls(_)));
        assert!(matches!(&server.hello, ClientId::Domain(name) if name == "app.example"));
        let (user, password) = server.credentials.unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("ada@x", "p:ss/"));
        let server = parse("smtp://mail.example?tls=required").unwrap();
        assert_eq!(server.address(), "mail.example:587");
        assert!(matches!(server.security, Security::StartTls(_)));
        assert!(server.credentials.is_none());
        for (here, address) in [
            ("smtp://localhost", "localhost:25"),
            ("smtp://LOCALHOST/", "localhost:25"),
            ("smtp://127.0.0.2:2525", "127.0.0.2:2525"),
            ("smtp://[::1]:2525", "::1:2525"),
        ] {
            let server = parse(here).unwrap();
            assert!(matches!(server.security, Security::None), "{here}");
            assert_eq!(server.address(), address);
        }
    }

    #[test]
    fn what_would_send_in_the_clear_is_refused() {
        for url in [
            "smtp://mail.example",
            "smtp://user:hush@mail.example:587",
            "smtp://user:hush@192.0.2.1",
            "smtp://localhost.example",
            "smtp://user:hush@mail.example?tls=opportunistic",
            "smtp://localhost?tls=opportunistic",
        ] {
            let message = parse(url).unwrap_err();
            assert!(message.contains("unencrypted"), "{url}: {message}");
            assert!(!message.contains("hush"));
        }
    }

    #[test]
    fn what_is_no_such_url_is_refused_without_repeating_it() {
        for url in [
            "hush",
            "mail.example:25",
            "http://mail.example",
            "smtps://",
            "smtps://hush.example/hush",
            "smtps://hush.example?tls=required",
            "smtp://hush.example?tls=hush",
            "smtp://hush.example?tls=required&x=hush",
            "smtps://hush@mail.example",
            "smtps://:hush@mail.example",
            "smtps://hush:%ff@mail.example",
        ] {
            let message = parse(url).unwrap_err();
            assert!(!message.contains("hush"), "{url}: {message}");
        }
    }

    #[test]
    fn a_sender_is_one_mailbox() {
        for (text, name, address) in [
            ("noreply@app.example", None, "noreply@app.example"),
            ("<noreply@app.example>", None, "noreply@app.example"),
            ("App <noreply@App.Example>", Some("App"), "noreply@app.example"),
            ("\"Ada, Inc.\" <a@b.example>", Some("Ada, Inc."), "a@b.example"),
            (
                "Z\u{fc}rich, AG <a@b.example>",
                Some("Z\u{fc}rich, AG"),
                "a@b.example",
            ),
        ] {
            let Sender(mailbox) = Sender::parse(text).unwrap();
            assert_eq!(mailbox.name.as_deref(), name, "{text}");
            assert_eq!(mailbox.email.as_ref() as &str, address, "{text}");
        }
        assert_eq!(Sender::parse("App <a@b.example>").unwrap().domain(), "b.example");
        for bad in [
            "",
            "App",
            "a@b.example, c@d.example",
            "App <a@b.example>, c@d.example",
            "App <a@b.example> x",
            "App <<a@b.example>",
            "App\r\nBcc: eve@x.example <a@b.example>",
            "a@b.example\r\nBcc: eve@x.example",
        ] {
            assert!(Sender::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn one_without_the_other_is_a_mistake() {
        let read = |pairs: &[(&str, &str)]| {
            let mut problems = Vec::new();
            let vars = pairs.iter().copied().collect();
            let config = MailConfig::from_vars(&vars, &PublicUrl::localhost(), &mut problems);
            let missing = problems.into_iter().map(|problem| problem.variable);
            (config, missing.collect::<Vec<_>>())
        };
        let (url, from) = (("SMTP_URL", "smtps://mail.example"), ("MAIL_FROM", "a@b.example"));
        assert!(matches!(read(&[]), (MailConfig::Off, missing) if missing.is_empty()));
        assert!(matches!(read(&[url, from]), (MailConfig::Smtp(..), missing) if missing.is_empty()));
        assert_eq!(read(&[url]).1, ["MAIL_FROM"]);
        assert_eq!(read(&[from]).1, ["SMTP_URL"]);
        assert_eq!(read(&[("SMTP_URL", "x"), from]).1, ["SMTP_URL"]);
        assert_eq!(read(&[url, ("MAIL_FROM", "x")]).1, ["MAIL_FROM"]);
    }
}
