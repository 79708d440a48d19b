//! The guard of administration.

use app::pages::paths::{ADMIN, ADMIN_API, SETTINGS_SECURITY};
use auth::{Error, Permission, chain};
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
    /// The application's state.
    pub(crate) state: AppState,
    /// Answers requests for unknown addresses.
    pub(crate) nowhere: Router,
}

/// Administration, for recent sessions of users who may look after people, checked by the authority. For all other users it does not
/// exist: their requests are answered as requests for unknown addresses are, before anything but the cookies is
/// looked at. The layer therefore wraps the router, which would reveal the methods that an address accepts.
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
            let is_admin = auth
                .session()
                .is_some_and(|session| session.can(Permission::SeePeople));
            // From here on the request is recognised, by the authority.
            request.extensions_mut().insert(auth);
            may.map(drop).map_err(|error| (error, is_admin))
        }
        // The service for unknown addresses then fails in the same way for every address.
        Err(_) => return nothing(request).await,
    };
    match may {
        Ok(()) => next.run(request).await,
        // Server functions check again, and report an old confirmation in their own way.
        Err((Error::ReauthRequired, _)) if is_function || !reads => next.run(request).await,
        Err((Error::ReauthRequired, _)) => see_other(&returning(SETTINGS_SECURITY, asked(request.uri()))),
        Err((Error::NotFound, _)) => nothing(request).await,
        Err((error, is_admin)) => {
            tracing::error!(
                error = %chain(&error),
                "the session could not be looked up"
            );
            // Only administrators may learn that it is worth trying again.
            if is_admin {
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            } else {
                nothing(request).await
            }
        }
    }
}
