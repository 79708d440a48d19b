//! The browser's half: takes over the page the server rendered.

/// Called by the page's module script, once the wasm is there.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    // Signing in and out redirect. A new document is the one way to be sure that nothing of the person
    // before stays in memory; set before the router sets its own, which would stay in this document.
    drop(leptos::server_fn::redirect::set_redirect_hook(|path: &str| {
        drop(leptos::prelude::window().location().assign(path));
    }));
    leptos::mount::hydrate_body(app::App);
}
