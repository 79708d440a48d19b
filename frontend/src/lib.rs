//! The browser's half: takes over the page the server rendered.

use std::panic::{self, PanicHookInfo};

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use web_sys::{CustomEvent, CustomEventInit};

/// Called by the page's script, once the wasm is there.
#[wasm_bindgen]
pub fn hydrate() {
    panic::set_hook(Box::new(say));
    // Signing in and out redirect. A new document is the one way to be sure that nothing of the person
    // before stays in memory; set before the router sets its own, which would stay in this document.
    drop(leptos::server_fn::redirect::set_redirect_hook(|path: &str| {
        drop(leptos::prelude::window().location().assign(path));
    }));
    leptos::mount::hydrate_body(app::App);
}

/// After a panic nothing of this program runs any more. The page's script (`app/src/hydration.js`) is told why,
/// writes it to the console, and lets the page go on without it.
fn say(panic: &PanicHookInfo<'_>) {
    let init = CustomEventInit::new();
    init.set_detail(&JsValue::from_str(&panic.to_string()));
    if let Ok(event) = CustomEvent::new_with_event_init_dict("wasm-panic", &init) {
        drop(leptos::prelude::window().dispatch_event(&event));
    }
}
