//! The guard of administration.

use app::pages::paths::{ADMIN, ADMIN_API, SETTINGS_SECURITY};
use auth::{Error, Role, chain};
use axum::{
    Router,
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower::ServiceExt;

use super::guard::{asked, is_below, returning, see_other};
use crate::router::AppState;

/// What [`layer`] works with.
#[derive(Clone)]
pub(crate) struct Administration {
    /// Of the application.
    pub(crate) state: AppState,
    /// What answers for addresses that nothing has.
    pub(crate) nowhere: Router,
}

/// Administration, for recent sessions of administrators, as the authority knows them. For everybody else
/// it is not there: what answers for addresses that nothing has answers for these as well, before anything of
/// the request but its cookies is looked at. So this is around the router, which would say which methods an
/// address takes.
pub(crate) async fn layer(State(gate): State<Administration>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_function = is_below(ADMIN_API, path);
    if !is_function && !is_below(ADMIN, path) {
        return next.run(request).await;
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let nothing = async |request| gate.nowhere.oneshot(request).await.into_response();
    let recognised = gate
        .state
        .auth
        .sessions
        .request(request.headers(), request.extensions())
        .await;
    let may = match recognised {
        Ok(auth) => {
            let may = auth.require_admin().await;
            let is_admin = auth.session().is_some_and(|session| session.role == Role::Admin);
            // From here on the request is recognised, by the authority.
            request.extensions_mut().insert(auth);
            may.map(drop).map_err(|error| (error, is_admin))
        }
        // What answers then says the same of every address.
        Err(_) => return nothing(request).await,
    };
    match may {
        Ok(()) => next.run(request).await,
        // Server functions ask again, and say in their own way that a confirmation is too old.
        Err((Error::ReauthRequired, _)) if is_function || !reads => next.run(request).await,
        Err((Error::ReauthRequired, _)) => see_other(&returning(SETTINGS_SECURITY, asked(request.uri()))),
        Err((Error::NotFound, _)) => nothing(request).await,
        Err((error, is_admin)) => {
            tracing::error!(
                error = %chain(&error),
                "the session could not be looked up"
            );
            // That there is something to wait for is for administrators to know.
            if is_admin {
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            } else {
                nothing(request).await
            }
        }
    }
}
