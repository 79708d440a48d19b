//! Light or dark, right on the first paint of every page and without a query: the browser keeps the
//! person's choice in a cookie of its own, which opens nothing and is nobody's secret.

use leptos::prelude::*;

use crate::data::Theme;

/// The cookie's name.
#[cfg(feature = "ssr")]
const COOKIE: &str = "theme";

/// The theme of this document.
#[derive(Clone, Copy, Debug)]
pub struct ThemeContext(RwSignal<Option<Theme>>);

impl ThemeContext {
    /// Takes the theme from the cookie, and hands it on to hydration.
    pub fn provide() {
        let theme = SharedValue::new(|| {
            #[cfg(feature = "ssr")]
            return use_context::<http::request::Parts>().and_then(|parts| from_cookie(&parts.headers));
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

/// The theme the browser keeps.
#[cfg(feature = "ssr")]
pub(crate) fn from_cookie(headers: &http::HeaderMap) -> Option<Theme> {
    let cookies = headers
        .get_all(http::header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok());
    cookies
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then(|| Theme::from_name(value)).flatten())
}

/// A `Set-Cookie` value that makes the browser keep a theme for a year, or forget it.
#[cfg(feature = "ssr")]
pub(crate) fn cookie(theme: Option<Theme>, secure: bool) -> String {
    let (value, age) = theme.map_or(("", 0), |theme| (theme.name(), 31_536_000));
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={value}; HttpOnly; SameSite=Lax; Path=/{secure}; Max-Age={age}")
}
