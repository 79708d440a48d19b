//! Somebody's browser, in this process: it has an address, keeps cookies, and sends forms.

use std::{collections::BTreeMap, net::SocketAddr};

use app::pages::paths::provider_login; // wing:dev-provider
use auth::oauth::DEVELOPMENT; // wing:dev-provider
use axum::{Router, body::Body, extract::ConnectInfo, http::Request, response::Response};
use http::header::LOCATION; // wing:dev-provider
use http::{
    HeaderName, Method, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, COOKIE, HOST, ORIGIN, SET_COOKIE, USER_AGENT},
};
use http_body_util::BodyExt; // wing:dev-provider
use tower::ServiceExt;

use super::people::Device;
use crate::serve::Failure;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A browser of one person.
pub(super) struct Visitor {
    router: Router,
    origin: String,
    device: &'static Device,
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    /// A browser that has not been here before.
    pub(super) fn new(router: &Router, origin: &str, device: &'static Device) -> Self {
        Self {
            router: router.clone(),
            origin: origin.to_owned(),
            device,
            cookies: BTreeMap::new(),
        }
    }

    /// Calls a server function. The status tells whether it did what was asked.
    pub(super) async fn call(
        &mut self,
        function: &str,
        fields: &[(&str, &str)],
    ) -> Result<StatusCode, Failure> {
        let answer = self.post(&format!("/api/{function}"), fields).await?;
        Ok(answer.status())
    }

    // wing:dev-provider
    /// Signs in with the development provider, or connects an account there, as the one who is signed in.
    pub(super) async fn with_provider(
        &mut self,
        intent: &str,
        email: &str,
        name: &str,
    ) -> Result<(), Failure> {
        let page = self
            .post(
                &provider_login(DEVELOPMENT),
                &[("intent", intent), ("remember", "true")],
            )
            .await?;
        let page = text(page).await?;
        // The page that hands the browser over has one link.
        let link = page
            .split_once("href=\"http")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(link, _)| format!("http{}", link.replace("&amp;", "&")))
            .ok_or("the page that leads to the provider has no link")?;
        let asked = url::Url::parse(&link)?;
        let asked: Vec<(String, String)> = asked.query_pairs().into_owned().collect();
        let mut fields: Vec<(&str, &str)> = asked
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        fields.extend([("email", email), ("name", name)]);
        let back = self.post("/dev/idp/authorize", &fields).await?;
        let back = location(&back)?;
        let back = back.strip_prefix(&self.origin).unwrap_or(back).to_owned();
        let answer = self.send(Method::GET, &back, Body::empty()).await?;
        match location(&answer)? {
            failed if failed.contains("error=") => {
                Err(format!("the provider's sign-in leads to {failed}").into())
            }
            _ => Ok(()),
        }
    }
    // end wing:dev-provider

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Response, Failure> {
        let body = serde_urlencoded::to_string(fields)?;
        self.send(Method::POST, path, Body::from(body)).await
    }

    async fn send(&mut self, method: Method, path: &str, body: Body) -> Result<Response, Failure> {
        let host = self.origin.split_once("://").map_or("", |(_, host)| host);
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host)
            .header(ORIGIN, &self.origin)
            .header(USER_AGENT, self.device.agent)
            .header(FORWARDED_FOR, self.device.address)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(COOKIE, cookies.join("; "))
            .body(body)?;
        let proxy = SocketAddr::from(([127, 0, 0, 1], 40_000));
        request.extensions_mut().insert(ConnectInfo(proxy));
        let Ok(answer) = self.router.clone().oneshot(request).await;
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str()?;
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}

// wing:dev-provider
async fn text(answer: Response) -> Result<String, Failure> {
    let bytes = answer.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn location(answer: &Response) -> Result<&str, Failure> {
    let location = answer.headers().get(LOCATION);
    let location = location.ok_or_else(|| format!("an answer leads nowhere: {}", answer.status()))?;
    Ok(location.to_str()?)
}
// end wing:dev-provider
