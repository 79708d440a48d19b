//! The password, confirming who one is, and what happened to one's account.

#![expect(
    missing_docs,
    reason = "`#[server]` makes a struct of each function, whose fields are its arguments"
)]

use leptos::{either::Either, prelude::*};
use leptos_meta::Title;
use wire::{Event, WaysIn};

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    client::PageClient,
    error::AppError,
    forms::{Declared, PageForm},
    pages::{paths, register::password_hint, settings::accounts::get_ways_in},
    secret::Secret,
    session::current_session,
    setup::Setup,
    ui::{
        events::EventList,
        failure::Failure,
        field::Field,
        form::{Emptied, Form, FormState, Newest, Notice, Submit},
        link::{RETURN_TO, asked_return_to},
        providers::ProviderButton,
    },
};

/// The forms of this page.
pub const FORMS: &[Declared] = &[
    Declared::of::<ChangePassword>(),
    Declared::of::<SetPassword>(),
    Declared::of::<ConfirmIdentity>(),
];

/// Changes the password: ends the other sessions.
#[server(prefix = "/api", endpoint = "change_password", client = PageClient)]
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

impl PageForm for ChangePassword {
    const PAGES: &'static [&'static str] = &[paths::SETTINGS_SECURITY];
}

/// Sets a first password.
#[server(prefix = "/api", endpoint = "set_password", client = PageClient)]
pub async fn set_password(new_password: Secret) -> Result<(), AppError> {
    let context = Context::take()?;
    let recent = context.require_recent_session().await?;
    context
        .auth
        .set_password(&context.request, recent, new_password.into())
        .await?;
    Ok(())
}

impl PageForm for SetPassword {
    const PAGES: &'static [&'static str] = &[paths::SETTINGS_SECURITY];
}

/// Confirms with the password who is signed in.
#[server(prefix = "/api", endpoint = "confirm_identity", client = PageClient)]
pub async fn confirm_identity(
    password: Secret,
    #[server(default)] return_to: Option<String>,
) -> Result<(), AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    context
        .auth
        .confirm_identity(&context.request, live, password.into())
        .await?;
    if let Some(return_to) = return_to.as_deref().and_then(auth::ReturnTo::parse) {
        leptos_axum::redirect(return_to.as_str());
    }
    Ok(())
}

impl PageForm for ConfirmIdentity {
    const PAGES: &'static [&'static str] = &[paths::SETTINGS_SECURITY];
}

/// The newest of what happened to the person's account.
#[server(prefix = "/api", endpoint = "list_own_events")]
pub async fn list_own_events() -> Result<Vec<Event>, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    Ok(context.auth.own_events(&live).await?)
}

/// The forms of this page, of which only the newest word stays.
#[derive(Clone, Copy)]
struct Forms {
    confirm: FormState,
    change: FormState,
    set: FormState,
}

/// The tab for security.
#[component]
pub fn Security() -> impl IntoView {
    let change = ServerAction::<ChangePassword>::new();
    let set = ServerAction::<SetPassword>::new();
    let confirm = ServerAction::<ConfirmIdentity>::new();
    let newest = Newest::default();
    let forms = Forms {
        confirm: FormState::of(confirm).among(newest),
        change: FormState::of(change).among(newest),
        set: FormState::of(set).among(newest),
    };
    let ways_in = Resource::new(move || set.version().get(), |_| get_ways_in());
    view! {
        <Title text="Security" />
        <Transition fallback=|| view! { <p class="hint">"One moment…"</p> }>
            {move || Suspend::new(async move {
                match ways_in.await {
                    Ok(ways_in) => {
                        let password = match ways_in.has_password {
                            true => Either::Left(view! { <Change change forms /> }),
                            false => Either::Right(view! { <Set set forms /> }),
                        };
                        Either::Left(view! {
                            <Confirm ways_in confirm forms />
                            {password}
                        })
                    }
                    Err(error) => Either::Right(view! { <Failure error /> }),
                }
            })}
        </Transition>
        <OwnEvents after=Signal::derive(move || change.version().get() + set.version().get() + confirm.version().get()) />
    }
}

#[component]
fn Confirm(ways_in: WaysIn, confirm: ServerAction<ConfirmIdentity>, forms: Forms) -> impl IntoView {
    let return_to = asked_return_to();
    let by_password = ways_in.has_password.then(|| {
        view! { <ConfirmByPassword confirm form=forms.confirm return_to=return_to.clone() /> }
    });
    view! {
        <section class="card" aria-labelledby="confirm-title">
            <h2 id="confirm-title">"Confirm that it is you"</h2>
            <p class="hint">
                "Sensitive changes, such as your password or connected accounts, require a sign-in or a confirmation in the last ten minutes."
            </p>
            <Notice form=forms.confirm done="Thank you. You can make your change now." />
            {by_password}
            <ConfirmByProvider ways_in return_to />
        </section>
    }
}

#[component]
fn ConfirmByPassword(
    confirm: ServerAction<ConfirmIdentity>,
    form: FormState,
    return_to: Option<String>,
) -> impl IntoView {
    let emptied = Emptied::after(confirm);
    view! {
        <Form action=confirm node_ref=emptied.node attr:class="stack" on:submit=move |_| emptied.sent()>
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
            {return_to.map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> })}
            <Submit form label="Confirm" busy="Confirming…" />
        </Form>
    }
}

#[component]
fn ConfirmByProvider(ways_in: WaysIn, return_to: Option<String>) -> impl IntoView {
    let WaysIn {
        has_password,
        accounts,
    } = ways_in;
    // Where something goes wrong, one is led back as well.
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
            }
        })
        .collect();
    let or = has_password.then(|| {
        view! {
            <p class="or">
                <span>"or without your password"</span>
            </p>
        }
    });
    (!buttons.is_empty()).then(|| {
        view! {
            {or}
            <ul class="providers">{buttons}</ul>
        }
    })
}

#[component]
fn Change(change: ServerAction<ChangePassword>, forms: Forms) -> impl IntoView {
    let form = forms.change;
    let emptied = Emptied::after(change);
    view! {
        <section class="card" aria-labelledby="password-title">
            <h2 id="password-title">"Change your password"</h2>
            <p class="hint">"Your other sessions end; you stay signed in here."</p>
            <PasswordNotices forms />
            <Form action=change node_ref=emptied.node attr:class="stack" on:submit=move |_| emptied.sent()>
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
        </section>
    }
}

#[component]
fn Set(set: ServerAction<SetPassword>, forms: Forms) -> impl IntoView {
    let form = forms.set;
    view! {
        <section class="card" aria-labelledby="password-title">
            <h2 id="password-title">"Set a password"</h2>
            <p class="hint">
                "So far you sign in with a provider only. With a password you can sign in without one. "
                "Your other sessions end; you stay signed in here."
            </p>
            <PasswordNotices forms />
            <Form action=set attr:class="stack">
                <Username />
                <NewPassword form />
                <Submit form label="Set password" busy="Setting…" />
            </Form>
        </section>
    }
}

/// Both forms' words in one place: once a password is set, the card with the other form is there.
#[component]
fn PasswordNotices(forms: Forms) -> impl IntoView {
    view! {
        <Notice form=forms.change done="Your password is changed. Your other sessions have ended." />
        <Notice form=forms.set done="Your password is set. Your other sessions have ended." />
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

/// Tells password managers whose password it is. Without a name it is not sent.
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

/// The newest events, read again whenever `after` changes.
#[component]
fn OwnEvents(
    /// What the person has just done here.
    #[prop(into)]
    after: Signal<usize>,
) -> impl IntoView {
    let events = Resource::new(move || after.get(), |_| list_own_events());
    view! {
        <section class="card" aria-labelledby="events-title">
            <h2 id="events-title">"What happened lately"</h2>
            <p class="hint">"If something here was not you, change your password and end your other sessions."</p>
            <Transition fallback=|| view! { <p class="hint">"One moment…"</p> }>
                {move || Suspend::new(async move {
                    match events.await {
                        Ok(events) => Either::Left(view! { <EventList events /> }),
                        Err(error) => Either::Right(view! { <Failure error /> }),
                    }
                })}
            </Transition>
        </section>
    }
}
