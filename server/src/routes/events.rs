//! `GET /api/events`: what happens to the session of the request, as server-sent events.

use std::{convert::Infallible, time::Duration};

use auth::{Auth, Change, Clock, End, RequestAuth, SlidesNothing, Watch, clock::Deadline, session_layer};
use axum::{
    Extension, Router,
    body::{Body, Bytes},
    extract::State,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::stream;
use http::{
    HeaderName,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use serde::Serialize;

use super::refuse;
use crate::router::AppState;

/// The media type of event streams.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";
/// The time between two comments. Proxies and this server give up connections on which nothing is written.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
const COMMENT: &[u8] = b":\n\n";
/// How long a stream may last. Its client connects again, and shows that it may.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// Tells nginx to pass events on at once.
const NO_BUFFERING: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// The route. A page that is left open listens for as long as it is open, and is no activity of its user.
pub(crate) fn router(state: &AppState) -> Router<AppState> {
    Router::new()
        .route("/api/events", get(follow))
        .layer(from_fn_with_state(state.auth.sessions.clone(), session_layer))
        .layer(Extension(SlidesNothing))
}

/// The stream, until the session ends.
async fn follow(State(auth): State<Auth>, Extension(request): Extension<RequestAuth>) -> Response {
    let watch = match request.watch().await {
        Ok(watch) => watch,
        Err(error) => return refuse(&error),
    };
    let events = Events {
        watch,
        comment: auth.clock.after(COMMENT_EVERY),
        close: auth.clock.after(LONGEST),
        clock: auth.clock.clone(),
        is_over: false,
    };
    let headers = [
        (CONTENT_TYPE, EVENT_STREAM),
        (CACHE_CONTROL, "no-store"),
        NO_BUFFERING,
    ];
    (headers, Body::from_stream(stream::unfold(events, Events::next))).into_response()
}

/// What is left of a stream.
struct Events {
    watch: Watch,
    clock: Clock,
    comment: Deadline,
    close: Deadline,
    is_over: bool,
}

impl Events {
    /// The next text of the stream, and the rest.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.is_over {
            return None;
        }
        let text = tokio::select! {
            biased;
            change = self.watch.next() => {
                let change = change?;
                self.is_over = matches!(change, Change::Ended(_));
                event(&change)?
            }
            () = self.close.reached() => return None,
            () = self.comment.reached() => Bytes::from_static(COMMENT),
        };
        self.comment = self.clock.after(COMMENT_EVERY);
        Some((Ok(text), self))
    }
}

/// The data of the last event.
#[derive(Serialize)]
struct Ended {
    reason: &'static str,
}

/// A change as an event. `None` if it cannot be written, and that closes the stream.
fn event(change: &Change) -> Option<Bytes> {
    let (name, data) = match change {
        Change::Session(session) => ("session", serde_json::to_string(session)),
        Change::Ended(end) => {
            let reason = match end {
                End::Revoked => "revoked",
                End::Expired => "expired",
            };
            ("end", serde_json::to_string(&Ended { reason }))
        }
    };
    // JSON has no line breaks outside of texts, and escapes them in texts, so the data is one line.
    Some(format!("event: {name}\ndata: {}\n\n", data.ok()?).into())
}

#[cfg(test)]
mod tests {
    use auth::{AuthSession, Role, clock::from_unix};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_event_is_a_name_and_one_line_of_json() {
        let session = AuthSession {
            session_id: Uuid::from_u128(1),
            user_id: Uuid::from_u128(2),
            email: Some("a\r\ndata: {}\n\n\u{2028}@example.com".to_owned()),
            email_verified: false,
            name: None,
            picture: None, // wing:pictures
            role: Role::User,
            expires_at: from_unix(1_800_000_000).into(),
        };
        let text = event(&Change::Session(session.clone())).unwrap();
        let text = std::str::from_utf8(&text).unwrap();
        let lines: Vec<&str> = text.split('\n').collect();
        let ["event: session", data, "", ""] = lines[..] else {
            panic!("{text}");
        };
        assert!(!text.contains('\r'));
        let read: AuthSession = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(read, session);
    }

    #[test]
    fn the_last_event_says_why() {
        for (end, data) in [
            (End::Revoked, r#"{"reason":"revoked"}"#),
            (End::Expired, r#"{"reason":"expired"}"#),
        ] {
            let text = event(&Change::Ended(end)).unwrap();
            assert_eq!(text, format!("event: end\ndata: {data}\n\n"));
        }
    }
}
