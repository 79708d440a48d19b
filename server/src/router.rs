//! The whole application as one service.

use std::{collections::HashSet, ops::Deref, sync::Arc};

use app::pages::paths::AUTHORIZE; // wing:clients
use app::pages::settings::picture::UPLOAD_PICTURE; // wing:pictures
use app::pages::settings::your_data::EXPORT_DATA; // wing:data-rights
use app::{App, pages::paths::SETTINGS_SECURITY, shell};
use auth::{Auth, session_layer};
use axum::{
    Router,
    extract::{FromRef, Request},
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
    routing::{any, get, get_service, post},
};
use http::{HeaderValue, Method, header::CACHE_CONTROL};
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes, generate_route_list, render_app_async_with_context};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer, services::ServeDir};

use crate::routes::{clients, scripts, user, user_endpoint}; // wing:clients
use crate::{
    config::{Site, TrustedProxies},
    middleware::{
        administration, // wing:admin
        bearer,         // wing:clients
        bodies::Bodies,
        csp::Csp,
        deadline,
        detached,
        edge,
        files,
        flash,
        forms,
        guard,
        host,
        origin,
        owner,
        prefetch,
        spelling,
    },
    routes::consent,  // wing:clients
    routes::events,   // wing:clients
    routes::export,   // wing:data-rights
    routes::pictures, // wing:pictures
    routes::{csp_report, health, provider, security_txt, session},
};

/// What handlers and middleware work with. It is a single pointer, because every layer clones it for every request.
#[derive(Clone, Debug)]
pub struct AppState(Arc<Shared>);

/// What [`AppState`] points to.
#[derive(Debug)]
pub struct Shared {
    /// Authentication.
    pub auth: Auth,
    /// Leptos' options.
    pub leptos: LeptosOptions,
    /// The policy for pages.
    pub csp: Csp,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// The routes that are pages.
    pub pages: HashSet<String>,
    /// The room for request bodies.
    pub(crate) bodies: Bodies,
}

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<AppState> for Auth {
    fn from_ref(state: &AppState) -> Self {
        state.auth.clone()
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

/// Puts everything together. Read it from the bottom: the last layer is the first to see a request.
pub fn router(
    auth: Auth,
    Site {
        leptos,
        reload_port,
        trusted_proxies,
        security_contacts,
    }: Site,
) -> Router {
    let csp = Csp::new(auth.public_url.secure(), leptos.site_addr, reload_port);
    let is_watched = reload_port.is_some();
    let hashed = leptos.hash_files;
    let pages = generate_route_list(App);
    let state = AppState(Arc::new(Shared {
        auth,
        leptos,
        csp,
        trusted_proxies,
        pages: pages.iter().map(|page| page.path().to_owned()).collect(),
        bodies: Bodies::default(),
    }));

    // Whatever renders or changes something, and runs to its end even if its client goes away.
    let inner = |router: Router<AppState>| {
        router
            .layer(from_fn_with_state(state.clone(), flash::layer))
            .layer(from_fn_with_state(state.clone(), guard::layer))
    };
    let guarded =
        |router: Router<AppState>| inner(router).layer(from_fn_with_state(state.clone(), detached::layer));
    // Whatever may have a signed-in user: pages, server functions, the REST twin, provider flows.
    let with_session = |router: Router<AppState>| {
        router.layer(from_fn_with_state(state.auth.sessions.clone(), session_layer))
    };
    let context = {
        let (auth, csp) = (state.auth.clone(), state.csp.clone());
        move || {
            provide_context(auth.clone());
            csp.apply();
        }
    };
    let pages = Router::new()
        .leptos_routes_with_context(&state, pages, context.clone(), {
            let options = state.leptos.clone();
            move || shell(options.clone(), is_watched)
        })
        .route("/auth/login/{provider}", post(provider::start));
    let pages = pages.route(AUTHORIZE, post(consent::decide)); // wing:clients
    let pages = pages.route(EXPORT_DATA, post(export::post)); // wing:data-rights
    let pages = pages.route(UPLOAD_PICTURE, post(pictures::upload)); // wing:pictures
    let pages = guarded(pages.layer(from_fn(owner::layer)));
    let pages = pages.layer(from_fn_with_state(state.clone(), consent::layer)); // wing:clients
    // A body is read once its sender is known, and only up to that sender's limit.
    let forms = pages.layer(from_fn_with_state(state.clone(), forms::layer));
    let dynamic = with_session(forms)
        .layer(from_fn(forms::accept))
        .layer(from_fn_with_state(state.clone(), origin::layer))
        .layer(from_fn_with_state(state.clone(), host::layer));
    // For scripts that poll: there is nothing between them and their session.
    let twin = Router::new().route("/api/session", get(session::get));
    let twin = twin.route("/api/user", get(user::get)); // wing:clients
    let twin = twin.layer(from_fn_with_state(state.auth.sessions.clone(), session_layer));
    // A form_post from a provider is cross-site by nature. It changes nothing, so the origin rule does not apply to
    // it.
    let finish = Router::new().route("/auth/callback/{provider}", get(provider::finish));
    let finish = inner(finish).layer(from_fn_with_state(state.clone(), detached::callback));
    let callbacks = with_session(finish)
        .layer(from_fn(prefetch::layer))
        .route("/auth/callback/{provider}", post(provider::repost));

    let page_for_nothing = {
        let options = state.leptos.clone();
        render_app_async_with_context(context, move || shell(options.clone(), is_watched))
    };
    let not_found = Router::new().fallback(async move |request: Request| {
        // Whatever Leptos finds here is only for reading.
        match *request.method() {
            Method::GET | Method::HEAD => page_for_nothing(request).await,
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    });
    let not_found = with_session(guarded(not_found))
        .layer(from_fn_with_state(state.clone(), origin::layer))
        .layer(from_fn(spelling::trailing_slash))
        .layer(from_fn_with_state(state.clone(), host::layer))
        .with_state(state.clone());
    // Answers requests for unknown addresses.
    let nowhere = with_session(
        Router::new()
            .route("/api", any(nothing))
            .route("/api/", any(nothing))
            .route("/api/{*rest}", any(nothing)),
    )
    .layer(from_fn_with_state(state.clone(), origin::layer))
    .with_state(state.clone())
    .fallback_service(public_files(&state.leptos, not_found));

    let router = Router::new()
        .merge(dynamic)
        .merge(twin)
        .merge(events::router(&state)) // wing:clients
        .merge(callbacks)
        // wing:clients
        .merge(clients::router(&state))
        .merge(scripts::router(&state))
        .route(user_endpoint::PATH, post(user_endpoint::post))
        // end wing:clients
        .route(pictures::PICTURES, get(pictures::get)) // wing:pictures
        .route("/csp-report", post(csp_report::post))
        .route(CHANGE_PASSWORD, get(change_password))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .nest_service("/pkg", packages(&state.leptos, hashed))
        .with_state(state.clone());
    #[cfg(debug_assertions)] // wing:dev-provider
    let router = router.merge(crate::dev_idp::router(&state.auth)); // wing:dev-provider
    #[cfg(debug_assertions)] // wing:mail
    let router = router.merge(crate::dev_mail::router(&state.auth)); // wing:mail
    // Without contacts there is no such file.
    let router = if security_contacts.is_empty() {
        router
    } else {
        let contacts = (state.auth.clone(), security_contacts);
        router.route(security_txt::PATH, get(security_txt::get).with_state(contacts))
    };
    let router = router.fallback_service(nowhere.clone());
    // wing:admin
    let gate = administration::Administration {
        state: state.clone(),
        nowhere,
    };
    // end wing:admin
    Router::new()
        .fallback_service(router)
        .layer(from_fn_with_state(gate, administration::layer)) // wing:admin
        .layer(from_fn_with_state(state.clone(), bearer::layer)) // wing:clients
        .layer(from_fn_with_state(deadline::TIME, deadline::layer))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            // The panic's text is in the log already; it must not reach the client.
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }))
        .layer(CompressionLayer::new().compress_when(files::is_compressed))
        .layer(from_fn_with_state(state, edge::layer))
}

/// The wasm, its JavaScript glue and the style sheet. If their names contain hashes, they never change.
fn packages(leptos: &LeptosOptions, hashed: bool) -> Router {
    let caching = if hashed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let files = ServeDir::new(format!("{}/{}", leptos.site_root, leptos.site_pkg_dir))
        .precompressed_br()
        .precompressed_gzip()
        .append_index_html_on_directories(false);
    Router::new()
        .fallback_service(get_service(files))
        .layer(from_fn(files::ranges))
        .layer(axum::middleware::map_response(
            move |mut response: Response| async move {
                if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
                    response
                        .headers_mut()
                        .insert(CACHE_CONTROL, HeaderValue::from_static(caching));
                }
                response
            },
        ))
}

/// The files of `public/`, by their own names. Any other path gets the page for unknown addresses.
fn public_files(leptos: &LeptosOptions, not_found: Router) -> Router {
    let files = ServeDir::new(leptos.site_root.as_ref())
        .precompressed_br()
        .precompressed_gzip()
        .append_index_html_on_directories(false)
        .call_fallback_on_method_not_allowed(true)
        .fallback(not_found);
    Router::new()
        .fallback_service(files)
        .layer(from_fn(files::ranges))
}

/// Where password managers look for the page to change a password (W3C, "A Well-Known URL for Changing
/// Passwords").
const CHANGE_PASSWORD: &str = "/.well-known/change-password";

async fn change_password() -> Redirect {
    Redirect::to(SETTINGS_SECURITY)
}

async fn nothing() -> StatusCode {
    StatusCode::NOT_FOUND
}
