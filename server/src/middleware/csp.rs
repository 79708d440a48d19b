//! The Content-Security-Policy of pages, with a separate nonce for each.

use std::{net::SocketAddr, sync::Arc};

use http::{
    HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY},
};
use leptos::{nonce::use_nonce, prelude::use_context};
use leptos_axum::ResponseOptions;

/// The policy, without the nonce.
#[derive(Clone, Debug)]
pub struct Csp(Arc<str>);

/// The placeholder for the nonce.
const NONCE: &str = "{nonce}";
/// A nonce is for one response, and most pages show who is signed in. If a proxy rewrote addresses or scripts, the
/// wasm would not recognise the page that it takes over.
pub(crate) const PAGE_CACHING: HeaderValue = HeaderValue::from_static("no-store, no-transform");
const REPORTING_ENDPOINTS: HeaderName = HeaderName::from_static("reporting-endpoints");

impl Csp {
    /// The policy for a public URL that is https or not. While cargo-leptos watches, its reload socket is allowed.
    ///
    /// Without `'strict-dynamic'`: it would disregard `'self'`, and the preload links carry no nonce, so they would
    /// be refused.
    pub(crate) fn new(secure: bool, addr: SocketAddr, reload_port: Option<u32>) -> Self {
        let reload = reload_port.map_or_else(String::new, |port| format!(" ws://{}:{port}", addr.ip()));
        let upgrade = if secure { "upgrade-insecure-requests; " } else { "" };
        Self(
            format!(
                "default-src 'none'; script-src 'self' 'nonce-{NONCE}' 'wasm-unsafe-eval'; \
                 style-src 'self' 'nonce-{NONCE}'; img-src 'self' data:; font-src 'self'; \
                 connect-src 'self'{reload}; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
                 object-src 'none'; frame-ancestors 'none'; {upgrade}report-to csp"
            )
            .into(),
        )
    }

    /// Sets the header on the page being rendered. A server function has neither a nonce nor a page.
    pub(crate) fn apply(&self) {
        let (Some(response), Some(nonce)) = (use_context::<ResponseOptions>(), use_nonce()) else {
            return;
        };
        if let Ok(policy) = HeaderValue::try_from(self.0.replace(NONCE, &nonce)) {
            response.insert_header(CONTENT_SECURITY_POLICY, policy);
        }
        response.insert_header(
            REPORTING_ENDPOINTS,
            HeaderValue::from_static("csp=\"/csp-report\""),
        );
        response.insert_header(CACHE_CONTROL, PAGE_CACHING);
    }
}
