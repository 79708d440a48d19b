//! Addresses that lead back to a page.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use wire::is_plain_address;

use crate::pages::paths;

/// The name of the field and query parameter that holds where to go afterwards.
pub const RETURN_TO: &str = "return_to";
// wing:mail
/// The name of the field and query parameter that holds the token of a link from a mail.
pub const TOKEN: &str = "token";
// end wing:mail
/// The name of the query parameter that reports once why a provider's sign-in failed.
pub const ERROR: &str = "error";

/// The page's `return_to`, as given in the address. It is only passed on; the server decides whether to accept it.
///
/// Read from the query itself, because leptos_router decodes the values of its query map twice.
pub fn asked_return_to() -> Option<String> {
    let search = use_location().search.get_untracked();
    value_of(&search, RETURN_TO).filter(|path| !path.is_empty())
}

/// The first value of a name in a query, decoded once.
pub fn value_of(query: &str, name: &str) -> Option<String> {
    query
        .trim_start_matches('?')
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| unescaped(value))
}

/// Decodes form encoding. What is not a valid escape stays as it is.
fn unescaped(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// The path and query of this page, for coming back to it.
pub fn this_page() -> String {
    let location = use_location();
    location
        .search
        .with_untracked(|query| address(location.pathname.get_untracked(), query))
}

/// Loads this page from the server: only the server can show it.
pub fn load_this_page() {
    let location = use_location();
    let (path, query, fragment) = (location.pathname, location.search, location.hash);
    Effect::new(move |_| {
        let address = format!(
            "{}{}{}",
            path.get_untracked(),
            query.get_untracked(),
            fragment.get_untracked()
        );
        // Once the router has entered the address in the history: the same address is not entered twice. Fails only if
        // the document is being left already.
        set_timeout(
            move || drop(window().location().assign(&address)),
            std::time::Duration::ZERO,
        );
    });
}

/// Where to come back to from the page on which users confirm their identity: where that page leads, if this is it.
pub fn back_from_confirming() -> Option<String> {
    let path = use_location().pathname.get_untracked();
    if path == paths::SETTINGS_SECURITY {
        asked_return_to()
    } else {
        Some(this_page())
    }
}

/// A page's address without what it reported once, and without a query that the server would not lead back to.
fn address(path: String, query: &str) -> String {
    let query: Vec<&str> = query
        .trim_start_matches('?')
        .split('&')
        .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(ERROR))
        .collect();
    let address = format!("{path}?{}", query.join("&"));
    if query.is_empty() || !is_plain_address(&address) {
        return path;
    }
    address
}

/// The address of a page that leads to `return_to` when it is done.
pub fn leading_to(page: &str, return_to: Option<&str>) -> String {
    match return_to {
        Some(return_to) => format!("{page}?{RETURN_TO}={}", escaped(return_to)),
        None => page.to_owned(),
    }
}

/// The characters that stay as they are in a query value.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// Percent-encoded by one rule on both sides. The browser's own function leaves other characters unescaped than the
/// server's, and both must write the same attribute.
pub fn escaped(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_decoded_once_and_malformed_escapes_stay() {
        let of = |query| value_of(query, RETURN_TO);
        assert_eq!(
            of("?a=1&return_to=%2Fa%3Fb%3D%252F+c").as_deref(),
            Some("/a?b=%2F c")
        );
        assert_eq!(of("return_to=%&x").as_deref(), Some("%"));
        assert_eq!(of("return_to=%2&return_to=b").as_deref(), Some("%2"));
        assert_eq!(of("return_to=%+1").as_deref(), Some("% 1"));
        assert_eq!(of("xreturn_to=1"), None);
    }

    #[test]
    fn a_page_is_returned_to_with_its_query_but_not_with_what_it_reported_once() {
        let of = |query: &str| address("/a".to_owned(), query);
        assert_eq!(of("?b=%2F&c=d"), "/a?b=%2F&c=d");
        assert_eq!(of("error=denied"), "/a");
        assert_eq!(of("?error=denied&b&errors=1"), "/a?b&errors=1");
        for useless in ["", "?", "b=\\", "b=\u{e9}", "b= ", &"b".repeat(2046)] {
            assert_eq!(of(useless), "/a", "{useless}");
        }
    }

    #[test]
    fn a_return_to_is_one_value_of_the_query() {
        assert_eq!(leading_to("/login", None), "/login");
        assert_eq!(
            leading_to("/login", Some("/a?b=c&d=ü#e")),
            "/login?return_to=/a%3Fb%3Dc%26d%3D%C3%BC%23e"
        );
    }
}
