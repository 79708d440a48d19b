//! How the programs of one browser's tabs tell each other that the public data has changed.

#[cfg(feature = "hydrate")]
mod browser {
    use std::cell::OnceCell;

    use wasm_bindgen::{JsCast, JsValue, closure::Closure};
    use web_sys::{BroadcastChannel, MessageEvent};

    /// `tabs.js`, which has the same channel, knows it.
    const PUBLIC_DATA: &str = "public-data";

    thread_local! {
        /// A message on it reaches the programs of all other tabs.
        static TO_OTHERS: OnceCell<BroadcastChannel> = const { OnceCell::new() };
    }

    pub(super) fn follow(on_change: impl Fn() + 'static) {
        // In a browser without channels, tabs learn of changes at their next request.
        let Ok(channel) = BroadcastChannel::new(wire::NAME) else {
            return;
        };
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if event.data().as_string().as_deref() == Some(PUBLIC_DATA) {
                on_change();
            }
        });
        channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        // The document keeps listening for its whole life.
        on_message.forget();
        // Set once: a document is hydrated once.
        TO_OTHERS.with(|others| drop(others.set(channel)));
    }

    pub(super) fn tell() {
        TO_OTHERS.with(|others| {
            if let Some(channel) = others.get() {
                drop(channel.post_message(&JsValue::from_str(PUBLIC_DATA)));
            }
        });
    }
}

/// Calls `on_change` when another tab tells that the public data has changed.
pub fn follow(on_change: impl Fn() + 'static) {
    #[cfg(feature = "hydrate")]
    browser::follow(on_change);
    #[cfg(not(feature = "hydrate"))]
    let _ = on_change;
}

/// Tells the other tabs that the public data has changed.
pub fn tell() {
    #[cfg(feature = "hydrate")]
    browser::tell();
}
