//! Two-step sign-in: setting an authenticator app up, and what there is if it is lost.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use wire::{RecoveryCodes, SecondFactors, TotpSetup, TotpUnderWay};

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::{Endpoint, ShownOnce},
    pages::{paths, settings::sessions::REVOKE_OTHER_SESSIONS},
    secret::Secret,
    ui::{
        field::Field,
        form::{Form, FormState, Notice, Submit},
        link::RETURN_TO,
        load::{Load, Loaded},
    },
};

/// The forms of this part of the page.
pub const FORMS: &[Endpoint] = &[START_TOTP, CONFIRM_TOTP, DISABLE_TOTP, NEW_RECOVERY_CODES];

/// The second factors of the signed-in user.
#[server]
pub async fn get_second_factors() -> Result<SecondFactors, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    Ok(context.auth.second_factors(&context.request, live).await?)
}

/// Begins to set up an authenticator app.
#[server]
pub async fn start_totp() -> Result<TotpSetup, AppError> {
    let context = Context::take()?;
    let recent = context.require_recent_session().await?;
    Ok(context.auth.start_totp(&recent).await?)
}

const START_TOTP: Endpoint = Endpoint::of::<StartTotp>(&[paths::SETTINGS_SECURITY]);

/// Completes it with a code of the app. Only this answer has the recovery codes.
#[server]
pub async fn confirm_totp(code: Secret) -> Result<RecoveryCodes, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    Ok(context
        .auth
        .confirm_totp(&context.request, live, &code.into())
        .await?)
}

const CONFIRM_TOTP: Endpoint = Endpoint::of::<ConfirmTotp>(&[paths::SETTINGS_SECURITY]).showing_once(CODES);

/// Removes the authenticator app.
#[server]
pub async fn disable_totp() -> Result<(), AppError> {
    let context = Context::take()?;
    let recent = context.require_recent_session().await?;
    Ok(context.auth.disable_totp(&context.request, recent).await?)
}

const DISABLE_TOTP: Endpoint = Endpoint::of::<DisableTotp>(&[paths::SETTINGS_SECURITY]);

/// Replaces the recovery codes. Only this answer has the new ones.
#[server]
pub async fn new_recovery_codes() -> Result<RecoveryCodes, AppError> {
    let context = Context::take()?;
    let recent = context.require_recent_session().await?;
    Ok(context.auth.new_recovery_codes(&context.request, recent).await?)
}

const NEW_RECOVERY_CODES: Endpoint =
    Endpoint::of::<NewRecoveryCodes>(&[paths::SETTINGS_SECURITY]).showing_once(CODES);

const CODES: ShownOnce = ShownOnce {
    member: "recovery_codes",
    title: TITLE,
    advice: ADVICE,
};
const TITLE: &str = "Your recovery codes";
const ADVICE: &str = "Keep these codes in a safe place, away from your phone. Each signs you in once if you lose your authenticator app. They are not shown again.";

/// The forms, with what is loaded again after each.
#[derive(Clone, Copy)]
pub struct SecondFactorForms {
    start: FormState,
    confirm: FormState,
    disable: FormState,
    renew: FormState,
    sign_out: FormState,
}

impl SecondFactorForms {
    /// The forms of this page.
    pub fn new() -> Self {
        Self {
            start: FormState::of(START_TOTP),
            confirm: FormState::of(CONFIRM_TOTP),
            disable: FormState::of(DISABLE_TOTP),
            renew: FormState::of(NEW_RECOVERY_CODES),
            sign_out: FormState::of(REVOKE_OTHER_SESSIONS),
        }
    }

    /// The number of answers received.
    pub fn answers(self) -> usize {
        let Self {
            start,
            confirm,
            disable,
            renew,
            sign_out,
        } = self;
        let forms = [start, confirm, disable, renew, sign_out];
        forms.into_iter().map(FormState::answers).sum()
    }
}

impl Default for SecondFactorForms {
    fn default() -> Self {
        Self::new()
    }
}

/// The card for two-step sign-in.
#[component]
pub fn TwoSteps(factors: Load<SecondFactors>, forms: SecondFactorForms) -> impl IntoView {
    let SecondFactorForms {
        start,
        confirm,
        disable,
        renew,
        sign_out,
    } = forms;
    view! {
        <section class="card" aria-labelledby="two-steps-title">
            <h3 id="two-steps-title">"Two-step sign-in"</h3>
            <p class="hint">
                "After your password or your provider, a sign-in asks for a code from an app on your phone. Whoever learns your password cannot sign in without it."
            </p>
            <Notice form=start />
            <Notice form=confirm />
            <Notice form=disable done="Two-step sign-in is off, and your other sessions have ended." />
            <Notice form=renew />
            <Notice
                form=sign_out
                done="You are signed out everywhere else, and the next sign-in asks for a code in every browser."
            />
            <NewCodes form=confirm />
            <NewCodes form=renew />
            <Loaded load=factors let:factors>
                <State factors forms />
            </Loaded>
        </section>
    }
}

/// What is on, what is being set up, and how to begin.
#[component]
fn State(factors: SecondFactors, forms: SecondFactorForms) -> impl IntoView {
    let SecondFactors {
        totp,
        recovery_codes_left,
        trusted_browsers,
        setup,
    } = factors;
    let SecondFactorForms { start, confirm, .. } = forms;
    let begins = setup.is_none() && !totp;
    let replaces = setup.is_some() && totp;
    view! {
        {setup.map(|setup| view! { <Setup setup confirm /> }.into_any())}
        {replaces.then(|| view! { <p class="hint">"Until then, the app that you have stays in force."</p> }.into_any())}
        {totp.then(|| view! { <On left=recovery_codes_left trusted=trusted_browsers forms /> }.into_any())}
        {begins
            .then(|| {
                view! {
                    <Form form=start>
                        <Submit form=start label="Set up two-step sign-in" busy="One moment…" />
                    </Form>
                }.into_any()
            })}
    }
}

/// Confirms the user's identity with a code, where they have an app.
#[component]
pub fn ConfirmByCode(
    factors: Load<SecondFactors>,
    form: FormState,
    return_to: Option<String>,
) -> impl IntoView {
    let return_to = StoredValue::new(return_to);
    view! {
        <Loaded load=factors let:factors>
            {factors
                .totp
                .then(|| {
                    view! {
                        <Form form class="stack" emptied=true>
                            <Field
                                form
                                name="code"
                                label="Or a code from your authenticator app"
                                autocomplete="one-time-code"
                                required=true
                                about=AppError::is_about_code
                            />
                            {return_to
                                .get_value()
                                .map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> }.into_any())}
                            <Submit form label="Confirm with a code" busy="Confirming…" />
                        </Form>
                    }.into_any()
                })}
        </Loaded>
    }
}

/// An app that waits for its first code.
#[component]
fn Setup(setup: TotpUnderWay, confirm: FormState) -> impl IntoView {
    view! {
        <p>"Scan this code with your authenticator app, or type the key into it. Then enter the code that it shows."</p>
        <div class="qr" inner_html=setup.qr></div>
        <p>
            "Key: " <code class="copyable">{in_groups(&setup.secret)}</code>
        </p>
        <p>
            <a href=setup.uri>"Open in an app on this device"</a>
        </p>
        <Form form=confirm class="stack" emptied=true>
            <Field
                form=confirm
                name="code"
                id="app-code"
                label="Code from the app"
                autocomplete="one-time-code"
                required=true
                about=AppError::is_about_code
            />
            <Submit form=confirm label="Turn on" busy="Turning on…" />
        </Form>
    }
}

#[component]
fn On(left: i64, trusted: i64, forms: SecondFactorForms) -> impl IntoView {
    let SecondFactorForms {
        start,
        disable,
        renew,
        sign_out,
        ..
    } = forms;
    let codes = match left {
        1 => "1 recovery code is left.".to_owned(),
        left => format!("{left} recovery codes are left."),
    };
    let trusted = match trusted {
        0 => None,
        1 => Some("One browser signs in without a code, since you chose to trust it.".to_owned()),
        many => Some(format!(
            "{many} browsers sign in without a code, since you chose to trust them."
        )),
    };
    let trusted = trusted.map(|trusted| {
        view! {
            <p>{trusted} " To end that, sign out everywhere else."</p>
            <Form form=sign_out>
                <Submit form=sign_out label="Sign out everywhere else" busy="Signing out…" class="button-quiet" />
            </Form>
        }.into_any()
    });
    view! {
        <p>"Two-step sign-in is on. " {codes}</p>
        <div class="actions">
            <Form form=renew>
                <Submit form=renew label="New recovery codes" busy="Creating…" class="button-quiet" />
            </Form>
            <Form form=start>
                <Submit form=start label="Use another app" busy="One moment…" class="button-quiet" />
            </Form>
            <Form form=disable>
                <Submit form=disable label="Turn off" busy="Turning off…" class="button-quiet" />
            </Form>
        </div>
        {trusted}
    }
}

/// The recovery codes that were just created. Without JavaScript, another page shows them, see [`ShownOnce`].
#[component]
fn NewCodes(form: FormState) -> impl IntoView {
    move || {
        let created: RecoveryCodes = form.answer()?.read().ok()?;
        let codes = created
            .recovery_codes
            .into_iter()
            .map(|code| view! { <li><code>{code}</code></li> }.into_any())
            .collect_view();
        Some(view! {
            <div role="status">
                <h4>{TITLE}</h4>
                <p class="hint">{ADVICE}</p>
                <ul class="codes">{codes}</ul>
            </div>
        })
    }
}

/// A key as people read it out.
fn in_groups(secret: &str) -> String {
    let groups: Vec<&str> = secret
        .as_bytes()
        .chunks(4)
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(" ")
}
