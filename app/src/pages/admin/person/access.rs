//! A person's role, and whether they may sign in.

use leptos::prelude::*;
use uuid::Uuid;
use wire::{Permission, Role};

use super::super::{can, reaches, roles};
#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::paths,
    ui::form::{Form, FormState, Notice, Submit},
};

/// Prevents a person from signing in, and ends their sessions.
#[server(prefix = "/api/admin")]
pub async fn disable_user(user_id: Uuid) -> Result<(), AppError> {
    let context = Context::take()?;
    let admin = context.admin().await?;
    Ok(admin.people.disable(admin.by(), user_id).await?)
}

pub(super) const DISABLE_USER: Endpoint = Endpoint::of::<DisableUser>(&[paths::PERSON]);

/// Lets a person sign in again.
#[server(prefix = "/api/admin")]
pub async fn enable_user(user_id: Uuid) -> Result<(), AppError> {
    let context = Context::take()?;
    let admin = context.admin().await?;
    Ok(admin.people.enable(admin.by(), user_id).await?)
}

pub(super) const ENABLE_USER: Endpoint = Endpoint::of::<EnableUser>(&[paths::PERSON]);

/// Gives a person a role.
#[server(prefix = "/api/admin")]
pub async fn set_role(user_id: Uuid, role: Role) -> Result<(), AppError> {
    let context = Context::take()?;
    let admin = context.admin().await?;
    Ok(admin.people.set_role(admin.by(), user_id, role).await?)
}

pub(super) const SET_ROLE: Endpoint = Endpoint::of::<SetRole>(&[paths::PERSON]).coming_back(&["role"]);

// wing:second-factors,passkeys
/// Removes the second factors of a person who has lost them, and ends their sessions.
#[server(prefix = "/api/admin")]
pub async fn reset_factors(user_id: Uuid) -> Result<(), AppError> {
    let context = Context::take()?;
    let admin = context.admin().await?;
    Ok(admin.people.reset_factors(admin.by(), user_id).await?)
}

pub(super) const RESET_FACTORS: Endpoint = Endpoint::of::<ResetFactors>(&[paths::PERSON]);
// end wing:second-factors,passkeys

/// The forms of this section.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    set_role: FormState,
    disable: FormState,
    enable: FormState,
    reset_factors: FormState, // wing:second-factors,passkeys
}

impl Actions {
    pub(super) fn new() -> Self {
        Self {
            set_role: FormState::of(SET_ROLE),
            disable: FormState::of(DISABLE_USER),
            enable: FormState::of(ENABLE_USER),
            reset_factors: FormState::of(RESET_FACTORS), // wing:second-factors,passkeys
        }
    }

    /// The number of answers that these forms have received.
    pub(super) fn done(self) -> usize {
        let forms = [
            self.set_role,
            self.disable,
            self.enable,
            self.reset_factors, // wing:second-factors,passkeys
        ];
        forms.map(FormState::answers).iter().sum()
    }
}

/// The outcome of each form.
#[component]
pub(super) fn Notices(actions: Actions) -> impl IntoView {
    view! {
        <Notice form=actions.set_role done="The role has been changed." />
        <Notice form=actions.disable done="The account has been disabled, and its sessions have ended." />
        <Notice form=actions.enable done="The account has been enabled." />
        // wing:second-factors,passkeys
        <Notice
            form=actions.reset_factors
            done="The second factors have been removed, and the sessions have ended."
        />
        // end wing:second-factors,passkeys
    }
}

#[component]
pub(super) fn Access(
    id: Uuid,
    role: Role,
    is_disabled: bool,
    oneself: bool,
    has_factors: bool, // wing:second-factors,passkeys
    actions: Actions,
) -> impl IntoView {
    let forms = if oneself {
        view! {
            <p class="empty">
                "This is your own account. Another administrator can change its role or disable it."
            </p>
        }
        .into_any()
    } else if !is_within_reach(role) {
        view! { <p class="empty">"Your role does not allow you to change this account."</p> }.into_any()
    } else {
        view! {
            {can(Permission::GiveRoles).then(|| view! { <RoleForm id role actions /> }.into_any())}
            // wing:second-factors,passkeys
            {(has_factors && can(Permission::ResetFactors))
                .then(|| view! { <ResetFactorsForm id actions /> }.into_any())}
            // end wing:second-factors,passkeys
            {can(Permission::DisablePeople)
                .then(|| view! { <DisableForm id is_disabled actions /> }.into_any())}
        }
        .into_any()
    };
    view! {
        <section class="card" aria-labelledby="access-title">
            <h2 id="access-title">"Role and access"</h2>
            {forms}
        </section>
    }
}

/// Whether the user may change a person with this role in any way.
fn is_within_reach(role: Role) -> bool {
    let changes = [
        Permission::GiveRoles,
        Permission::DisablePeople,
        Permission::ResetFactors, // wing:second-factors,passkeys
    ];
    reaches(role) && changes.into_iter().any(can)
}

#[component]
fn RoleForm(id: Uuid, role: Role, actions: Actions) -> impl IntoView {
    let typed = actions.set_role.typed("role");
    let chosen = typed.as_deref().and_then(Role::from_name).unwrap_or(role);
    view! {
        <Form form=actions.set_role class="search">
            <input type="hidden" name="user_id" value=id.to_string() />
            <div class="field">
                <label for="role">"Role"</label>
                <select id="role" name="role" autocomplete="off">
                    {roles(chosen)}
                </select>
            </div>
            <Submit form=actions.set_role label="Change role" busy="Changing…" class="button-quiet" />
        </Form>
    }
}

// wing:second-factors,passkeys
#[component]
fn ResetFactorsForm(id: Uuid, actions: Actions) -> impl IntoView {
    view! {
        <Form form=actions.reset_factors class="stack after-form">
            <input type="hidden" name="user_id" value=id.to_string() />
            <p class="hint">
                "For somebody who has lost what they sign in with beside the password. Make sure that it is them who ask: afterwards the password or the provider alone signs in to this account. All its sessions end."
            </p>
            <Submit
                form=actions.reset_factors
                label="Remove second factors"
                busy="Removing…"
                class="button-danger"
            />
        </Form>
    }
}
// end wing:second-factors,passkeys

#[component]
fn DisableForm(id: Uuid, is_disabled: bool, actions: Actions) -> impl IntoView {
    if is_disabled {
        view! {
            <Form form=actions.enable class="stack after-form">
                <input type="hidden" name="user_id" value=id.to_string() />
                <p class="hint">"Sign-in to this account is blocked."</p>
                <Submit form=actions.enable label="Enable account" busy="Enabling…" class="button-quiet" />
            </Form>
        }
        .into_any()
    } else {
        view! {
            <Form form=actions.disable class="stack after-form">
                <input type="hidden" name="user_id" value=id.to_string() />
                <p class="hint">"Disabling this account blocks sign-in to it and ends all its sessions at once."</p>
                <Submit
                    form=actions.disable
                    label="Disable account"
                    busy="Disabling…"
                    class="button-danger"
                />
            </Form>
        }.into_any()
    }
}
