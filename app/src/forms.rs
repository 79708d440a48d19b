//! What each form declares: where it is sent, the pages it is on, and which of its fields come back to them.
//!
//! A form that declares no fields gets nothing back. No form is without a declaration, since
//! [`Form`](crate::ui::form::Form) accepts nothing else.

use leptos::server_fn::ServerFn;

use crate::error::AppError;

/// Where a form is sent, and what it declares.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// The server function's path.
    pub path: &'static str,
    /// The pages that have the form. The first is its own page, where it leads back to if the browser does not name
    /// the page it was on. A name in braces stands for a segment of the path; the form's field of this name holds its
    /// value. Empty for a form that every page has.
    pub pages: &'static [&'static str],
    /// The fields whose text comes back if the form does not succeed. Never a field that holds a secret.
    pub comes_back: &'static [&'static str],
    /// What the answer shows once. `None` if the form's page shows everything that came of it.
    pub shown_once: Option<ShownOnce>, // wing:clients,second-factors
    /// The name of the field with a link's token. It stays in the address of the form's page if the form does not
    /// succeed, so that the page is the one that the link leads to.
    pub token: Option<&'static str>, // wing:mail
}

// wing:clients,second-factors
/// A secret in a form's answer that is never shown again. Without JavaScript, a page of its own shows it instead of the
/// form's page: the redirect there would have to carry the secret in a cookie.
#[derive(Clone, Copy, Debug)]
pub struct ShownOnce {
    /// The name of the secret in the answer.
    pub member: &'static str,
    /// The title of the page.
    pub title: &'static str,
    /// What to do with the secret.
    pub advice: &'static str,
}
// end wing:clients,second-factors

impl Endpoint {
    /// The form that posts to a server function, on these pages. None of its fields come back.
    pub const fn of<S: ServerFn<Error = AppError>>(pages: &'static [&'static str]) -> Self {
        Self {
            path: S::PATH,
            pages,
            comes_back: &[],
            shown_once: None, // wing:clients,second-factors
            token: None,      // wing:mail
        }
    }

    // wing:data-rights,pictures
    /// The form that posts to this path, which is no server function's, on these pages.
    pub const fn at(path: &'static str, pages: &'static [&'static str]) -> Self {
        Self {
            path,
            pages,
            comes_back: &[],
            shown_once: None, // wing:clients,second-factors
            token: None,      // wing:mail
        }
    }
    // end wing:data-rights,pictures

    // wing:mail
    /// The same form, on a page that a link leads to.
    pub const fn staying_with(self, token: &'static str) -> Self {
        Self {
            token: Some(token),
            ..self
        }
    }
    // end wing:mail

    /// The same form, with fields that come back.
    pub const fn coming_back(self, comes_back: &'static [&'static str]) -> Self {
        Self { comes_back, ..self }
    }

    // wing:clients,second-factors
    /// The same form, with an answer that shows a secret once.
    pub const fn showing_once(self, shown_once: ShownOnce) -> Self {
        Self {
            shown_once: Some(shown_once),
            ..self
        }
    }
    // end wing:clients,second-factors

    /// Whether a page has the form.
    pub fn is_on(&self, page: &str) -> bool {
        self.pages.is_empty() || self.pages.iter().any(|pattern| matches(pattern, page))
    }

    /// The form's own page, with the names replaced by the fields that were sent. `None` if it has no own page, or a
    /// field is missing.
    pub fn own_page(&self, field: impl Fn(&str) -> Option<String>) -> Option<String> {
        let own = self.pages.first()?;
        let segments = own.split('/').map(|segment| match name_in(segment) {
            Some(name) => field(name).filter(|value| is_plain(value)),
            None => Some(segment.to_owned()),
        });
        segments
            .collect::<Option<Vec<_>>>()
            .map(|segments| segments.join("/"))
    }
}

fn name_in(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

fn matches(pattern: &str, page: &str) -> bool {
    let (mut expected, mut found) = (pattern.split('/'), page.split('/'));
    loop {
        match (expected.next(), found.next()) {
            (None, None) => return true,
            (Some(expected), Some(found)) => {
                let fits = name_in(expected).map_or(expected == found, |_| is_plain(found));
                if !fits {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// Whether a segment needs no escaping in any address, as an id does.
fn is_plain(segment: &str) -> bool {
    !segment.is_empty()
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Endpoint = Endpoint {
        path: "/api/x",
        pages: &["/people/{user_id}/edit", "/people"],
        comes_back: &[],
        shown_once: None, // wing:clients,second-factors
        token: None,      // wing:mail
    };

    #[test]
    fn a_page_has_a_form_or_has_it_not() {
        for page in ["/people", "/people/1-a/edit"] {
            assert!(FORM.is_on(page), "{page}");
        }
        for page in [
            "/",
            "",
            "/people/",
            "/people/1",
            "/people//edit",
            "/people/../edit",
            "/people/1/edit/x",
        ] {
            assert!(!FORM.is_on(page), "{page}");
        }
        assert!(Endpoint { pages: &[], ..FORM }.is_on("/anywhere"));
    }

    #[test]
    fn names_in_its_own_page_are_filled_with_ids_and_nothing_else() {
        let page = |id: &str| FORM.own_page(|name| (name == "user_id").then(|| id.to_owned()));
        assert_eq!(page("0190-a").as_deref(), Some("/people/0190-a/edit"));
        for other in ["", "..", "a/b", "a?b", "\\", "%2e", "\u{e9}"] {
            assert_eq!(page(other), None, "{other}");
        }
        assert_eq!(FORM.own_page(|_| None), None);
    }
}
