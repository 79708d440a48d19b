//! Addresses that lead back.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};

/// The name of the field and query that holds where to go afterwards.
pub const RETURN_TO: &str = "return_to";

/// The page's `return_to`, as the address has it: only a value to hand on, the server judges it.
pub fn asked_return_to() -> Option<String> {
    use_query_map()
        .read_untracked()
        .get(RETURN_TO)
        .filter(|path| !path.is_empty())
}

/// The path of this page.
pub fn this_page() -> String {
    use_location().pathname.get_untracked()
}

/// A page that leads to `return_to` when it is done.
pub fn leading_to(page: &str, return_to: Option<&str>) -> String {
    match return_to {
        Some(return_to) => format!("{page}?{RETURN_TO}={}", escaped(return_to)),
        None => page.to_owned(),
    }
}

/// Percent-encoded by one rule on both sides: what the browser's own function spares differs from what
/// the server's does, and the two must write the same attribute.
fn escaped(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, byte| {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                    out.push(byte.into());
                }
                _ => out.push_str(&format!("%{byte:02X}")),
            }
            out
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_to_is_one_value_of_the_query() {
        assert_eq!(leading_to("/login", None), "/login");
        assert_eq!(
            leading_to("/login", Some("/a?b=c&d=ü#e")),
            "/login?return_to=/a%3Fb%3Dc%26d%3D%C3%BC%23e"
        );
    }
}
