//! Where a user types the code that a device shows, and decides whether that device gets access.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use serde::{Deserialize, Serialize};
use wire::DeviceRequest;

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::paths,
    ui::{
        failure::Failure,
        form::{Form, FormState, Notice, Submit},
        link::value_of,
        load::{Load, once_loaded},
        scopes::{ScopeList, trust},
        shown::ShownWhile,
    },
};

/// The name of the field and query parameter that holds the code.
const USER_CODE: &str = "user_code";

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[DECIDE_DEVICE];

/// A device that asks for access, with the age of its request. The age is computed on the server, since the browser's clock
/// may differ.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskingDevice {
    /// The device.
    pub device: DeviceRequest,
    /// The age of its request in whole minutes.
    pub minutes: i64,
}

/// The device that shows this code. Changes nothing, but a wrong code counts as a guess.
#[server]
pub async fn get_device(user_code: String) -> Result<AskingDevice, AppError> {
    let context = Context::take()?;
    let device = context.auth.clients.device(&context.request, &user_code).await?;
    let asked = time::OffsetDateTime::from(device.created_at.clone());
    let minutes = (context.auth.clock.now() - asked).whole_minutes().max(0);
    Ok(AskingDevice { device, minutes })
}

/// Allows or denies what the device that shows this code asks for.
#[server]
pub async fn decide_device(user_code: String, decision: String) -> Result<(), AppError> {
    let context = Context::take()?;
    let allow = match decision.as_str() {
        "allow" => true,
        "deny" => false,
        _ => {
            context.require_session().await?;
            return Err(AppError::InvalidInput);
        }
    };
    Ok(context
        .auth
        .clients
        .decide_device(&context.request, &user_code, allow)
        .await?)
}

const DECIDE_DEVICE: Endpoint = Endpoint::of::<DecideDevice>(&[paths::DEVICE]);

/// The page.
#[component]
pub fn Device() -> impl IntoView {
    let decide = FormState::of(DECIDE_DEVICE);
    let search = use_location().search.get_untracked();
    let code = value_of(&search, USER_CODE).filter(|code| !code.trim().is_empty());
    let is_gone = move || decide.failure() == Some(AppError::NotFound);
    // A code that was just decided, or refused as wrong, is not looked up again: that would count as another guess.
    let is_settled = untrack(|| decide.is_done() || is_gone());
    let asked = code.filter(|_| !is_settled).map(|user_code| {
        let typed = user_code.clone();
        let device = Load::new(
            || 0,
            move || GetDevice {
                user_code: user_code.clone(),
            },
        );
        (device, typed)
    });
    let is_asked = asked.is_some();
    let shown = asked.map(|(device, typed)| {
        view! {
            <ShownWhile holds=move || !decide.is_done() && !is_gone()>
                <Asked device typed=typed.clone() decide />
            </ShownWhile>
        }
        .into_any()
    });
    view! {
        <Title text="Connect a device" />
        <div class="page page-consent">
            <h1>"Connect a device"</h1>
            <ShownWhile holds=is_gone>
                <WrongCode />
            </ShownWhile>
            <ShownWhile holds=move || !is_gone()>
                <Notice form=decide done="Your decision has been sent. You can go back to your device." />
            </ShownWhile>
            {shown}
            <ShownWhile holds=move || is_gone() || !is_asked && !decide.is_done()>
                <CodeForm typed=String::new() />
            </ShownWhile>
            <ShownWhile holds=move || decide.is_done()>
                <p>
                    <a href=paths::DEVICE rel="external">"Connect another device"</a>
                </p>
            </ShownWhile>
        </div>
    }
}

/// The device that shows the typed code, or the form again if there isn't one.
#[component]
fn Asked(device: Load<AskingDevice>, typed: String, decide: FormState) -> impl IntoView {
    once_loaded(move || {
        let typed = typed.clone();
        async move {
            match device.get().await {
                Ok(asking) => view! { <Question asking decide /> }.into_any(),
                Err(AppError::NotFound) => view! {
                    <WrongCode />
                    <CodeForm typed />
                }
                .into_any(),
                Err(error) => view! { <Failure error /> }.into_any(),
            }
        }
    })
}

#[component]
fn Question(asking: AskingDevice, decide: FormState) -> impl IntoView {
    let AskingDevice { device, minutes } = asking;
    let (allowed, denied) = (device.user_code.clone(), device.user_code.clone());
    view! {
        <section class="card" aria-labelledby="device-title">
            <h2 id="device-title">{device.client_name} " asks for access to your account"</h2>
            <p class="hint">{trust(device.first_party)}</p>
            <ScopeList scope=device.scope />
            <dl class="facts-list">
                <dt>"Code"</dt>
                <dd>
                    <code>{device.user_code}</code>
                </dd>
                <dt>"Asked"</dt>
                <dd>{age(minutes)}</dd>
                <dt>"From the address"</dt>
                <dd>{device.ip.unwrap_or_else(|| "Unknown".to_owned())}</dd>
                <dt>"Program"</dt>
                <dd>{device.user_agent.unwrap_or_else(|| "Unknown".to_owned())}</dd>
            </dl>
            <p>
                "Only allow this if you started it yourself, and your own device shows this code. "
                "If someone sent you the code, they are trying to get into your account."
            </p>
            <div class="actions">
                <Decision user_code=allowed decision="allow" label="Allow" class="button-primary" form=decide />
                <Decision user_code=denied decision="deny" label="Deny" class="button-quiet" form=decide />
            </div>
        </section>
    }
}

/// One of the two decisions, as a form of its own: with JavaScript, a form does not send its button.
#[component]
fn Decision(
    user_code: String,
    decision: &'static str,
    label: &'static str,
    class: &'static str,
    form: FormState,
) -> impl IntoView {
    view! {
        <Form form>
            <input type="hidden" name=USER_CODE value=user_code />
            <input type="hidden" name="decision" value=decision />
            <Submit form label busy="Sending…" class />
        </Form>
    }
}

fn age(minutes: i64) -> String {
    match minutes {
        0 => "less than a minute ago".to_owned(),
        1 => "1 minute ago".to_owned(),
        minutes => format!("{minutes} minutes ago"),
    }
}

/// The field for the code. It asks the server for this page with the code, and changes nothing.
#[component]
fn CodeForm(typed: String) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="code-title">
            <h2 id="code-title">"Enter the code"</h2>
            <p class="hint">"Your device shows a code of eight letters. Upper and lower case are the same."</p>
            <form method="get" action=paths::DEVICE class="search">
                <div class="field">
                    <label for=USER_CODE>"Code"</label>
                    <input
                        id=USER_CODE
                        name=USER_CODE
                        type="text"
                        autocomplete="off"
                        autocapitalize="characters"
                        spellcheck="false"
                        maxlength="40"
                        required=true
                        value=typed
                    />
                </div>
                <button type="submit" class="button button-primary">
                    "Continue"
                </button>
            </form>
        </section>
    }
}

#[component]
fn WrongCode() -> impl IntoView {
    view! {
        <div class="notice notice-error" role="alert">
            <p>
                "No device is waiting with this code. Codes are valid for ten minutes, and only once. "
                "Check the code, or start again on your device."
            </p>
        </div>
    }
}
