//! Handing mails over to a server (RFC 5321).
//!
//! lettre's own pool is not used: it takes back a connection whose mail was cut off by a time limit in the midst of it,
//! and the next mail would continue there.

use std::time::{Duration, SystemTime};

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::AsyncSmtpConnection,
    },
};
use parking_lot::Mutex;
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::{
    config::{Security, Sender, SmtpServer},
    outbox::Letter,
};
use crate::error::chain;

/// The longest time until a connection can be used.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest time to say goodbye.
const QUIT: Duration = Duration::from_secs(1);
/// The longest time of a whole try. It is shorter than [`super::outbox::CLAIM`].
const TRY: Duration = Duration::from_secs(30);

/// Why a mail was not taken. No variant repeats the server's words, which may contain the recipient's address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// The server will not take this mail (5xx), so it is not offered again.
    #[error("the server refuses the mail: {0}")]
    Refused(String),
    /// It may take it another time.
    #[error("{0}")]
    Later(String),
}

/// The client of the configured server.
pub(super) struct Smtp {
    server: SmtpServer,
    /// Connections that have just taken a mail, for the next ones.
    idle: Mutex<Vec<AsyncSmtpConnection>>,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Smtp {
    pub(super) fn new(server: SmtpServer) -> Self {
        Self {
            server,
            idle: Mutex::default(),
        }
    }

    pub(super) fn address(&self) -> String {
        self.server.address()
    }

    /// Hands a mail over. It is taken once the server has said so; if the connection breaks before, the server may have
    /// it all the same, and gets it again under the same Message-ID.
    pub(super) async fn send(&self, from: &Sender, to: &str, letter: &Letter) -> Result<(), Failure> {
        let message = message(from, to, letter)?;
        let sending = async {
            let waiting = self.idle.lock().pop();
            let mut connection = match waiting {
                Some(connection) => connection,
                // A server that refuses this client, for example its password, refuses no mail.
                None => self.connect().await.map_err(Failure::Later)?,
            };
            match connection.send(message.envelope(), &message.formatted()).await {
                Ok(_) => {
                    self.idle.lock().push(connection);
                    Ok(())
                }
                Err(error) if error.is_permanent() => Err(Failure::Refused(described(&error))),
                Err(error) => Err(Failure::Later(described(&error))),
            }
        };
        timeout(TRY, sending)
            .await
            .unwrap_or_else(|_| Err(Failure::Later(format!("no answer within {} s", TRY.as_secs()))))
    }

    /// Connects, and leaves.
    pub(super) async fn greet(&self) -> Result<(), String> {
        let mut connection = self.connect().await?;
        // It may leave us without an answer.
        drop(timeout(QUIT, connection.quit()).await);
        Ok(())
    }

    /// Closes the connections that wait, as politely as is possible within a moment.
    pub(super) async fn hang_up(&self) {
        let waiting = std::mem::take(&mut *self.idle.lock());
        for mut connection in waiting {
            drop(timeout(QUIT, connection.quit()).await);
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, String> {
        let connecting = async {
            let SmtpServer {
                host,
                port,
                security,
                credentials,
                hello,
            } = &self.server;
            let tls = match security {
                Security::Tls(tls) => Some(tls.clone()),
                Security::StartTls(_) | Security::None => None,
            };
            let server = (host.as_str(), *port);
            let mut connection =
                AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT), hello, tls, None).await?;
            if let Security::StartTls(tls) = security {
                connection.starttls(tls.clone(), hello).await?;
            }
            if let Some((user, password)) = credentials {
                let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
                connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
            }
            Ok::<_, Error>(connection)
        };
        match timeout(CONNECT, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(format!("no connection: {}", described(&error))),
            Err(_) => Err(format!("no connection within {} s", CONNECT.as_secs())),
        }
    }
}

/// An error without the server's words.
fn described(error: &Error) -> String {
    if let Some(code) = error.status() {
        format!("status {code}")
    } else if error.is_response() {
        "the answer cannot be understood, or the connection was closed".to_owned()
    } else {
        chain(error).to_string()
    }
}

/// The mail as it is sent.
fn message(from: &Sender, to: &str, letter: &Letter) -> Result<Message, Failure> {
    let unsendable = |error: &dyn std::fmt::Display| Failure::Refused(error.to_string());
    let to: Address = to
        .parse()
        .map_err(|_| unsendable(&"the address cannot be used"))?;
    let at = u64::try_from(letter.at).unwrap_or(0);
    Message::builder()
        .from(from.0.clone())
        .to(Mailbox::new(None, to))
        .subject(&letter.subject)
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(at))
        .message_id(Some(letter.message_id.clone()))
        // No holiday notices in return (RFC 3834).
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .multipart(MultiPart::alternative_plain_html(
            letter.text.clone(),
            letter.html.clone(),
        ))
        .map_err(|error| unsendable(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter {
            message_id: "<1@app.example>".to_owned(),
            at: 1_800_000_000,
            subject: "Z\u{fc}rich".to_owned(),
            text: "text".to_owned(),
            html: "<p>html</p>".to_owned(),
        }
    }

    #[test]
    fn a_mail_is_the_same_at_every_try_but_for_its_boundary() {
        let from = Sender::parse("App <noreply@app.example>").unwrap();
        let sent = message(&from, "ada@example.com", &letter()).unwrap().formatted();
        let sent = String::from_utf8(sent).unwrap();
        for line in [
            "From: App <noreply@app.example>\r\n",
            "To: ada@example.com\r\n",
            "Subject: =?utf-8?b?WsO8cmljaA==?=\r\n",
            "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n",
            "Message-ID: <1@app.example>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Content-Type: multipart/alternative;",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "Content-Type: text/html; charset=utf-8\r\n",
        ] {
            assert!(sent.contains(line), "{line} is missing: {sent}");
        }
        assert!(sent.is_ascii(), "any server takes it");
    }

    #[test]
    fn an_address_that_no_mail_can_have_is_refused_without_repeating_it() {
        let failure = message(&Sender::development(), "canary", &letter()).unwrap_err();
        assert!(matches!(&failure, Failure::Refused(_)));
        assert!(!failure.to_string().contains("canary"));
    }
}
