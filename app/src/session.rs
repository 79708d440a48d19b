//! Who is signed in, for views and server functions, and signing out.

// wing:clients
#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]
// end wing:clients

use leptos::prelude::*;
use wire::{AuthSession, User};

#[cfg(feature = "ssr")]
use crate::context::{Context, recognised};
use crate::{client::call, error::AppError, forms::Endpoint};

/// The form that every page has.
pub const FORMS: &[Endpoint] = &[LOGOUT];

/// Who is signed in, as views see it. It is fixed for the life of the document, since signing in and out load a new
/// one.
#[derive(Clone, Debug)]
pub struct CurrentSession(pub Option<AuthSession>);

impl CurrentSession {
    /// Takes what the session layer recognised, and passes it on to hydration: without a query, and without briefly
    /// showing the wrong state.
    pub fn provide() {
        let session = SharedValue::new(|| {
            #[cfg(feature = "ssr")]
            return recognised().and_then(|request| request.session().cloned());
            #[cfg(not(feature = "ssr"))]
            None
        });
        provide_context(Self(session.into_inner()));
    }
}

/// The name that is shown for the signed-in user. Unlike the session's, it follows a change in this document.
#[derive(Clone, Copy, Debug)]
pub struct ShownName(RwSignal<Option<String>>);

impl ShownName {
    /// Takes the name that the session carries, and passes it on to hydration.
    pub fn provide() {
        let name = SharedValue::new(|| {
            #[cfg(feature = "ssr")]
            return recognised().and_then(|request| request.session()?.name.clone());
            #[cfg(not(feature = "ssr"))]
            None
        });
        provide_context(Self(RwSignal::new(name.into_inner())));
    }

    /// The name from the context.
    pub fn take() -> Self {
        use_context().unwrap_or_else(|| Self(RwSignal::new(None)))
    }

    /// The name, if there is one.
    pub fn get(self) -> Option<String> {
        self.0.get()
    }

    /// Follows a change of the name that the user has chosen. Without one it is that of the account, which the server knows.
    pub fn follow(self, chosen: Option<String>) {
        if chosen.is_some() {
            return self.0.set(chosen);
        }
        leptos::task::spawn_local(async move {
            // Without an answer the name stays as it is.
            if let Ok(user) = call(GetUser {}).await
                && let Ok(Some(user)) = user.read::<Option<User>>()
            {
                self.0.set(user.name);
            }
        });
    }
}

// wing:pictures
/// The path of the user's picture.
#[derive(Clone, Debug)]
pub struct ShownPicture(Option<String>);

impl ShownPicture {
    /// Takes the picture that the session carries, and passes it on to hydration.
    pub fn provide() {
        let path = SharedValue::new(|| {
            #[cfg(feature = "ssr")]
            return recognised()
                .and_then(|request| request.session()?.picture)
                .map(auth::pictures::path);
            #[cfg(not(feature = "ssr"))]
            None
        });
        provide_context(Self(path.into_inner()));
    }
}

/// The path of the signed-in user's picture, if there is one. Makes no query.
pub fn shown_picture() -> Option<String> {
    use_context::<ShownPicture>().and_then(|ShownPicture(path)| path)
}
// end wing:pictures

/// Who is signed in, for a view. Makes no query.
pub fn current_session() -> Option<AuthSession> {
    use_context::<CurrentSession>().and_then(|CurrentSession(session)| session)
}

/// Who is signed in, from the snapshot. Makes no query.
#[server]
pub async fn get_auth_session() -> Result<Option<AuthSession>, AppError> {
    Ok(Context::take()?.request.session().cloned())
}

/// The complete signed-in user, read from SQL and authoritative. `None` for an anonymous visitor.
#[server]
pub async fn get_user() -> Result<Option<User>, AppError> {
    let context = Context::take()?;
    Ok(context.auth.user(&context.request).await?)
}

/// Signs out. Without a session it does nothing, and the answer is the same.
#[server]
pub async fn logout(
    // wing:clients
    #[server(default)] return_to: Option<String>,
    // end wing:clients
) -> Result<(), AppError> {
    Context::take()?.sign_out().await?;
    // wing:clients
    // To change to another account: a page that needs a session leads to the login page, and from there back.
    if let Some(return_to) = return_to.as_deref().and_then(auth::ReturnTo::parse) {
        leptos_axum::redirect(return_to.as_str());
    }
    // end wing:clients
    Ok(())
}

/// The form that signs out. Every page for a signed-in user has it.
pub const LOGOUT: Endpoint = Endpoint::of::<Logout>(&[]);
