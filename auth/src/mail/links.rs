//! What the page of a link shows before its form is sent. Looking spends nothing.

use secrecy::SecretString;
use wire::{LinkUse, MailLink};

use super::tokens::{Found, Purpose, Whose};
use crate::{
    auth::Auth,
    browser::Browser,
    error::{Error, Result},
    limits::{Action, Subject},
    session::RequestAuth,
};

impl From<MailLink> for Purpose {
    fn from(link: MailLink) -> Self {
        match link {
            MailLink::Verification => Self::Verification,
            MailLink::Reset => Self::Reset,
            MailLink::EmailChange => Self::EmailChange,
            MailLink::UndoEmailChange => Self::UndoEmailChange,
            MailLink::SignIn => Self::SignIn,
            MailLink::Registration => Self::Registration,
        }
    }
}

impl Auth {
    /// Where a link can be used, if it is still good.
    ///
    /// # Errors
    /// [`Error::LinkExpired`], [`Error::RegistrationClosed`], [`Error::NotFound`] without mail,
    /// [`Error::TooManyAttempts`]
    pub async fn look_at_link(
        &self,
        request: &RequestAuth,
        link: MailLink,
        token: &SecretString,
    ) -> Result<LinkUse> {
        self.mail.require()?;
        self.count_link(request)?;
        if link == MailLink::Registration {
            return self.registration_of(token).await.map(|_| LinkUse::Here);
        }
        let found = self.mail.look_at_token(link.into(), token).await?;
        let found = found.ok_or(Error::LinkExpired)?;
        Ok(match link {
            MailLink::Reset | MailLink::UndoEmailChange | MailLink::Registration => LinkUse::Here,
            MailLink::Verification | MailLink::EmailChange => by_its_user(request, &found),
            MailLink::SignIn => {
                self.mail.require_sign_in()?;
                in_its_browser(request, &found)
            }
        })
    }

    /// Counts a use of a link.
    pub(crate) fn count_link(&self, request: &RequestAuth) -> Result<()> {
        let from = Subject::address(request.client().limited_address());
        self.limits.take(Action::LinkAddress, from)
    }
}

/// For a link that proves an address only in a session of its user.
fn by_its_user(request: &RequestAuth, found: &Found) -> LinkUse {
    match request.session() {
        None => LinkUse::AfterSignIn,
        Some(session) if found.user_id == Some(session.user_id) => LinkUse::Here,
        Some(_) => LinkUse::ByAnother,
    }
}

/// For a link that is good only in the browser that has asked for it.
fn in_its_browser(request: &RequestAuth, found: &Found) -> LinkUse {
    match Browser::of(request.flow_cookie()) {
        Some(browser) if Whose::Browser(browser.hash()).is_browser_of(found) => LinkUse::Here,
        _ => LinkUse::InAnotherBrowser,
    }
}
