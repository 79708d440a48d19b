//! What a page loads before it can be shown: on the server with the page, and in the browser when it changes.

use std::{future::Future, marker::PhantomData, pin::Pin, sync::Arc};

use leptos::{prelude::*, server_fn::ServerFn};
use serde::{Serialize, de::DeserializeOwned};

use super::failure::Failure;
use crate::{
    client::{Call, Json, call, fields_of},
    error::AppError,
};

/// A value that a page loads. It is text until a view reads it, so the code that loads it, waits for it and takes it
/// over from the server is in the wasm once, not once for each type.
pub struct Load<T> {
    text: Resource<Result<Json, AppError>>,
    reads: PhantomData<fn() -> T>,
}

impl<T> Clone for Load<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Load<T> {}

impl<T: DeserializeOwned> Load<T> {
    /// What a server function returns for these arguments. It is called again whenever they or `after` change.
    pub fn new<S>(
        after: impl Fn() -> usize + Send + Sync + 'static,
        args: impl Fn() -> S + Clone + Send + Sync + 'static,
    ) -> Self
    where
        S: ServerFn<Output = T, Error = AppError> + Serialize + 'static,
        T: Serialize,
    {
        Self::trying(after, move || Ok(args()))
    }

    /// As [`Load::new`], where the arguments may be missing, as in an address that the visitor typed. The error is
    /// then the result.
    pub fn trying<S>(
        after: impl Fn() -> usize + Send + Sync + 'static,
        args: impl Fn() -> Result<S, AppError> + Clone + Send + Sync + 'static,
    ) -> Self
    where
        S: ServerFn<Output = T, Error = AppError> + Serialize + 'static,
        T: Serialize,
    {
        let now = args.clone();
        let fields = move || now().map(|args| fields_of(&args)).unwrap_or_default();
        Self::by(
            move || (after(), fields()),
            move || match args() {
                Ok(args) => call(args),
                Err(error) => Box::pin(async move { Err(error) }),
            },
        )
    }

    /// What `load` returns. It is called again whenever `source` changes.
    pub fn by(
        source: impl Fn() -> (usize, String) + Send + Sync + 'static,
        load: impl Fn() -> Call + Send + Sync + 'static,
    ) -> Self {
        Self {
            text: text_of(Box::new(source), Box::new(load)),
            reads: PhantomData,
        }
    }

    /// Waits for the value.
    ///
    /// # Errors
    /// Those of the server function; [`AppError::Unavailable`] if it cannot be reached.
    pub async fn get(self) -> Result<T, AppError> {
        self.text.await?.read()
    }
}

type Source = Box<dyn Fn() -> (usize, String) + Send + Sync>;
type Loader = Box<dyn Fn() -> Call + Send + Sync>;

fn text_of(source: Source, load: Loader) -> Resource<Result<Json, AppError>> {
    Resource::new(source, move |_| untrack(&load))
}

/// Shows a loaded value, or states why it cannot be shown.
#[component]
pub fn Loaded<T, View, Shown>(
    /// The value.
    load: Load<T>,
    /// The view that shows it.
    children: View,
) -> impl IntoView
where
    T: DeserializeOwned + 'static,
    View: Fn(T) -> Shown + Send + Sync + 'static,
    Shown: IntoView + 'static,
{
    let shown = move |text: Json| Ok(children(text.read()?).into_any());
    loaded(load.text, Arc::new(shown))
}

type Reader = Arc<dyn Fn(Json) -> Result<AnyView, AppError> + Send + Sync>;

fn loaded(text: Resource<Result<Json, AppError>>, shown: Reader) -> AnyView {
    once_loaded(move || {
        let shown = shown.clone();
        async move {
            text.await
                .and_then(|text| shown(text))
                .unwrap_or_else(|error| view! { <Failure error /> }.into_any())
        }
    })
}

/// Shows the result of `shown`. A short text is shown until it is there, and the previous content while it is loaded
/// again.
pub fn once_loaded<F>(shown: impl Fn() -> F + Send + Sync + 'static) -> AnyView
where
    F: Future<Output = AnyView> + Send + 'static,
{
    awaited(Box::new(move || Box::pin(shown())))
}

type Shown = Pin<Box<dyn Future<Output = AnyView> + Send>>;

fn awaited(shown: Box<dyn Fn() -> Shown + Send + Sync>) -> AnyView {
    view! {
        <Transition fallback=|| view! { <p class="hint">"One moment…"</p> }>
            {move || Suspend::new(shown())}
        </Transition>
    }
    .into_any()
}
