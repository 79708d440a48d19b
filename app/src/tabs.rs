//! Keeps the tabs of one browser of one mind.
//!
//! Every document tells the others, once it is hydrated, who it was rendered for; a document rendered
//! for somebody else loads itself anew, and the server's guards do the rest. So signing out, signing in
//! and changing the person all reach the other tabs by one rule. Changed public data travels the same way.

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::prelude::*;
    use wasm_bindgen::{JsCast, JsValue, closure::Closure};
    use web_sys::{BroadcastChannel, MessageEvent};

    use crate::{data::PublicDataContext, session::current_session};

    const CHANNEL: &str = "start-axum-auth";
    const PUBLIC_DATA: &str = "public-data";

    pub(super) fn follow() {
        // A browser without channels has tabs that learn of it at their next request.
        let Ok(channel) = BroadcastChannel::new(CHANNEL) else {
            return;
        };
        let mine = current_session().map_or_else(String::new, |session| session.session_id.to_string());
        let data = PublicDataContext::take();
        let me = mine.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            match event.data().as_string() {
                Some(text) if text == PUBLIC_DATA => {
                    data.refetch();
                }
                Some(theirs) if theirs != me => {
                    if let Some(window) = web_sys::window() {
                        // Fails only while the document is being left already.
                        drop(window.location().reload());
                    }
                }
                _ => {}
            }
        });
        channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        // The document keeps listening for its whole life.
        on_message.forget();
        Effect::new(move |_| {
            tell(&channel, &mine);
            if let Some(html) = document().document_element() {
                drop(html.set_attribute("data-hydrated", ""));
            }
        });
    }

    pub(super) fn tell_public_data() {
        if let Ok(channel) = BroadcastChannel::new(CHANNEL) {
            tell(&channel, PUBLIC_DATA);
            channel.close();
        }
    }

    fn tell(channel: &BroadcastChannel, text: &str) {
        drop(channel.post_message(&JsValue::from_str(text)));
    }
}

/// Starts to listen and tells who this document is for; marks the document as hydrated.
pub fn follow_other_tabs() {
    #[cfg(feature = "hydrate")]
    browser::follow();
}

/// Tells the other tabs that the public data has changed.
pub fn tell_public_data_changed() {
    #[cfg(feature = "hydrate")]
    browser::tell_public_data();
}
