//! The words of mails. Each mail is written once, as a list of parts, from which its text and its HTML are made.
//!
//! A mail to an address that is not verified yet reaches somebody who may never have heard of this application. It
//! contains nothing that anyone has typed, not even a name, since it would carry that text to any address. Links are
//! built from `PUBLIC_URL` only.

use secrecy::{ExposeSecret, SecretString};

use crate::public_url::PublicUrl;

/// What a mail says.
#[derive(Debug)]
pub(crate) struct Content {
    pub(super) subject: String,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug)]
pub(super) enum Part {
    /// A paragraph.
    Text(String),
    /// A link, on a line of its own.
    Link { label: &'static str, url: String },
    /// A code to be typed.
    Code(String),
}

/// A mail as it is stored and sent.
pub(super) struct Written {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// Proves an address: by its link or by its code, for a day.
pub(super) fn verification(
    app: &PublicUrl,
    path: &str,
    token: &SecretString,
    code: &SecretString,
) -> Content {
    let site = app.authority();
    Content {
        subject: format!("Verify your e-mail address for {site}"),
        parts: vec![
            Part::Text(format!(
                "This e-mail address was entered at {site}. To confirm that it is yours, sign in there, open this \
                 link and press the button:"
            )),
            Part::link("Verify this address", app, path, token),
            Part::Text("Or type this code where you are asked for it:".to_owned()),
            Part::code(code),
            Part::Text("Link and code are valid for 24 hours, and only once.".to_owned()),
            Part::Text(format!(
                "If you did not enter it, ignore this mail: without the link or the code, nobody can use {site} \
                 with your address as a verified one. Do not pass them on."
            )),
        ],
    }
}

/// Leads to the page on which a new password is chosen, for half an hour.
pub(super) fn reset(app: &PublicUrl, path: &str, token: &SecretString) -> Content {
    let site = app.authority();
    Content {
        subject: format!("Choose a new password for {site}"),
        parts: vec![
            Part::Text(format!(
                "A new password was asked for at {site}, for the account with this e-mail address. To choose one, open \
                 this link:"
            )),
            Part::link("Choose a new password", app, path, token),
            Part::Text(
                "The link is valid for 30 minutes, and only once. With the new password, you are signed out \
                 everywhere."
                    .to_owned(),
            ),
            Part::Text(
                "If you did not ask for it, ignore this mail: nothing has changed. Do not pass the link on."
                    .to_owned(),
            ),
        ],
    }
}

/// Proves the address that a user wants to have, for a day.
pub(super) fn email_change(app: &PublicUrl, path: &str, token: &SecretString) -> Content {
    let site = app.authority();
    Content {
        subject: format!("Confirm your new e-mail address for {site}"),
        parts: vec![
            Part::Text(format!(
                "At {site}, somebody wants to use this e-mail address for their account. If that was you, sign in there, \
                 open this link and press the button:"
            )),
            Part::link("Use this address", app, path, token),
            Part::Text("The link is valid for 24 hours, and only once.".to_owned()),
            Part::Text(
                "If it was not you, ignore this mail: nothing happens without the link. Do not pass it on."
                    .to_owned(),
            ),
        ],
    }
}

/// Takes a change of address back, for a week.
pub(super) fn undo_email_change(app: &PublicUrl, path: &str, token: &SecretString) -> Content {
    let site = app.authority();
    Content {
        subject: format!("Your e-mail address at {site} was changed"),
        parts: vec![
            Part::Text(format!(
                "Your account at {site} has another e-mail address now. If you changed it, there is nothing to do."
            )),
            Part::Text("If you did not, undo the change with this link:".to_owned()),
            Part::link("Undo the change", app, path, token),
            Part::Text(
                "Your account then has this address again. Everyone is signed out, the password and what was added \
                 since the change are removed, and you get another mail to choose a new password. The link is valid \
                 for 7 days. Do not pass it on."
                    .to_owned(),
            ),
        ],
    }
}

/// Signs in, in the browser that has asked, for ten minutes.
pub(super) fn sign_in(app: &PublicUrl, path: &str, token: &SecretString, code: &SecretString) -> Content {
    let site = app.authority();
    Content {
        subject: format!("Your code to sign in to {site}"),
        parts: vec![
            Part::Text(format!("Type this code at {site}, where you are asked for it:")),
            Part::code(code),
            Part::Text("Or open this link in the same browser:".to_owned()),
            Part::link("Sign in", app, path, token),
            Part::Text("Code and link are valid for 10 minutes, and only once.".to_owned()),
            Part::Text(
                "If you did not ask for it, ignore this mail. Nobody who works here will ever ask you for the code: \
                 do not pass it on."
                    .to_owned(),
            ),
        ],
    }
}

/// Confirms the identity of a signed-in user, in the session that has asked, for ten minutes.
pub(super) fn confirmation(app: &PublicUrl, code: &SecretString) -> Content {
    let site = app.authority();
    Content {
        subject: format!("Your code to confirm a change at {site}"),
        parts: vec![
            Part::Text(format!(
                "To confirm that it is you, type this code at {site}, in the browser in which you have asked for it:"
            )),
            Part::code(code),
            Part::Text("The code is valid for 10 minutes, and only once.".to_owned()),
            Part::Text(format!(
                "If you did not ask for it, somebody else is signed in to your account. End that session at {site}, under \
                 Sessions. Nobody who works here will ever ask you for the code: do not pass it on."
            )),
        ],
    }
}

/// Registers the owner of an address, for a day.
pub(super) fn registration(app: &PublicUrl, path: &str, token: &SecretString) -> Content {
    let site = app.authority();
    Content {
        subject: format!("Create your account at {site}"),
        parts: vec![
            Part::Text(format!(
                "This e-mail address was entered at {site} to create an account. If that was you, open this link and \
                 choose a password:"
            )),
            Part::link("Create your account", app, path, token),
            Part::Text("The link is valid for 24 hours, and only once.".to_owned()),
            Part::Text(
                "If it was not you, ignore this mail: there is no account without the link. Do not pass it on."
                    .to_owned(),
            ),
        ],
    }
}

/// Tells a user who has registered that they have.
pub(super) fn already_registered(app: &PublicUrl, path: &str) -> Content {
    let site = app.authority();
    Content {
        subject: format!("You have an account at {site}"),
        parts: vec![
            Part::Text(format!(
                "Somebody has entered your e-mail address at {site} to create an account, or to have one created. You have \
                 one already, and nothing has changed. You sign in here:"
            )),
            Part::Link {
                label: "Sign in",
                url: app.join(path),
            },
            Part::Text(
                "There you can also choose a new password if you have forgotten yours. If it was not you, there is \
                 nothing to do."
                    .to_owned(),
            ),
        ],
    }
}

/// Invites the owner of an address, for a week.
pub(super) fn invitation(app: &PublicUrl, path: &str, token: &SecretString) -> Content {
    let site = app.authority();
    Content {
        subject: format!("You are invited to {site}"),
        parts: vec![
            Part::Text(format!(
                "You are invited to create an account at {site} with this e-mail address. To accept, open this link and \
                 choose a password:"
            )),
            Part::link("Accept the invitation", app, path, token),
            Part::Text(
                "The link is valid for 7 days, and only once. It is meant for you: do not pass it on."
                    .to_owned(),
            ),
        ],
    }
}

impl Part {
    fn link(label: &'static str, app: &PublicUrl, path: &str, token: &SecretString) -> Self {
        // Tokens are base64url, which needs no escaping.
        let url = app.join(&format!("{path}?token={}", token.expose_secret()));
        Self::Link { label, url }
    }

    fn code(code: &SecretString) -> Self {
        let code = code.expose_secret();
        let (first, last) = code.split_at_checked(code.len() / 2).unwrap_or((code, ""));
        Self::Code(format!("{first} {last}"))
    }
}

impl Content {
    /// The mail in both forms.
    pub(super) fn write(&self) -> Written {
        let text: Vec<String> = self.parts.iter().map(Part::text).collect();
        let html: String = self.parts.iter().map(Part::html).collect();
        let subject = escape(&self.subject);
        // Without colours for text and background, a mail takes those of its reader, light or dark.
        Written {
            subject: self.subject.clone(),
            text: format!("{}\n", text.join("\n\n")),
            html: format!(
                "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
                 <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
                 <meta name=\"color-scheme\" content=\"light dark\">\
                 <meta name=\"supported-color-schemes\" content=\"light dark\">\
                 <style>:root {{ color-scheme: light dark; }}</style>\
                 <title>{subject}</title></head>\n\
                 <body style=\"margin: 0; padding: 24px; font: 16px/1.5 system-ui, sans-serif\">\
                 <div role=\"main\" style=\"max-width: 560px; margin: 0 auto\">\n\
                 <h1 style=\"margin: 0 0 16px; font-size: 20px; line-height: 1.3\">{subject}</h1>\n\
                 {html}</div></body></html>\n"
            ),
        }
    }
}

impl Part {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Link { url, .. } => url.clone(),
            Self::Code(code) => format!("    {code}"),
        }
    }

    fn html(&self) -> String {
        match self {
            Self::Text(text) => format!("<p style=\"margin: 0 0 16px\">{}</p>\n", escape(text)),
            // A button, and the address itself for those whose program shows no buttons or who want to see where it
            // leads.
            Self::Link { label, url } => {
                let url = escape(url);
                format!(
                    "<p style=\"margin: 0 0 16px\"><a href=\"{url}\" style=\"display: inline-block; \
                     padding: 10px 20px; border-radius: 8px; background: #3b5bdb; color: #ffffff; \
                     text-decoration: none; font-weight: 600\">{label}</a></p>\n\
                     <p style=\"margin: 0 0 16px; font-size: 13px; word-break: break-all\">{url}</p>\n"
                )
            }
            Self::Code(code) => format!(
                "<p style=\"margin: 0 0 16px; font: 600 24px/1.5 ui-monospace, monospace; \
                 letter-spacing: 2px\">{}</p>\n",
                escape(code)
            ),
        }
    }
}

/// Text escaped for use in markup and in attributes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "to-ken_1";

    fn app() -> PublicUrl {
        PublicUrl::parse("https://app.example").unwrap()
    }

    /// Every mail, its subject without the name of the site, its link if it has one, and what else it says.
    fn all() -> Vec<(
        Written,
        &'static str,
        Option<&'static str>,
        &'static [&'static str],
    )> {
        let (app, token) = (app(), TOKEN.into());
        vec![
            (
                verification(&app, "/verify", &token, &"12345678".into()).write(),
                "Verify your e-mail address for app.example",
                Some("verify"),
                &["1234 5678", "24 hours"],
            ),
            (
                reset(&app, "/reset", &token).write(),
                "Choose a new password for app.example",
                Some("reset"),
                &["30 minutes", "signed out"],
            ),
            (
                email_change(&app, "/settings/confirm-address", &token).write(),
                "Confirm your new e-mail address for app.example",
                Some("settings/confirm-address"),
                &["24 hours", "sign in"],
            ),
            (
                undo_email_change(&app, "/undo", &token).write(),
                "Your e-mail address at app.example was changed",
                Some("undo"),
                &["7 days", "signed out"],
            ),
            (
                sign_in(&app, "/login/link", &token, &"12345678".into()).write(),
                "Your code to sign in to app.example",
                Some("login/link"),
                &["1234 5678", "10 minutes", "same browser"],
            ),
            (
                registration(&app, "/register/finish", &token).write(),
                "Create your account at app.example",
                Some("register/finish"),
                &["24 hours", "choose a password"],
            ),
            (
                invitation(&app, "/register/finish", &token).write(),
                "You are invited to app.example",
                Some("register/finish"),
                &["7 days", "choose a password"],
            ),
        ]
    }

    #[test]
    fn text_and_html_say_the_same() {
        for (mail, subject, link, more) in all() {
            let Written {
                subject: ours,
                text,
                html,
            } = mail;
            assert_eq!(ours, subject);
            let link = link.map(|link| format!("https://app.example/{link}?token={TOKEN}"));
            for said in more.iter().copied().chain(link.as_deref()) {
                assert!(text.contains(said), "{text}");
                assert!(html.contains(said), "{html}");
            }
            // Every sentence of the text is in the HTML.
            for paragraph in text.trim_end().split("\n\n") {
                assert!(html.contains(&escape(paragraph.trim())), "{paragraph}");
            }
            // Some programs still garble other characters.
            assert!(text.is_ascii() && html.is_ascii());
        }
    }

    /// What is loaded from elsewhere tells its owner who reads, and when.
    #[test]
    fn the_html_loads_nothing_and_leads_only_to_this_application() {
        for (mail, _, link, _) in all() {
            let html = mail.html;
            for banned in ["<img", "<script", "<link", "@import", "url(", "src="] {
                assert!(!html.contains(banned), "{banned}");
            }
            for link in html.split("href=\"").skip(1) {
                assert!(link.starts_with("https://app.example/"), "{link}");
            }
            let addresses = html.matches("://").count();
            assert_eq!(
                addresses,
                if link.is_some() { 2 } else { 0 },
                "the link, and its address as text"
            );
        }
    }

    #[test]
    fn who_has_an_account_is_led_to_it_without_a_token() {
        let Written { subject, text, html } = already_registered(&app(), "/login").write();
        assert_eq!(subject, "You have an account at app.example");
        assert!(text.contains("\n\nhttps://app.example/login\n\n") && !text.contains("token"));
        assert!(html.contains("<a href=\"https://app.example/login\""));
    }

    #[test]
    fn markup_in_a_text_stays_text() {
        let content = Content {
            subject: "<b>&".to_owned(),
            parts: vec![Part::Text("\"<script>\"".to_owned())],
        };
        let Written { subject, text, html } = content.write();
        assert_eq!((subject.as_str(), text.as_str()), ("<b>&", "\"<script>\"\n"));
        assert!(html.contains("&lt;b&gt;&amp;") && html.contains("&quot;&lt;script&gt;&quot;"));
        assert!(!html.contains("<script>") && !html.contains("<b>"));
    }
}
