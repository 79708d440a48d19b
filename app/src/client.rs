//! How pages call server functions: all through the same code, which handles arguments and answers as text. With
//! server_fn's own client, each function would add a copy of that code to the wasm.

use std::{future::Future, pin::Pin};

use leptos::{
    prelude::window,
    server_fn::{
        ServerFn,
        redirect::{REDIRECT_HEADER, call_redirect_hook},
    },
};
use send_wrapper::SendWrapper;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit, Response};

use crate::error::AppError;

/// A value as JSON text, as it crosses the wire.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// The value from the text of an answer.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] if it is not JSON: then the answer is not ours, but a proxy's or a sign-in page's.
    fn from_text(text: String) -> Result<Self, AppError> {
        RawValue::from_string(text)
            .map(Self)
            .map_err(|_| AppError::Unavailable)
    }

    /// The value.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] if the text is not a value of this type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, AppError> {
        serde_json::from_str(self.0.get()).map_err(|_| AppError::Unavailable)
    }
}

/// The future answer of a server function.
pub type Call = Pin<Box<dyn Future<Output = Result<Json, AppError>> + Send>>;

/// Calls a server function: directly on the server, over the wire in the browser.
pub fn call<S>(args: S) -> Call
where
    S: ServerFn<Output: Serialize, Error = AppError> + Serialize + 'static,
{
    #[cfg(feature = "ssr")]
    return Box::pin(async {
        let value = args.run_body().await?;
        serde_json::value::to_raw_value(&value)
            .map(Json)
            .map_err(|_| AppError::Internal)
    });
    #[cfg(not(feature = "ssr"))]
    called_by_browser(S::PATH, fields_of(&args))
}

#[cfg(not(feature = "ssr"))]
fn called_by_browser(path: &'static str, fields: String) -> Call {
    Box::pin(async move { post(path, &fields).await })
}

/// The arguments of a server function as the fields of a form.
pub fn fields_of<S: Serialize>(args: &S) -> String {
    // Arguments are texts, numbers and the like, which can always be encoded.
    serde_urlencoded::to_string(args).unwrap_or_default()
}

/// Posts the fields of a form and returns the answer. Navigates to the page that the answer leads to.
///
/// # Errors
/// The error of the server function, or else the meaning of the status. [`AppError::Unavailable`] if there is no
/// answer, or one that is not ours.
pub async fn post(path: &str, fields: &str) -> Result<Json, AppError> {
    // A browser runs this on one thread, so the wrapped value never leaves it.
    let answer = SendWrapper::new(exchange(path, fields)).await;
    let (answer, text) = answer.map_err(|_| AppError::Unavailable)?;
    let header = |name| answer.headers().get(name).ok().flatten();
    // A refusal leads on too, where something else comes first.
    if let (Some(_), Some(page)) = (header(REDIRECT_HEADER), header("location")) {
        call_redirect_hook(&page);
    }
    if !answer.ok() {
        // A proxy that answers in the server's place does not use our error format: then the status counts.
        let known = serde_json::from_str(&text).ok();
        let error = known
            .filter(|error| *error != AppError::Internal)
            .unwrap_or(AppError::from_status(answer.status()));
        return Err(error.with_wait(header("retry-after").as_deref()));
    }
    Json::from_text(text)
}

async fn exchange(path: &str, fields: &str) -> Result<(SendWrapper<Response>, String), JsValue> {
    let headers = Headers::new()?;
    headers.set("accept", "application/json")?;
    headers.set("content-type", "application/x-www-form-urlencoded")?;
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_headers(&headers);
    request.set_body(&JsValue::from_str(fields));
    let answer = JsFuture::from(window().fetch_with_str_and_init(path, &request)).await?;
    let answer: Response = answer.dyn_into()?;
    let text = JsFuture::from(answer.text()?).await?;
    Ok((SendWrapper::new(answer), text.as_string().unwrap_or_default()))
}
