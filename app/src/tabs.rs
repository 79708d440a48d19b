//! Keeps the tabs of one browser consistent.
//!
//! Once it is hydrated, every document tells the others for which user it was rendered. A document that was rendered
//! for another user reloads itself, and the server's guards do the rest. So signing in and switching users reach the
//! other tabs by one rule. Changes of the public data travel the same way.
//!
//! If the session ends elsewhere, the tab that listens for it tells the others the same, see [`events`](crate::events). <!-- wing:clients -->
//!
//! What the user has typed is worth more than being up to date. The same user signing in again is not a different
//! user, and a session that has merely expired does not reload a form that is being filled in. Signing out does,
//! since the next person at this browser may be someone else.

#[cfg(feature = "hydrate")]
mod browser {
    use std::{
        cell::{Cell, OnceCell},
        rc::Rc,
    };

    use leptos::prelude::*;
    use wasm_bindgen::{JsCast, JsValue, closure::Closure};
    use web_sys::{BroadcastChannel, Event, MessageEvent};

    use crate::session::current_session;

    const CHANNEL: &str = wire::NAME;
    const PUBLIC_DATA: &str = "public-data";
    const SIGNED_OUT: &str = "signed-out";
    /// The user of a document that was rendered for an anonymous visitor.
    const NOBODY: &str = "";

    thread_local! {
        /// The document's only channel: a message on it reaches all tabs except this one.
        static TO_OTHERS: OnceCell<BroadcastChannel> = const { OnceCell::new() };
        /// Whether this document's user has signed out in it. The browser is about to show another document.
        static IS_LEFT: Cell<bool> = const { Cell::new(false) };
    }

    pub(super) fn follow(on_public_data: impl Fn() + 'static) {
        // In a browser without channels, tabs learn of changes at their next request.
        let Ok(channel) = BroadcastChannel::new(CHANNEL) else {
            return;
        };
        let mine = current_session().map_or_else(|| NOBODY.to_owned(), |session| session.user_id.to_string());
        let me = mine.clone();
        let is_typed_in = follow_typing();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let Some(text) = event.data().as_string() else {
                return;
            };
            let is_over = match text.as_str() {
                PUBLIC_DATA => {
                    on_public_data();
                    false
                }
                SIGNED_OUT => me != NOBODY,
                theirs if theirs == me => false,
                NOBODY => !is_typed_in.get(),
                _ => true,
            };
            // A document that is being left anyway must not come back.
            if let (true, false, Some(window)) = (is_over, IS_LEFT.get(), web_sys::window()) {
                // Fails only if the document is being left already.
                drop(window.location().reload());
            }
        });
        channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        // The document keeps listening for its whole life.
        on_message.forget();
        // Set once: a document is hydrated once.
        TO_OTHERS.with(|others| drop(others.set(channel)));
        Effect::new(move |_| {
            tell_others(&mine);
            if let Some(html) = document().document_element() {
                drop(html.set_attribute("data-hydrated", ""));
            }
        });
    }

    /// Whether something was typed into the document since one of its forms was last emptied.
    fn follow_typing() -> Rc<Cell<bool>> {
        let is_typed_in = Rc::new(Cell::new(false));
        let noted = Rc::clone(&is_typed_in);
        let note = Closure::<dyn FnMut(Event)>::new(move |event: Event| noted.set(event.type_() == "input"));
        for event in ["input", "reset"] {
            drop(document().add_event_listener_with_callback(event, note.as_ref().unchecked_ref()));
        }
        note.forget();
        is_typed_in
    }

    fn tell_others(text: &str) {
        TO_OTHERS.with(|others| {
            if let Some(channel) = others.get() {
                drop(channel.post_message(&JsValue::from_str(text)));
            }
        });
    }

    pub(super) fn tell_public_data() {
        tell_others(PUBLIC_DATA);
    }

    pub(super) fn tell_signed_out() {
        IS_LEFT.set(true);
        tell_others(SIGNED_OUT);
    }
}

/// Starts to listen, announces which user this document is for, and marks the document as hydrated. `on_public_data`
/// is called when the public data has changed in another tab.
pub fn follow_other_tabs(on_public_data: impl Fn() + 'static) {
    #[cfg(feature = "hydrate")]
    browser::follow(on_public_data);
    #[cfg(not(feature = "hydrate"))]
    let _ = on_public_data;
}

/// Tells the other tabs that the public data has changed.
pub fn tell_public_data_changed() {
    #[cfg(feature = "hydrate")]
    browser::tell_public_data();
}

/// Tells the other tabs that the user has signed out.
pub fn tell_signed_out() {
    #[cfg(feature = "hydrate")]
    browser::tell_signed_out();
}
