//! The password, and confirming who one is.

use leptos::{either::Either, prelude::*};
use leptos_meta::Title;
use wire::WaysIn;

use crate::{
    Setup,
    error::AppError,
    pages::register::password_hint,
    routes,
    session::{ChangePassword, ConfirmIdentity, SetPassword, current_session, get_ways_in},
    ui::{
        failure::Failure,
        field::Field,
        form::{Emptied, Form, FormState, Newest, Notice, Submit},
        link::{RETURN_TO, asked_return_to},
        own_events::OwnEvents,
        providers::ProviderButton,
    },
};

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
                "What needs special care, as changing the ways into your account, is possible for ten minutes after you have signed in or confirmed."
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
    let return_to = return_to.or_else(|| Some(routes::SETTINGS_SECURITY.to_owned()));
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
