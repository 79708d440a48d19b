//! Where an application asks for access to the user's account.
//!
//! The server checks what the application asks for before this page is rendered, and the page receives it with its request.
//! The decision is a plain form with and without JavaScript: the browser itself must go back to the application.

use leptos::prelude::*;
use leptos_meta::Title;
use wire::ConsentRequest;

use crate::{
    made_for::MadeForField,
    pages::paths,
    session::{LOGOUT, current_session},
    ui::{
        link::{RETURN_TO, load_this_page, this_page},
        scopes::{ScopeList, trust},
    },
};

/// The page.
#[component]
pub fn Authorize() -> impl IntoView {
    let asked = SharedValue::new(|| {
        #[cfg(feature = "ssr")]
        return use_context::<http::request::Parts>()
            .and_then(|parts| parts.extensions.get::<ConsentRequest>().cloned());
        #[cfg(not(feature = "ssr"))]
        None
    });
    let shown = match asked.into_inner() {
        Some(asked) => view! { <Consent asked /> }.into_any(),
        // A browser that comes back to this page from another one has not asked the server, which alone can check what
        // the application asks for.
        None => {
            load_this_page();
            view! { <p class="hint">"One moment…"</p> }.into_any()
        }
    };
    view! {
        <Title text="Allow access" />
        <div class="page page-consent">{shown}</div>
    }
}

#[component]
fn Consent(asked: ConsentRequest) -> impl IntoView {
    let ConsentRequest {
        client_name,
        first_party,
        returns_to,
        scope,
        parameters,
    } = asked;
    let repeated = parameters
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> }.into_any())
        .collect_view();
    view! {
        <h1>"Allow access?"</h1>
        <section class="card" aria-labelledby="client-title">
            <h2 id="client-title">{client_name} " asks for access to your account"</h2>
            <p class="hint">{trust(first_party)}</p>
            <ScopeList scope />
            <p>"Afterwards, you go back to " <strong>{returns_to}</strong> "."</p>
            <form method="post" action=paths::AUTHORIZE class="actions">
                <MadeForField />
                {repeated}
                <button type="submit" name="decision" value="allow" class="button button-primary">
                    "Allow"
                </button>
                <button type="submit" name="decision" value="deny" class="button button-quiet">
                    "Deny"
                </button>
            </form>
            <Account />
        </section>
    }
}

/// Who decides, and the way to another account.
#[component]
fn Account() -> impl IntoView {
    let email = current_session().and_then(|session| session.email);
    let who = match email {
        Some(email) => view! { "You are signed in as " <strong>{email}</strong> "." }.into_any(),
        None => "You are signed in.".into_any(),
    };
    view! {
        <form method="post" action=LOGOUT.path class="actions after-form">
            <MadeForField />
            <input type="hidden" name=RETURN_TO value=this_page() />
            <p class="hint">{who}</p>
            <button type="submit" class="button button-quiet">
                "Use another account"
            </button>
        </form>
    }
}
