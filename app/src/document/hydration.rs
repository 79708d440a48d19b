//! The tags that load and start the wasm on a rendered page.
//!
//! Leptos has a component for this. It writes the nonce into an attribute that style sheets can read (`crossorigin`),
//! reads the names of the files from the disk for every page, and, if the script fails, leaves the page with
//! listeners that swallow its clicks.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use leptos::{ev, nonce::use_nonce, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::pages;

/// The file that `cargo leptos build` wrote beside the program, with the hashes in the names of its files.
static HASHES: LazyLock<Option<String>> =
    LazyLock::new(|| fs::read_to_string(beside_program("hash.txt")).ok());

/// A file beside the program or, if the system does not tell where that is, in the working directory: in a root without
/// `/proc`, for example. As leptos looks for the name of the style sheet.
pub fn beside_program(name: &str) -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    program.parent().unwrap_or(Path::new("")).join(name)
}

/// The script of a page that the program takes over, or of one that is a document and nothing else.
#[component]
pub fn Hydration(options: LeptosOptions) -> impl IntoView {
    #[cfg(feature = "ssr")]
    let is_hydrated =
        use_context::<http::request::Parts>().is_some_and(|parts| pages::is_hydrated(parts.uri.path()));
    #[cfg(not(feature = "ssr"))]
    let is_hydrated = true;
    let script = if is_hydrated {
        start(&options)
    } else {
        include_str!("plain.js").to_owned()
    };
    view! {
        <script type="module" nonce=use_nonce()>
            {script}
        </script>
    }
}

/// Loads and starts the wasm once the browser is idle. Until then, and without it, links and forms work by themselves.
fn start(options: &LeptosOptions) -> String {
    let hashes = HASHES.as_deref().filter(|_| options.hash_files).unwrap_or("");
    let file = |kind| {
        let name = &options.output_name;
        let hash = hash(hashes, kind).map_or_else(String::new, |hash| format!(".{hash}"));
        format!("/{}/{name}{hash}.{kind}", options.site_pkg_dir)
    };
    let (script, wasm) = (file("js"), file("wasm"));
    format!("{}({script:?}, {wasm:?})", include_str!("hydration.js"))
}

/// Lets the browser follow the links that lead to other pages: the router would follow every link to this site. To be
/// called before there is a router, whose listener comes after this one.
pub fn leave_by_other_links() {
    window_event_listener(ev::click, |click| {
        let clicked = click
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok());
        let Some(link) = clicked.and_then(|element| element.closest("a[href]").ok().flatten()) else {
            return;
        };
        let address = link.get_attribute("href").unwrap_or_default();
        let path = address.split(['?', '#']).next().unwrap_or_default();
        if !pages::is_hydrated(path) {
            drop(link.set_attribute("rel", "external"));
        }
    });
}

/// Marks the document once it is hydrated.
pub fn mark_hydrated() {
    Effect::new(|_| {
        if let Some(html) = document().document_element() {
            drop(html.set_attribute("data-hydrated", ""));
        }
    });
}

/// The hash in the name of one kind of file.
fn hash<'a>(hashes: &'a str, kind: &str) -> Option<&'a str> {
    hashes
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(of, hash)| (of.trim() == kind).then_some(hash.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_with_its_hash() {
        let hashes = "css: 7Yz\njs: aB3-_x\nwasm:q9\n";
        assert_eq!(hash(hashes, "js"), Some("aB3-_x"));
        assert_eq!(hash(hashes, "wasm"), Some("q9"));
        assert_eq!(hash("", "js"), None);
    }
}
