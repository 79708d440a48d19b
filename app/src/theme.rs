//! Light or dark, correct on the first paint of every page and without a query: the browser keeps the user's choice
//! in a separate cookie, which grants nothing and is not secret.

#[cfg(feature = "ssr")]
use auth::cookies::{CookieName, Cookies, Keep};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Light, dark, or the system's setting (no theme).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Dark text on a light background.
    Light,
    /// Light text on a dark background.
    Dark,
}

impl Theme {
    /// The theme by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            _ => None,
        }
    }

    /// Its name in forms, cookies and the style sheet.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The theme of this document.
#[derive(Clone, Copy, Debug)]
pub struct ThemeContext(RwSignal<Option<Theme>>);

impl ThemeContext {
    /// Takes the theme from the cookie, and passes it on to hydration.
    pub fn provide() {
        let theme = SharedValue::new(Self::of_request);
        provide_context(Self(RwSignal::new(theme.into_inner())));
    }

    /// The theme that the browser of this request keeps.
    pub fn of_request() -> Option<Theme> {
        #[cfg(feature = "ssr")]
        return use_context::<auth::Auth>()
            .zip(use_context::<http::request::Parts>())
            .and_then(|(auth, parts)| from_cookie(auth.cookies, &parts.headers));
        #[cfg(not(feature = "ssr"))]
        None
    }

    /// The theme from the context.
    pub fn take() -> Self {
        use_context().unwrap_or_else(|| Self(RwSignal::new(None)))
    }

    /// The theme's name. `None` if the system's setting applies.
    pub fn name(self) -> Option<&'static str> {
        self.0.get().map(Theme::name)
    }

    /// Changes the theme.
    pub fn set(self, theme: Option<Theme>) {
        self.0.set(theme);
    }

    /// Changes the theme to the one that a view has read. Another browser may have changed it, and this browser's
    /// cookie is then out of date.
    pub fn follow(theme: Option<Theme>) {
        let context = Self::take();
        Effect::new(move |_| context.set(theme));
    }
}

/// How long a browser keeps the theme, in seconds: a year.
#[cfg(feature = "ssr")]
const KEPT: i64 = 31_536_000;

/// The theme that the browser keeps.
#[cfg(feature = "ssr")]
pub(crate) fn from_cookie(cookies: Cookies, headers: &http::HeaderMap) -> Option<Theme> {
    cookies
        .read(headers)
        .get(CookieName::Theme)
        .and_then(Theme::from_name)
}

/// A `Set-Cookie` value that makes the browser keep a theme, or forget it.
#[cfg(feature = "ssr")]
pub(crate) fn cookie(cookies: Cookies, theme: Option<Theme>) -> http::HeaderValue {
    match theme {
        Some(theme) => cookies.set(CookieName::Theme, theme.name(), Keep::Seconds(KEPT)),
        None => cookies.clear(CookieName::Theme),
    }
}
