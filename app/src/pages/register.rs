//! Making an account.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    Setup,
    error::AppError,
    routes, session,
    ui::{
        field::{Checkbox, Field},
        form::{Form, FormState, Notice, Submit},
        link::{RETURN_TO, asked_return_to, leading_to},
        providers::{EndsElsewhere, ProviderChoice},
    },
};

/// The page to make an account; it signs in as well.
#[component]
pub fn Register() -> impl IntoView {
    let action = ServerAction::<session::Register>::new();
    let form = FormState::of(action);
    let return_to = asked_return_to();
    let hint = password_hint();
    let login = leading_to(routes::LOGIN, return_to.as_deref());
    view! {
        <Title text="Create an account" />
        <div class="page page-narrow">
            <h1>"Create an account"</h1>
            <Notice form />
            <EndsElsewhere>
                <Form action attr:class="stack">
                    <Field form name="name" label="Name (optional)" autocomplete="name" />
                    <Field
                        form
                        name="email"
                        label="E-mail"
                        kind="email"
                        autocomplete="username"
                        required=true
                        about=AppError::is_about_email
                    />
                    <Field
                        form
                        name="password"
                        label="Password"
                        kind="password"
                        autocomplete="new-password"
                        hint
                        required=true
                        about=AppError::is_about_new_password
                    />
                    <Checkbox form name="remember" label="Keep me signed in" />
                    {return_to.map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> })}
                    <Submit form label="Create account" busy="Creating your account…" />
                    <ProviderChoice />
                </Form>
            </EndsElsewhere>
            <p class="aside">
                "You have an account? " <a href=login>"Sign in"</a>
            </p>
        </div>
    }
}

/// What a new password must be.
pub(super) fn password_hint() -> String {
    format!(
        "At least {} characters. A few unrelated words are easy to remember and hard to guess.",
        Setup::get().password_min_length,
    )
}
