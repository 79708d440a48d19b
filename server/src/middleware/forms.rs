//! Forms: what may be posted to server functions, and how a plain form and a script are each answered.
//!
//! server_fn answers every error with 500 and, to a browser, redirects with the error in the address.
//! Here, in one place, scripts get the true status, and browsers are led back to the form's page with a
//! sealed [`Flash`]: the outcome, and what they typed.

use app::{
    error::AppError,
    flash::{Flash, Outcome, SECRET_FIELDS},
    routes,
};
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, REFERER, SET_COOKIE},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::{
    flash,
    guard::{returning, see_other},
    refusals::accepts_html,
};
use crate::router::AppState;

/// server_fn's marks on its answers.
const FAILED: HeaderName = HeaderName::from_static("serverfnerror");
const REDIRECTED: HeaderName = HeaderName::from_static("serverfnredirect");

/// The layer, for POST to server functions and to the start of provider flows.
pub(crate) async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let endpoint = path.strip_prefix("/api/").map(str::to_owned);
    if *request.method() != Method::POST || (endpoint.is_none() && !path.starts_with("/auth/login/")) {
        return next.run(request).await;
    }
    let limit = limit(path);
    let (request, typed) = match read_form(request, limit).await {
        Ok(read) => read,
        Err(status) => return status.into_response(),
    };
    let Some(endpoint) = endpoint else {
        return next.run(request).await;
    };
    let html = accepts_html(request.headers());
    let page = own_referer(request.headers(), state.auth.public_url.origin())
        .unwrap_or_else(|| routes::form_page(&endpoint).to_owned());
    let response = next.run(as_script(request, html)).await;
    let mut response = match html {
        true => lead_back(&state, endpoint, page, typed, response).await,
        false => with_true_status(response).await,
    };
    // What server functions answer is about a person.
    response
        .headers_mut()
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The most a body may weigh, in bytes.
fn limit(path: &str) -> usize {
    match path {
        "/api/login" | "/api/register" => 8 * 1024,
        "/api/update_public_data" | "/api/update_private_data" => 300 * 1024,
        _ if path.starts_with("/auth/login/") => 8 * 1024,
        _ => 64 * 1024,
    }
}

type Fields = Vec<(String, String)>;

/// Reads the body, if it is a form's and not too large.
async fn read_form(request: Request, limit: usize) -> Result<(Request, Fields), StatusCode> {
    let (mut parts, body) = request.into_parts();
    let form = is_form(&parts.headers)?;
    let declared = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let bytes = match Limited::new(body, limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => return Err(StatusCode::BAD_REQUEST),
    };
    if !form && !bytes.is_empty() {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| StatusCode::BAD_REQUEST)?;
    if !decodes_to_text(text) {
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let fields: Fields = serde_urlencoded::from_str(text).map_err(|_| StatusCode::BAD_REQUEST)?;
    let doubled = fields.iter().filter(|(name, _)| name == "return_to").count() > 1;
    let body = if doubled {
        without_return_to(&fields)?
    } else {
        bytes
    };
    // Server functions read the type, too; an empty body may come without one.
    parts.headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    parts
        .headers
        .insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Ok((Request::from_parts(parts, Body::from(body)), fields))
}

/// Whether the percent-encoded bytes are UTF-8. The decoders would put U+FFFD in the place of what is not,
/// and different passwords would become the same one.
fn decodes_to_text(form: &str) -> bool {
    let hex = |digit: Option<&u8>| digit.and_then(|digit| char::from(*digit).to_digit(16));
    let bytes = form.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    std::str::from_utf8(&decoded).is_ok()
}

/// Whether the type is a form's; any other type is refused, no type is looked at later.
fn is_form(headers: &HeaderMap) -> Result<bool, StatusCode> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (None, _) => Ok(false),
        (Some(kind), None) => {
            let kind = kind.to_str().unwrap_or("");
            let essence = kind.split(';').next().unwrap_or("").trim();
            match essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
                true => Ok(true),
                false => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            }
        }
        (Some(_), Some(_)) => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    }
}

/// A `return_to` that is there twice is no address: one that nothing accepts takes its place.
fn without_return_to(fields: &[(String, String)]) -> Result<Bytes, StatusCode> {
    let kept = fields
        .iter()
        .filter(|(name, _)| name != "return_to")
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<_> = kept.chain([("return_to", "//")]).collect();
    serde_urlencoded::to_string(fields)
        .map(Bytes::from)
        .map_err(|_| StatusCode::BAD_REQUEST)
}

/// Lets server_fn answer a browser as it answers a script; the redirect is ours to make.
fn as_script(mut request: Request, html: bool) -> Request {
    if html {
        request
            .headers_mut()
            .insert(ACCEPT, HeaderValue::from_static("application/json"));
    }
    request.headers_mut().remove(REFERER);
    request
}

/// The path and query of a Referer that is ours and no form's target.
fn own_referer(headers: &HeaderMap, origin: &str) -> Option<String> {
    let path = headers.get(REFERER)?.to_str().ok()?.strip_prefix(origin)?;
    let plain = path.starts_with('/')
        && !path.starts_with("//")
        && !path.starts_with("/api/")
        && !path.contains('\\');
    plain.then(|| path.split('#').next().unwrap_or(path).to_owned())
}

async fn with_true_status(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    if parts.headers.remove(FAILED).is_none() {
        return Response::from_parts(parts, body);
    }
    // The browser's half of server_fn knows an error by its status.
    let (error, bytes) = read_error(body).await;
    parts.status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    parts
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(bytes))
}

async fn read_error(body: Body) -> (AppError, Bytes) {
    let bytes = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let error = serde_json::from_slice(&bytes).unwrap_or(AppError::Internal);
    (error, bytes)
}

/// Answers a browser: on to where the server function leads, or back to the form's page.
async fn lead_back(
    state: &AppState,
    form: String,
    page: String,
    typed: Fields,
    response: Response,
) -> Response {
    let (mut parts, body) = response.into_parts();
    let failed = parts.headers.remove(FAILED).is_some();
    let answered = failed || parts.status.is_success();
    // A refusal of some layer between keeps its status.
    if !answered {
        return Response::from_parts(parts, body);
    }
    parts.headers.remove(REDIRECTED);
    let led = parts
        .headers
        .remove(LOCATION)
        .and_then(|location| location.to_str().ok().map(str::to_owned));
    let (location, outcome) = match failed {
        true => match read_error(body).await.0 {
            AppError::ReauthRequired => (
                returning(routes::SETTINGS_SECURITY, &page),
                Outcome::Failed(AppError::ReauthRequired),
            ),
            error => (page, Outcome::Failed(error)),
        },
        false => (led.unwrap_or(page), Outcome::Done),
    };
    let typed = typed
        .into_iter()
        .filter(|(name, _)| failed && !SECRET_FIELDS.contains(&name.as_str()))
        .collect();
    let mut answer = see_other(&location);
    if let Some(cookie) = flash::cookie(
        state,
        Flash {
            form,
            outcome,
            fields: typed,
        },
    ) {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    for (name, value) in &parts.headers {
        // What the server function said beside its answer stays: cookies, Retry-After.
        if ![CONTENT_TYPE, CONTENT_LENGTH, CACHE_CONTROL].contains(name) {
            answer.headers_mut().append(name, value.clone());
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_text() {
        for text in [
            "",
            "a=b",
            "a=%C3%A9",
            "a=%c3%a9+%F0%9F%94%91",
            "a=%",
            "a=%4",
            "a=%zz",
            "a=%%41",
            "a=\u{e9}",
        ] {
            assert!(decodes_to_text(text), "{text}");
        }
        for bytes in [
            "a=%FF",
            "a=%C3",
            "a=%C3x",
            "a=%ED%A0%80",
            "%C0%80=b",
            "a=%F8%88%80%80%80",
        ] {
            assert!(!decodes_to_text(bytes), "{bytes}");
        }
    }

    #[test]
    fn only_our_own_referer_leads_back() {
        let page = |referer: &'static str| {
            let headers = [(REFERER, HeaderValue::from_static(referer))]
                .into_iter()
                .collect();
            own_referer(&headers, "https://app.example")
        };
        assert_eq!(
            page("https://app.example/login?return_to=%2Fa#x").as_deref(),
            Some("/login?return_to=%2Fa")
        );
        for other in [
            "https://evil.example/login",
            "https://app.example",
            "https://app.example.evil.example/",
            "https://app.example//evil.example",
            "https://app.example/api/login",
            "https://app.example/\\evil",
        ] {
            assert_eq!(page(other), None, "{other}");
        }
    }
}
