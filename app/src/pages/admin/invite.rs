//! Inviting somebody who has no account yet.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use wire::{Permission, Role};

use super::{can, roles};

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::paths,
    setup::Setup,
    ui::{
        field::EmailField,
        form::{Form, FormState, Notice, Submit},
    },
};

/// The form of this part of the page.
pub const FORMS: &[Endpoint] = &[INVITE];

/// Sends an invitation to an address, with a role for whoever accepts it.
#[server(prefix = "/api/admin")]
pub async fn invite(email: String, role: Role) -> Result<(), AppError> {
    let context = Context::take()?;
    let admin = context.admin().await?;
    context
        .auth
        .invite(&context.request, &admin.session, &email, role)
        .await?;
    Ok(())
}

const INVITE: Endpoint = Endpoint::of::<Invite>(&[paths::ADMIN]).coming_back(&["email"]);

/// The card with the form.
#[component]
pub fn InviteCard() -> impl IntoView {
    let form = FormState::of(INVITE);
    (Setup::get().has_mail && can(Permission::Invite)).then(|| {
        view! {
            <section class="card" aria-labelledby="invite-title">
                <h2 id="invite-title">"Invite somebody"</h2>
                <Notice form done="The invitation is on its way. It is valid for 7 days." />
                <Form form class="stack" emptied=true>
                    <EmailField form autocomplete="off" />
                    <div class="field">
                        <label for="invite-role">"Role"</label>
                        <select id="invite-role" name="role">
                            {roles(Role::default())}
                        </select>
                    </div>
                    <Submit form label="Send the invitation" busy="Sending…" />
                </Form>
            </section>
        }
        .into_any()
    })
}
