//! How pages call the server functions behind their forms.

use std::future::Future;

use futures_util::{Sink, Stream};
use leptos::{
    prelude::*,
    server_fn::{
        Bytes,
        client::{Client, browser::BrowserClient},
        request::browser::BrowserRequest,
        response::{ClientRes, browser::BrowserResponse},
    },
};
use uuid::Uuid;

use crate::error::AppError;

/// The name of the hidden field that says whom a form's page was made for.
pub const FOR: &str = "_for";
/// The header that says the same of a call from a hydrated page: there it is not the form that is sent, but
/// the arguments of its server function.
pub const FOR_HEADER: &str = "x-form-for";

/// Whom this document was made for: their mark, for its forms. Nobody, if nobody is signed in.
#[derive(Clone, Debug)]
pub struct MadeFor(Option<String>);

/// The same, where there is no context. A document is for one person all its life.
#[cfg(feature = "hydrate")]
static MADE_FOR: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();

impl MadeFor {
    /// Makes the mark of who is signed in, and hands it on to hydration.
    pub fn provide(user_id: Option<Uuid>) {
        let mark = SharedValue::new(|| {
            #[cfg(feature = "ssr")]
            return use_context::<auth::Auth>()
                .zip(user_id)
                .map(|(auth, user_id)| auth.keys.mark(user_id));
            #[cfg(not(feature = "ssr"))]
            {
                let _ = user_id;
                None
            }
        })
        .into_inner();
        #[cfg(feature = "hydrate")]
        drop(MADE_FOR.set(mark.clone()));
        provide_context(Self(mark));
    }
}

/// The hidden field of every form on a page for somebody signed in.
#[component]
pub fn MadeForField() -> impl IntoView {
    let mark = use_context::<MadeFor>().and_then(|MadeFor(mark)| mark);
    mark.map(|mark| view! { <input type="hidden" name=FOR value=mark /> })
}

/// Calls server functions from a page: says whom the page was made for, and hears how long to wait.
#[derive(Debug)]
pub struct PageClient;

impl Client<AppError> for PageClient {
    type Request = BrowserRequest;
    type Response = BrowserResponse;

    fn send(request: BrowserRequest) -> impl Future<Output = Result<BrowserResponse, AppError>> + Send {
        #[cfg(feature = "hydrate")]
        if let Some(Some(mark)) = MADE_FOR.get() {
            request.headers().set(FOR_HEADER, mark);
        }
        let sent = <BrowserClient as Client<AppError>>::send(request);
        async move {
            let response = sent.await?;
            if ClientRes::<AppError>::status(&response) != 429 {
                return Ok(response);
            }
            let headers = response.generate_headers();
            let wait = headers.get("retry-after").and_then(|wait| wait.to_str().ok());
            Err(AppError::from_status(429).with_wait(wait))
        }
    }

    fn open_websocket(
        path: &str,
    ) -> impl Future<
        Output = Result<
            (
                impl Stream<Item = Result<Bytes, Bytes>> + Send + 'static,
                impl Sink<Bytes> + Send + 'static,
            ),
            AppError,
        >,
    > + Send {
        <BrowserClient as Client<AppError>>::open_websocket(path)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        <BrowserClient as Client<AppError>>::spawn(future);
    }
}
