//! The password, confirming the user's identity, and the events of the account.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use leptos_meta::Title;
use wire::PasskeyInfo; // wing:passkeys
use wire::SecondFactors; // wing:second-factors
use wire::{Event, WaysIn};

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::pages::settings::address::EmailAddress; // wing:mail
use crate::pages::settings::confirm_by_mail::{ConfirmByMail, SEND_CONFIRMATION_CODE}; // wing:mail
use crate::pages::settings::next_steps::NextSteps; // wing:mail,second-factors,passkeys
use crate::pages::settings::passkeys::{ConfirmByPasskey, PasskeyForms, Passkeys}; // wing:passkeys
use crate::pages::settings::second_factors::{ConfirmByCode, GetSecondFactors, SecondFactorForms, TwoSteps}; // wing:second-factors
use crate::pages::settings::your_data::YourData; // wing:data-rights
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::{paths, register::password_hint, settings::accounts::GetWaysIn},
    secret::Secret,
    session::current_session,
    setup::Setup,
    ui::{
        events::EventList,
        field::Field,
        form::{Form, FormState, Notice, Submit},
        group::{Contents, Group},
        link::{RETURN_TO, asked_return_to},
        load::{Load, Loaded},
        providers::ProviderButton,
    },
};

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[
    CHANGE_PASSWORD,
    SET_PASSWORD,
    CONFIRM_IDENTITY,
    SEND_CONFIRMATION_CODE, // wing:mail
];

/// Changes the password and ends the other sessions.
#[server]
pub async fn change_password(current_password: Secret, new_password: Secret) -> Result<(), AppError> {
    let context = Context::take()?;
    let recent = context.require_recent_session().await?;
    context
        .auth
        .change_password(
            &context.request,
            recent,
            current_password.into(),
            new_password.into(),
        )
        .await?;
    Ok(())
}

const CHANGE_PASSWORD: Endpoint = Endpoint::of::<ChangePassword>(&[paths::SETTINGS_SECURITY]);

/// Sets a first password.
#[server]
pub async fn set_password(new_password: Secret) -> Result<(), AppError> {
    let context = Context::take()?;
    let recent = context.require_recent_session().await?;
    context
        .auth
        .set_password(&context.request, recent, new_password.into())
        .await?;
    Ok(())
}

const SET_PASSWORD: Endpoint = Endpoint::of::<SetPassword>(&[paths::SETTINGS_SECURITY]);

/// Confirms the signed-in user's identity with the password.
// wing:mail,second-factors
///
/// Or with a code: of their authenticator app, or of a mail if they have nothing better.
// end wing:mail,second-factors
// wing:passkeys
///
/// Or with the answer of one of their passkeys.
// end wing:passkeys
#[server]
pub async fn confirm_identity(
    #[server(default)] password: Option<Secret>,
    #[server(default)] code: Option<Secret>, // wing:mail,second-factors
    #[server(default)] credential: Option<String>, // wing:passkeys
    #[server(default)] return_to: Option<String>,
) -> Result<(), AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    let (auth, request) = (&context.auth, &context.request);
    let proofs = [
        password.is_some(),
        code.is_some(),       // wing:mail,second-factors
        credential.is_some(), // wing:passkeys
    ];
    if proofs.into_iter().filter(|is_given| *is_given).count() != 1 {
        return Err(AppError::InvalidInput);
    }
    // wing:passkeys
    if let Some(credential) = credential {
        auth.confirm_with_passkey(request, live, &credential).await?;
        lead_back(return_to.as_deref());
        return Ok(());
    }
    // end wing:passkeys
    // wing:mail,second-factors
    if let Some(code) = code {
        auth.confirm_with_code(request, live, &code.into()).await?;
        lead_back(return_to.as_deref());
        return Ok(());
    }
    // end wing:mail,second-factors
    let password = password.ok_or(AppError::InvalidInput)?;
    auth.confirm_identity(request, live, password.into()).await?;
    lead_back(return_to.as_deref());
    Ok(())
}

#[cfg(feature = "ssr")]
fn lead_back(return_to: Option<&str>) {
    if let Some(return_to) = return_to.and_then(auth::ReturnTo::parse) {
        leptos_axum::redirect(return_to.as_str());
    }
}

const CONFIRM_IDENTITY: Endpoint = Endpoint::of::<ConfirmIdentity>(&[paths::SETTINGS_SECURITY]);

/// The newest events of the user's account.
#[server]
pub async fn list_own_events() -> Result<Vec<Event>, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    Ok(context.auth.own_events(&live).await?)
}

const SIGNING_IN: &str = "How you sign in";
const REACHING_YOU: &str = "How we reach you"; // wing:mail
const HAPPENED: &str = "What has happened";
const YOUR_DATA: &str = "What is yours"; // wing:data-rights

/// The questions that the tab answers.
const GROUPS: &[(&str, &str)] = &[
    ("signing-in", SIGNING_IN),
    ("reaching-you", REACHING_YOU), // wing:mail
    ("happened", HAPPENED),
    ("your-data", YOUR_DATA), // wing:data-rights
];

/// The tab for security.
#[component]
pub fn Security() -> impl IntoView {
    let confirm = FormState::of(CONFIRM_IDENTITY);
    let change = FormState::of(CHANGE_PASSWORD);
    let set = FormState::of(SET_PASSWORD);
    let ways_in = Load::new(move || set.answers(), || GetWaysIn {});
    let answers = move || confirm.answers() + change.answers() + set.answers();
    // wing:second-factors
    let forms = SecondFactorForms::new();
    let factors = Load::new(
        move || forms.answers() + confirm.answers(),
        || GetSecondFactors {},
    );
    let answers = move || answers() + forms.answers();
    // end wing:second-factors
    // wing:passkeys
    let passkey_forms = PasskeyForms::new();
    let passkeys = passkey_forms.passkeys();
    let answers = move || answers() + passkey_forms.answers();
    // end wing:passkeys
    let events = Load::new(answers, || ListOwnEvents {});
    let after = Signal::derive(answers); // wing:mail,second-factors,passkeys
    view! {
        <Title text="Security" />
        <NextSteps after /> // wing:mail,second-factors,passkeys
        <Contents groups=GROUPS />
        <Loaded load=ways_in let:ways_in>
            <Confirm
                ways_in=ways_in.clone()
                form=confirm
                factors // wing:second-factors
                passkeys // wing:passkeys
            />
        </Loaded>
        <Group id="signing-in" title=SIGNING_IN>
            <Loaded load=ways_in let:ways_in>
                <Password has_password=ways_in.has_password change set />
            </Loaded>
            <Passkeys passkeys forms=passkey_forms /> // wing:passkeys
            <TwoSteps factors forms /> // wing:second-factors
        </Group>
        // wing:mail
        <Group id="reaching-you" title=REACHING_YOU>
            <EmailAddress />
        </Group>
        // end wing:mail
        <Group id="happened" title=HAPPENED>
            <OwnEvents events />
        </Group>
        // wing:data-rights
        <Group id="your-data" title=YOUR_DATA>
            <YourData />
        </Group>
        // end wing:data-rights
    }
}

#[component]
fn Confirm(
    ways_in: WaysIn,
    form: FormState,
    factors: Load<SecondFactors>,             // wing:second-factors
    passkeys: Option<Load<Vec<PasskeyInfo>>>, // wing:passkeys
) -> impl IntoView {
    let return_to = asked_return_to();
    let by_passkey = view! { <ConfirmByPasskey passkeys form return_to=return_to.clone() /> }; // wing:passkeys
    let by_code = view! { <ConfirmByCode factors form return_to=return_to.clone() /> }; // wing:second-factors
    // wing:mail
    let by_mail = view! {
        <ConfirmByMail
            has_password=ways_in.has_password
            factors // wing:second-factors
            passkeys // wing:passkeys
            form
            return_to=return_to.clone()
        />
    };
    // end wing:mail
    let by_password = ways_in
        .has_password
        .then(|| view! { <ConfirmByPassword form return_to=return_to.clone() /> }.into_any());
    view! {
        <section class="card" aria-labelledby="confirm-title">
            <h2 id="confirm-title">"Confirm your identity"</h2>
            <p class="hint">
                "Sensitive changes, such as your password or connected accounts, require a sign-in or a confirmation within the last ten minutes."
            </p>
            {return_to
                .is_some()
                .then(|| view! { <p class="notice">"Do this first. You are then led back to where you were."</p> }.into_any())}
            <Notice form done="Your identity is confirmed. You can make your change now." />
            {by_password}
            {by_code} // wing:second-factors
            {by_passkey} // wing:passkeys
            {by_mail} // wing:mail
            <ConfirmByProvider ways_in return_to />
        </section>
    }
}

#[component]
fn ConfirmByPassword(form: FormState, return_to: Option<String>) -> impl IntoView {
    view! {
        <Form form class="stack" emptied=true>
            <Username />
            <Field
                form
                name="password"
                label="Password"
                kind="password"
                autocomplete="current-password"
                required=true
                about=is_wrong_password
            />
            {return_to.map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> }.into_any())}
            <Submit form label="Confirm" busy="Confirming…" />
        </Form>
    }
}

#[component]
fn ConfirmByProvider(ways_in: WaysIn, return_to: Option<String>) -> impl IntoView {
    let WaysIn {
        has_password,
        accounts,
        ..
    } = ways_in;
    // If something goes wrong, the user is led back too.
    let return_to = return_to.or_else(|| Some(paths::SETTINGS_SECURITY.to_owned()));
    let connected = |id: &str| accounts.iter().any(|account| account.provider == id);
    let providers = Setup::get().providers.into_iter();
    let buttons: Vec<_> = providers
        .filter(|provider| connected(&provider.id))
        .map(|provider| {
            view! {
                <li>
                    <ProviderButton provider verb="Sign in again with" return_to=return_to.clone() intent="confirm" />
                </li>
            }.into_any()
        })
        .collect();
    let or = has_password.then(|| {
        view! {
            <p class="or">
                <span>"or without your password"</span>
            </p>
        }
        .into_any()
    });
    (!buttons.is_empty()).then(|| {
        view! {
            {or}
            <ul class="providers">{buttons}</ul>
        }
        .into_any()
    })
}

/// One card for both forms, so that it still shows "done" after a first password was set.
#[component]
fn Password(has_password: bool, change: FormState, set: FormState) -> impl IntoView {
    let (title, hint) = if has_password {
        (
            "Change your password",
            "This ends your other sessions. You stay signed in here.",
        )
    } else {
        (
            "Set a password",
            "You have no password. With one, you can also sign in by typing it. Setting it ends your other sessions. You \
             stay signed in here.",
        )
    };
    view! {
        <section class="card" aria-labelledby="password-title">
            <h3 id="password-title">{title}</h3>
            <p class="hint">{hint}</p>
            <Notice form=change done="Your password has been changed, and your other sessions have ended." />
            <Notice form=set done="Your password has been set, and your other sessions have ended." />
            {if has_password {
                view! { <Change form=change /> }.into_any()
            } else {
                view! { <Set form=set /> }.into_any()
            }}
        </section>
    }
}

#[component]
fn Change(form: FormState) -> impl IntoView {
    view! {
        <Form form class="stack" emptied=true>
            <Username />
            <Field
                form
                name="current_password"
                label="Current password"
                kind="password"
                autocomplete="current-password"
                required=true
                about=is_wrong_password
            />
            <NewPassword form />
            <Submit form label="Change password" busy="Changing…" />
        </Form>
    }
}

#[component]
fn Set(form: FormState) -> impl IntoView {
    view! {
        <Form form class="stack">
            <Username />
            <NewPassword form />
            <Submit form label="Set password" busy="Setting…" />
        </Form>
    }
}

#[component]
fn NewPassword(form: FormState) -> impl IntoView {
    view! {
        <Field
            form
            name="new_password"
            label="New password"
            kind="password"
            autocomplete="new-password"
            hint=password_hint()
            required=true
            about=AppError::is_about_new_password
        />
    }
}

/// Tells password managers whose password it is. Without a name the field is not sent.
#[component]
fn Username() -> impl IntoView {
    let email = current_session().and_then(|session| session.email);
    email.map(
        |email| view! { <input type="text" autocomplete="username" value=email readonly=true hidden=true /> },
    )
}

fn is_wrong_password(error: AppError) -> bool {
    error == AppError::WrongPassword
}

#[component]
fn OwnEvents(events: Load<Vec<Event>>) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="events-title">
            <h3 id="events-title">"Recent activity"</h3>
            <p class="hint">"If you don’t recognise something here, change your password and end your other sessions."</p>
            <Loaded load=events let:events>
                <EventList events />
            </Loaded>
        </section>
    }
}
