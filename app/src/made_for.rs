//! The user for whom a page was made, as its forms state it.

use leptos::prelude::*;
use uuid::Uuid;

/// The name of the hidden field that states for whom a form's page was made.
pub const FOR: &str = "_for";

/// The mark of the user for whom this document was made, for its forms. Absent if nobody is signed in.
#[derive(Clone, Debug)]
pub struct MadeFor(Option<String>);

impl MadeFor {
    /// Creates the mark of the signed-in user, and passes it on to hydration.
    pub fn provide(user_id: Option<Uuid>) {
        let mark = SharedValue::new(|| {
            #[cfg(feature = "ssr")]
            return use_context::<auth::Auth>()
                .zip(user_id)
                .map(|(auth, user_id)| auth.keys.mark(user_id));
            #[cfg(not(feature = "ssr"))]
            {
                let _ = user_id;
                None
            }
        });
        provide_context(Self(mark.into_inner()));
    }
}

/// The hidden field of every form on a page for a signed-in user.
#[component]
pub fn MadeForField() -> impl IntoView {
    let mark = use_context::<MadeFor>().and_then(|MadeFor(mark)| mark);
    mark.map(|mark| view! { <input type="hidden" name=FOR value=mark /> }.into_any())
}
