//! Forms with a file (RFC 7578): the picture of a user.

use std::convert::Infallible;

use auth::pictures::MAX_FILE;
use axum::body::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE, request::Parts};
use multer::{Constraints, Multipart, SizeLimit};
use url::form_urlencoded;

use super::forms::media_type;

/// The name of the field with the file.
const FILE: &str = "picture";
/// The largest text of another field, in bytes.
const MAX_TEXT: usize = 4 * 1024;
/// The most fields beside the file.
const MAX_FIELDS: usize = 8;
/// The largest form.
pub(super) const MAX_FORM: usize = MAX_FILE + 2 * MAX_TEXT;

/// The file of a form, among the extensions of its request.
#[derive(Clone)]
pub(crate) struct UploadedFile(pub(crate) Bytes);

/// Whether the type is that of a form with a file. Any other type is refused.
pub(super) fn is_multipart(headers: &HeaderMap) -> Result<bool, StatusCode> {
    match media_type(headers)? {
        None => Ok(false),
        Some(essence) if essence.eq_ignore_ascii_case("multipart/form-data") => Ok(true),
        Some(_) => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    }
}

/// Takes a form apart that was read whole. It becomes what the same form without the file would be, and the file goes along.
/// What the file is called, and said to be, is not looked at. Without a file, or with two, it is no such form.
pub(super) async fn take_apart(mut request: Parts, form: Bytes) -> Result<(Parts, Bytes), StatusCode> {
    let declared = request
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let boundary = declared.and_then(|declared| multer::parse_boundary(declared).ok());
    let boundary = boundary.ok_or(StatusCode::BAD_REQUEST)?;
    let limits = SizeLimit::new()
        .per_field(MAX_TEXT as u64)
        .for_field(FILE, MAX_FORM as u64);
    let whole = stream::once(async move { Ok::<_, Infallible>(form) });
    let mut parts = Multipart::with_constraints(whole, boundary, Constraints::new().size_limit(limits));
    let mut fields = Vec::new();
    let mut file = None;
    while let Some(part) = parts.next_field().await.map_err(refusal)? {
        let name = part.name().unwrap_or_default().to_owned();
        let content = part.bytes().await.map_err(refusal)?;
        if name == FILE {
            if file.replace(content).is_some() {
                return Err(StatusCode::BAD_REQUEST);
            }
            continue;
        }
        let text = String::from_utf8(content.into()).map_err(|_| StatusCode::UNPROCESSABLE_ENTITY)?;
        fields.push((name, text));
        if fields.len() > MAX_FIELDS {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
    }
    let file = file.ok_or(StatusCode::UNPROCESSABLE_ENTITY)?;
    request.extensions.insert(UploadedFile(file));
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers.insert(CONTENT_TYPE, kind);
    let mut form = form_urlencoded::Serializer::new(String::new());
    Ok((request, form.extend_pairs(fields).finish().into()))
}

fn refusal(error: multer::Error) -> StatusCode {
    match error {
        multer::Error::FieldSizeExceeded { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    async fn taken(form: String) -> Result<(Bytes, Bytes), StatusCode> {
        let request = Request::builder().header(CONTENT_TYPE, "multipart/form-data; boundary=X");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let (parts, fields) = take_apart(parts, form.into()).await?;
        let UploadedFile(file) = parts.extensions.get().cloned().unwrap();
        Ok((fields, file))
    }

    /// A field, and the head of the file after it.
    const FIELD: &str = "--X\r\ncontent-disposition: form-data; name=\"_for\"\r\n\r\na&b\r\n";
    const PICTURE: &str = "--X\r\ncontent-disposition: form-data; name=\"picture\"; filename=\"../x.svg\"\r\ncontent-type: text/html\r\n\r\n";

    #[tokio::test]
    async fn a_form_is_taken_apart() {
        let form = [FIELD, PICTURE, "\r\n--Y\r\n\0\r\n--X--\r\n"].concat();
        let (fields, file) = taken(form).await.unwrap();
        assert_eq!(
            (&fields[..], &file[..]),
            (&b"_for=a%26b"[..], &b"\r\n--Y\r\n\0"[..])
        );
    }

    #[tokio::test]
    async fn what_is_no_such_form_is_refused() {
        let file = [PICTURE, "x\r\n"].concat();
        let long = [
            "--X\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n",
            &"a".repeat(MAX_TEXT + 1),
            "\r\n",
        ];
        for (form, status) in [
            (String::new(), 400),
            ("x=1".to_owned(), 400),
            ([FIELD, "--X--"].concat(), 422),
            ([PICTURE, "cut off"].concat(), 400),
            ([&*file, &file, "--X--"].concat(), 400),
            ([&long.concat(), &*file, "--X--"].concat(), 413),
            ([&FIELD.repeat(MAX_FIELDS + 1), &*file, "--X--"].concat(), 413),
        ] {
            let refused = taken(form.clone()).await.unwrap_err();
            assert_eq!(refused.as_u16(), status, "{form}");
        }
    }
}
