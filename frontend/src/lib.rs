//! The browser's part of the application: takes over the page that the server rendered.

use std::panic::{self, PanicHookInfo};

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use web_sys::{CustomEvent, CustomEventInit};

/// Called by the page's script once the wasm is loaded.
#[wasm_bindgen]
pub fn hydrate() {
    panic::set_hook(Box::new(say));
    // Signing in and out redirect. Only a new document guarantees that no data of the previous user stays in memory.
    // The hook is set before the router sets its own, which would stay in this document.
    drop(leptos::server_fn::redirect::set_redirect_hook(|path: &str| {
        drop(leptos::prelude::window().location().assign(path));
    }));
    leptos::mount::hydrate_body(app::App);
}

/// After a panic nothing of this program runs any more. The page's script (`app/src/document/hydration.js`) gets the reason,
/// writes it to the console, and lets the page continue without the program.
fn say(panic: &PanicHookInfo<'_>) {
    let init = CustomEventInit::new();
    init.set_detail(&JsValue::from_str(&panic.to_string()));
    if let Ok(event) = CustomEvent::new_with_event_init_dict("wasm-panic", &init) {
        drop(leptos::prelude::window().dispatch_event(&event));
    }
}
