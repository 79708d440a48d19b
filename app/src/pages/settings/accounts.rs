//! Connected provider accounts.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use leptos_meta::Title;
use uuid::Uuid;
use wire::{AccountInfo, WaysIn};

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::paths,
    session::current_session, // wing:mail
    setup::Setup,
    ui::{
        form::{Form, FormState, Notice, Submit},
        load::{Load, Loaded},
        marks::Mark,
        provider_error::ProviderErrorNotice,
        providers::{ProviderButton, is_configured, provider_name},
        shown::ShownWhile,
    },
};

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[UNLINK_ACCOUNT];

/// The connected provider accounts.
#[server]
pub async fn list_accounts() -> Result<Vec<AccountInfo>, AppError> {
    Ok(get_ways_in().await?.accounts)
}

/// The connected provider accounts, and whether there is a password.
#[server]
pub async fn get_ways_in() -> Result<WaysIn, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    Ok(context.auth.ways_in(&live).await?)
}

/// Disconnects a provider account, unless it is the last way to sign in.
#[server]
pub async fn unlink_account(account_id: Uuid) -> Result<(), AppError> {
    let context = Context::take()?;
    let recent = context.require_recent_session().await?;
    context
        .auth
        .oauth
        .unlink(&context.request, recent, account_id)
        .await?;
    Ok(())
}

const UNLINK_ACCOUNT: Endpoint = Endpoint::of::<UnlinkAccount>(&[paths::SETTINGS_ACCOUNTS]);

/// The tab for connected accounts.
#[component]
pub fn Accounts() -> impl IntoView {
    let form = FormState::of(UNLINK_ACCOUNT);
    let ways_in = Load::new(move || form.answers(), || GetWaysIn {});
    view! {
        <Title text="Accounts" />
        <ShownWhile holds=move || !form.was_sent()>
            <ProviderErrorNotice />
        </ShownWhile>
        <Notice form done="Disconnected." />
        <Loaded load=ways_in let:ways_in>
            <Cards ways_in form />
        </Loaded>
    }
}

#[component]
fn Cards(ways_in: WaysIn, form: FormState) -> impl IntoView {
    let WaysIn {
        has_password,
        has_passkey, // wing:passkeys
        accounts,
    } = ways_in;
    // A provider that is no longer configured is not a way to sign in.
    let usable: Vec<_> = accounts
        .iter()
        .filter(|account| is_configured(&account.provider))
        .map(|a| a.id)
        .collect();
    // wing:mail
    let signs_in_by_mail =
        Setup::get().signs_in_by_mail && current_session().is_some_and(|session| session.email_verified);
    let has_password = has_password || signs_in_by_mail;
    // end wing:mail
    let has_password = has_password || (has_passkey && Setup::get().has_passkeys); // wing:passkeys
    let is_last = move |id| !has_password && usable.iter().all(|usable| *usable == id);
    let connected = if accounts.is_empty() {
        view! {
            <p class="empty">
                "No provider is connected. Connect one below to sign in with it."
            </p>
        }
        .into_any()
    } else {
        let rows = accounts
            .into_iter()
            .map(|account| {
                let is_last = is_last(account.id);
                view! { <Row account is_last form /> }
            })
            .collect_view();
        view! { <ul class="rows">{rows}</ul> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="connected-title">
            <h2 id="connected-title">"Connected accounts"</h2>
            {connected}
        </section>
        <Connect />
    }
}

#[component]
fn Row(account: AccountInfo, is_last: bool, form: FormState) -> impl IntoView {
    let name = provider_name(&account.provider);
    let button = format!("Disconnect {name}");
    let way_out = if is_last {
        view! {
            <p class="hint">
                "This is your only way to sign in, so it cannot be removed. "
                <a href=paths::SETTINGS_SECURITY>"Set a password"</a> " first to disconnect it."
            </p>
        }
        .into_any()
    } else {
        view! {
            <Form form>
                <input type="hidden" name="account_id" value=account.id.to_string() />
                <Submit form label="Disconnect" busy="Disconnecting…" name=button class="button-quiet" />
            </Form>
        }
        .into_any()
    };
    view! {
        <li class="row">
            <Mark provider=account.provider.clone() />
            <div class="row-text">
                <h3>{name}</h3>
                {account.email.map(|email| view! { <p class="hint">{email}</p> }.into_any())}
            </div>
            {way_out}
        </li>
    }
}

#[component]
fn Connect() -> impl IntoView {
    let providers = Setup::get().providers;
    let choice = if providers.is_empty() {
        view! { <p class="empty">"This application has no providers set up."</p> }.into_any()
    } else {
        let buttons = providers
                .into_iter()
                .map(|provider| {
                    view! {
                        <li>
                            <ProviderButton provider verb="Connect" return_to=Some(paths::SETTINGS_ACCOUNTS.to_owned()) intent="link" />
                        </li>
                    }.into_any()
                })
                .collect_view();
        view! { <ul class="providers">{buttons}</ul> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="connect-title">
            <h2 id="connect-title">"Connect an account"</h2>
            <p class="hint">"You can then sign in with it as well."</p>
            {choice}
        </section>
    }
}
