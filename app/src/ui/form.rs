//! How a form stands, with and without JavaScript, by one rule.

use leptos::{
    either::EitherOf4,
    html,
    prelude::*,
    server_fn::{Http, ServerFn, codec::PostUrl},
};
use serde::de::DeserializeOwned;

use super::alert::Alert;
use crate::{
    client::MadeForField,
    error::AppError,
    flash::{Flash, FlashContext, Outcome},
    forms::PageForm,
};

/// A form over a server function. It works without JavaScript as well, and says whom its page was made for.
#[component]
pub fn Form<S, Answer>(
    /// What it does.
    action: ServerAction<S>,
    /// The form's element, for who has to reset it.
    #[prop(optional)]
    node_ref: NodeRef<html::Form>,
    /// Its fields and its button.
    children: Children,
) -> impl IntoView
where
    S: PageForm
        + ServerFn<Protocol = Http<PostUrl, Answer>>
        + DeserializeOwned
        + Clone
        + Send
        + Sync
        + 'static,
    S::Output: Send + Sync + 'static,
{
    view! {
        <ActionForm action node_ref>
            <MadeForField />
            {children()}
        </ActionForm>
    }
}

/// How a form stands: as its action says once it has run in this document, before that as the page's
/// flash says.
#[derive(Clone, Copy)]
pub struct FormState {
    alert_id: StoredValue<String>,
    flash: StoredValue<Option<Flash>>,
    outcome: Signal<Option<Outcome>>,
    pending: Signal<bool>,
}

impl FormState {
    /// The state of the form over this action.
    pub fn of<S>(action: ServerAction<S>) -> Self
    where
        S: PageForm + Clone + Send + Sync + 'static,
        S::Output: Clone + Send + Sync + 'static,
    {
        let endpoint = S::PATH.strip_prefix("/api/").unwrap_or(S::PATH);
        let flash = StoredValue::new(FlashContext::of(endpoint));
        let (version, value, pending) = (action.version(), action.value(), action.pending());
        let outcome = Signal::derive(move || {
            if pending.get() {
                return None;
            }
            // Leptos also takes an error from the address (`__err`). Anybody can write an address, so
            // only an answer counts that came to this document.
            if version.get() == 0 {
                return flash.with_value(|flash| flash.as_ref().map(|flash| flash.outcome.clone()));
            }
            value.with(|value| {
                value.as_ref().map(|value| match value {
                    Ok(_) => Outcome::Done,
                    Err(error) => Outcome::Failed(*error),
                })
            })
        });
        Self {
            alert_id: StoredValue::new(format!("{}-alert", endpoint.replace('/', "-"))),
            flash,
            outcome,
            pending: Signal::derive(move || pending.get()),
        }
    }

    /// The same, but silent once another of the forms that share `newest` is sent.
    pub fn among(self, newest: Newest) -> Self {
        let Newest(newest) = newest;
        let Self {
            alert_id,
            outcome,
            pending,
            ..
        } = self;
        Effect::new(move |_| {
            if pending.get() {
                newest.set(Some(alert_id.get_value()));
            }
        });
        let is_newest = move || {
            newest.with(|newest| {
                newest
                    .as_ref()
                    .is_none_or(|newest| alert_id.with_value(|id| id == newest))
            })
        };
        Self {
            outcome: Signal::derive(move || outcome.get().filter(|_| is_newest())),
            ..self
        }
    }

    /// What was typed into a field before the form came back.
    pub fn typed(self, field: &str) -> Option<String> {
        self.flash
            .with_value(|flash| flash.as_ref().and_then(|flash| flash.field(field)))
    }

    /// Why the form was refused, if it was.
    pub fn failure(self) -> Option<AppError> {
        match self.outcome.get() {
            Some(Outcome::Failed(error)) => Some(error),
            _ => None,
        }
    }

    /// Whether the form has been sent.
    pub fn was_sent(self) -> bool {
        self.pending.get() || self.outcome.with(Option::is_some)
    }

    /// The id of the alert that says why.
    pub(super) fn alert_id(self) -> String {
        self.alert_id.get_value()
    }
}

/// Which of a page's forms was sent last, by the id of its alert: only its word stays.
#[derive(Clone, Copy, Default)]
pub struct Newest(RwSignal<Option<String>>);

/// A form that forgets what was typed once its action has done it: a password is not left behind, and
/// other fields follow what is stored. For a form among several over one action, `sent` tells that it
/// was this one.
#[derive(Clone, Copy)]
pub struct Emptied {
    /// The form.
    pub node: NodeRef<html::Form>,
    sent: StoredValue<bool>,
}

impl Emptied {
    /// A form over this action.
    pub fn after<S>(action: ServerAction<S>) -> Self
    where
        S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
        S::Output: Clone + Send + Sync + 'static,
    {
        let emptied = Self {
            node: NodeRef::new(),
            sent: StoredValue::new(false),
        };
        let value = action.value();
        Effect::new(move |_| {
            let is_done = value.with(|value| value.as_ref().map(Result::is_ok));
            let Some(is_done) = is_done else { return };
            let was_this_one = emptied.sent.get_value();
            emptied.sent.set_value(false);
            if let (true, true, Some(form)) = (is_done, was_this_one, emptied.node.get_untracked()) {
                form.reset();
            }
        });
        emptied
    }

    /// Notes that this form was sent.
    pub fn sent(self) {
        self.sent.set_value(true);
    }
}

/// Says how a form ended.
#[component]
pub fn Notice(
    /// The form.
    form: FormState,
    /// What is said when it is done.
    #[prop(optional)]
    done: &'static str,
) -> impl IntoView {
    move || match form.outcome.get() {
        Some(Outcome::Failed(error)) => EitherOf4::A(view! { <Alert error id=form.alert_id() /> }),
        Some(Outcome::Done) if !done.is_empty() => {
            EitherOf4::B(view! { <p class="notice notice-done" role="status">{done}</p> })
        }
        Some(Outcome::Unsent) => EitherOf4::C(view! {
            <p class="notice" role="status">"What you typed is here again. It has not been saved yet."</p>
        }),
        _ => EitherOf4::D(()),
    }
}

/// The same for several forms: only the newest word stays.
#[component]
pub fn Notices(
    /// The forms, and what is said when each is done.
    of: Vec<(FormState, &'static str)>,
) -> impl IntoView {
    let newest = Newest::default();
    of.into_iter()
        .map(|(form, done)| view! { <Notice form=form.among(newest) done /> })
        .collect_view()
}

/// The button that sends a form, and says that it is on its way.
#[component]
pub fn Submit(
    /// The form.
    form: FormState,
    /// What it does.
    label: &'static str,
    /// What it says meanwhile.
    busy: &'static str,
    /// A longer name, where the label alone is not unique on the page.
    #[prop(optional, into)]
    name: Option<String>,
    /// Further classes.
    #[prop(default = "button-primary")]
    class: &'static str,
) -> impl IntoView {
    view! {
        <button
            type="submit"
            class=format!("button {class}")
            aria-label=name
            aria-busy=move || form.pending.get().then_some("true")
            disabled=move || form.pending.get()
        >
            {move || if form.pending.get() { busy } else { label }}
        </button>
    }
}
