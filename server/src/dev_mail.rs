//! The development mailbox: debug builds on loopback keep mails in memory and show them at `/dev/mail`, so that a fresh
//! clone has mail. A release build does not contain the page.

use std::net::SocketAddr;

use auth::{
    Config, Problem,
    mail::{MailConfig, Mailbox, Registration, Sender},
};

#[cfg(debug_assertions)]
pub(crate) use self::pages::router;

/// Where the mails are shown. Only what a release leaves out may use it.
const PAGE: &str = "/dev/mail";

/// Keeps mails here, if no server takes them and nobody but the users of this machine can read them. Reports what needs mail
/// when there is none.
pub(crate) fn configure(addr: SocketAddr, release: bool, auth: &mut Config, problems: &mut Vec<Problem>) {
    // Behind a tunnel, anyone can reach a server on loopback, and its public address then shows that.
    let only_here = addr.ip().is_loopback() && auth.public_url.loopback();
    if cfg!(debug_assertions) && !release && only_here && matches!(auth.mail, MailConfig::Off) {
        auth.mail = MailConfig::Memory(Sender::development(), Mailbox::new(PAGE));
    }
    if auth.registration == Registration::Confirm && matches!(auth.mail, MailConfig::Off) {
        problems.push(Problem {
            variable: "REGISTRATION".to_owned(),
            message: "cannot be confirm without mail: set SMTP_URL and MAIL_FROM".to_owned(),
        });
    }
}

#[cfg(debug_assertions)]
mod pages {
    use auth::{
        Auth,
        mail::{Delivered, Mailbox},
    };
    use axum::{
        Json, Router,
        extract::{Path, State},
        http::StatusCode,
        middleware::from_fn_with_state,
        response::{Html, IntoResponse, Response},
        routing::get,
    };
    use http::{
        HeaderValue,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY},
    };
    use uuid::Uuid;

    use super::PAGE;
    use crate::{
        bare_page::{self, escape},
        middleware::host,
    };

    /// For the HTML of a mail: its own style, and nothing else.
    const POLICY: HeaderValue = HeaderValue::from_static(
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

    #[derive(Clone)]
    struct Shown {
        mailbox: Mailbox,
        origin: String,
    }

    /// The mailbox's routes, if mails are kept in one.
    pub(crate) fn router(auth: &Auth) -> Router {
        let Some(mailbox) = auth.mail.mailbox() else {
            return Router::new();
        };
        let shown = Shown {
            mailbox: mailbox.clone(),
            origin: auth.public_url.origin().to_owned(),
        };
        Router::new()
            .route(PAGE, get(list))
            .route("/dev/mail.json", get(json))
            .route("/dev/mail/{id}", get(one))
            .layer(from_fn_with_state(auth.public_url.clone(), host::only_ours))
            .with_state(shown)
    }

    async fn json(State(shown): State<Shown>) -> impl IntoResponse {
        ([(CACHE_CONTROL, NO_STORE)], Json(shown.mailbox.mails()))
    }

    /// All mails, newest first, as text.
    async fn list(State(shown): State<Shown>) -> Response {
        let mails = shown.mailbox.mails();
        let about = "<p>Mails that this server has sent stay here, in memory, until it stops. Release builds do not \
                     contain this page.</p>";
        let none = if mails.is_empty() { "<p>None yet.</p>" } else { "" };
        let mails: String = mails.iter().map(|mail| article(mail, &shown.origin)).collect();
        bare_page::respond("Development mail", "", &format!("{about}{none}{mails}"))
    }

    fn article(mail: &Delivered, origin: &str) -> String {
        let lines = mail.text.lines().map(|line| {
            let line = escape(line);
            if line.starts_with(&format!("{}/", escape(origin))) {
                format!("<a href=\"{line}\">{line}</a>\n")
            } else {
                format!("{line}\n")
            }
        });
        format!(
            "<article><h2>{}</h2><p>To {}, {}. <a href=\"/dev/mail/{}\">As HTML</a></p><pre>{}</pre></article>",
            escape(&mail.subject),
            escape(&mail.to),
            mail.at,
            mail.id,
            lines.collect::<String>(),
        )
    }

    /// The HTML of a mail, as its reader's program shows it.
    async fn one(State(shown): State<Shown>, Path(id): Path<Uuid>) -> Response {
        match shown.mailbox.mails().into_iter().find(|mail| mail.id == id) {
            Some(mail) => {
                let headers = [(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, NO_STORE)];
                (headers, Html(mail.html)).into_response()
            }
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }
}
