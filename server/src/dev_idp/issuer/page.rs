//! The page on which a person is chosen or entered.

use axum::response::Response;

use super::{Asked, people::PEOPLE};
use crate::bare_page::{self, escape};

/// The page. With `invalid`, the text that was typed was not an address.
pub(super) fn choose(asked: &Asked, invalid: bool) -> Response {
    let mut hidden = String::new();
    for (name, value) in [
        ("client_id", asked.client_id.as_str()),
        ("redirect_uri", &asked.redirect_uri),
        ("response_type", &asked.response_type),
        ("state", &asked.state),
        ("code_challenge", &asked.code_challenge),
        ("code_challenge_method", &asked.code_challenge_method),
        ("nonce", asked.nonce.as_deref().unwrap_or("")),
    ] {
        hidden.push_str(&format!(
            "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
            escape(value)
        ));
    }
    let form = |content: &str| {
        format!("<form method=\"post\" action=\"/dev/idp/authorize\">{hidden}{content}</form>")
    };
    let people: String = PEOPLE
        .iter()
        .map(|(name, email)| {
            form(&format!(
                "<input type=\"hidden\" name=\"email\" value=\"{email}\"><input type=\"hidden\" name=\"name\" value=\"{name}\">\
                 <button class=\"choice\"><strong>{name}</strong> <span>{email}</span></button>"
            ))
        })
        .collect();
    let other = form(
        "<p><label>E-mail <input type=\"email\" name=\"email\" required></label></p>\
         <p><label>Name <input type=\"text\" name=\"name\"></label></p><p><button class=\"primary\">Continue</button></p>",
    );
    let cancel = form("<p><button name=\"cancel\" value=\"1\">Cancel</button></p>");
    let alert = if invalid {
        "<p role=\"alert\">This is not an e-mail address.</p>"
    } else {
        ""
    };
    let main = format!(
        "<p>This is the development identity provider. Release builds do not contain it.</p>\
         {alert}{people}<h2>Another user</h2>{other}{cancel}"
    );
    bare_page::respond("Who do you want to sign in as?", "", &main)
}
