//! The start page of one person twice, the same HTML: for whom the session layer recognises, and for a
//! person handed in, whom no cookie has to name.

use std::sync::{Arc, OnceLock};

use app::shell;
use auth::{Auth, RequestAuth, session_layer};
use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{StatusCode, Uri},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::get,
};
use leptos::prelude::{LeptosOptions, provide_context};
use leptos_axum::render_app_async_with_context;

/// Whom it is handed in for.
type Person = Arc<OnceLock<RequestAuth>>;

/// `/page` and `/page-handed-in`; before the latter `/hand-in`, asked by that person. Nothing is around
/// them but the session layer, around the first.
pub(super) fn router(auth: &Auth, leptos: &LeptosOptions) -> Router {
    let page = {
        let (auth, leptos) = (auth.clone(), leptos.clone());
        let render = render_app_async_with_context(
            move || provide_context(auth.clone()),
            move || shell(leptos.clone(), false),
        );
        move |mut request: Request| {
            *request.uri_mut() = Uri::from_static("/");
            render(request)
        }
    };
    let person = Person::default();
    let layer = from_fn_with_state(auth.sessions.clone(), session_layer);
    let recognised = Router::new()
        .route("/page", get(page.clone()))
        .route("/hand-in", get(hand_in))
        .layer(layer);
    Router::new()
        .route(
            "/page-handed-in",
            get(page).layer(from_fn_with_state(person.clone(), handed_in)),
        )
        .merge(recognised)
        .with_state(person)
}

async fn hand_in(State(person): State<Person>, Extension(request): Extension<RequestAuth>) -> StatusCode {
    if request.session().is_some() && person.set(request).is_ok() {
        StatusCode::OK
    } else {
        StatusCode::CONFLICT
    }
}

async fn handed_in(State(person): State<Person>, mut request: Request, next: Next) -> Response {
    if let Some(person) = person.get() {
        request.extensions_mut().insert(person.clone());
    }
    next.run(request).await
}
