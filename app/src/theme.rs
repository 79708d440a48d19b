//! Light or dark, right on the first paint of every page and without a query: the browser keeps the
//! person's choice in a cookie of its own, which opens nothing and is nobody's secret.

#[cfg(feature = "ssr")]
use auth::cookies::{CookieName, Cookies, Keep};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Light, dark, or as the system says (no theme).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
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
    /// Takes the theme from the cookie, and hands it on to hydration.
    pub fn provide() {
        let theme = SharedValue::new(|| {
            #[cfg(feature = "ssr")]
            return use_context::<auth::Auth>()
                .zip(use_context::<http::request::Parts>())
                .and_then(|(auth, parts)| from_cookie(auth.cookies, &parts.headers));
            #[cfg(not(feature = "ssr"))]
            None
        });
        provide_context(Self(RwSignal::new(theme.into_inner())));
    }

    /// The theme at hand.
    pub fn take() -> Self {
        use_context().unwrap_or_else(|| Self(RwSignal::new(None)))
    }

    /// The theme's name, unless it is for the system to say.
    pub fn name(self) -> Option<&'static str> {
        self.0.get().map(Theme::name)
    }

    /// Changes the theme.
    pub fn set(self, theme: Option<Theme>) {
        self.0.set(theme);
    }

    /// Changes the theme to what a view has read: another browser may have changed it, and then this
    /// one's cookie is old.
    pub fn follow(theme: Option<Theme>) {
        let context = Self::take();
        Effect::new(move |_| context.set(theme));
    }
}

/// How long a browser keeps the theme, in seconds: a year.
#[cfg(feature = "ssr")]
const KEPT: i64 = 31_536_000;

/// The theme the browser keeps.
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
