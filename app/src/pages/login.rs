//! Signing in.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    routes, session,
    ui::{
        field::{Checkbox, Field},
        form::{Form, FormState, Notice, Submit},
        link::{RETURN_TO, asked_return_to, leading_to},
        provider_error::ProviderErrorNotice,
        providers::{EndsElsewhere, ProviderChoice},
    },
};

/// The page to sign in: with a provider, or with a password.
#[component]
pub fn Login() -> impl IntoView {
    let action = ServerAction::<session::Login>::new();
    let form = FormState::of(action);
    let return_to = asked_return_to();
    let register = leading_to(routes::REGISTER, return_to.as_deref());
    view! {
        <Title text="Sign in" />
        <div class="page page-narrow">
            <h1>"Sign in"</h1>
            <Show when=move || !form.was_sent()>
                <ProviderErrorNotice />
            </Show>
            <Notice form />
            <EndsElsewhere>
                <Form action attr:class="stack">
                    <Field form name="email" label="E-mail" kind="email" autocomplete="username" required=true />
                    <Field
                        form
                        name="password"
                        label="Password"
                        kind="password"
                        autocomplete="current-password"
                        required=true
                    />
                    <Checkbox form name="remember" label="Keep me signed in" />
                    {return_to.map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> })}
                    <Submit form label="Sign in" busy="Signing in…" />
                    <ProviderChoice />
                </Form>
            </EndsElsewhere>
            <p class="aside">
                "No account yet? "
                <a href=register>"Create an account"</a>
            </p>
        </div>
    }
}
