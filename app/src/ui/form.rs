//! Forms that follow the same rules with and without JavaScript.

use leptos::{context::Provider, ev::SubmitEvent, html, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlFormElement, ScrollIntoViewOptions, ScrollLogicalPosition, UrlSearchParams};

use super::alert::Alert;
use crate::{
    client::{self, Json},
    error::AppError,
    flash::{Flash, FlashContext, Outcome},
    forms::Endpoint,
    made_for::MadeForField,
};

/// A form that posts to a server function. It works without JavaScript too, and states which user its page was made
/// for.
///
/// With JavaScript it is sent without leaving the page: what was typed stays, and the page follows the answer.
#[component]
pub fn Form(
    /// Its state.
    form: FormState,
    /// Its classes.
    #[prop(optional)]
    class: &'static str,
    /// Whether its fields are cleared once it is done, so that no password is left behind and fields show what is
    /// stored.
    #[prop(optional)]
    emptied: bool,
    /// The element, for a page that clears it at another time.
    #[prop(optional)]
    node_ref: NodeRef<html::Form>,
    /// Its fields and its button.
    children: Children,
) -> impl IntoView {
    let sending = Sending(RwSignal::new(false));
    let send = move |event: SubmitEvent| {
        let leads_elsewhere = |button: web_sys::HtmlElement| button.has_attribute("formaction");
        if event.submitter().is_some_and(leads_elsewhere) {
            return;
        }
        event.prevent_default();
        if let Some(element) = event.target().and_then(|target| target.dyn_into().ok()) {
            form.send(element, emptied, sending);
        }
    };
    view! {
        <form
            method="post"
            action=form.endpoint.path
            class=(!class.is_empty()).then_some(class)
            node_ref=node_ref
            on:submit=send
        >
            <MadeForField />
            <Provider value=sending>{children()}</Provider>
        </form>
    }
}

/// Whether this very form is being sent: several may share a state.
#[derive(Clone, Copy)]
struct Sending(RwSignal<bool>);

/// The state of a form: its answer, once it was sent from this document; before that, the page's flash.
#[derive(Clone, Copy)]
pub struct FormState {
    endpoint: Endpoint,
    flash: StoredValue<Option<Flash>>,
    sent: RwSignal<Sent>,
    newest: Newest,
    /// The newest turn before this form was created.
    before: usize,
}

/// The outcome of a form that was sent from this document.
#[derive(Clone, Default)]
struct Sent {
    /// Its turn among the forms of the document, or the newest turn when its answer came; 0 before it is sent.
    turn: usize,
    /// The number of answers received.
    answers: usize,
    /// The newest answer; none while one is awaited.
    answer: Option<Result<Json, AppError>>,
}

impl Sent {
    fn is_awaited(&self) -> bool {
        self.turn > 0 && self.answer.is_none()
    }
}

/// The turn of the form that was sent last from this document. Outcomes that came since are shown, so that sending a
/// form takes away what is no longer news, and no failure of a form that was sent before it.
#[derive(Clone, Copy, Default)]
pub struct Newest {
    turn: RwSignal<usize>,
    /// Why a form was refused whose page the visitor has left meanwhile.
    missed: RwSignal<Option<AppError>>,
}

impl Newest {
    /// Provides it to the forms of the document.
    pub fn provide() {
        provide_context(Self::default());
    }

    /// Forgets what was missed on other pages.
    pub fn forget_missed() {
        if let Some(Self { missed, .. }) = use_context() {
            missed.set(None);
        }
    }
}

/// States that a form was refused whose page the visitor has left meanwhile.
#[component]
pub fn MissedNotice() -> impl IntoView {
    let newest: Option<Newest> = use_context();
    move || {
        newest?.missed.get().map(|error| {
            view! {
                <div class="notice notice-error" role="alert">
                    <p>"The change you made on the previous page was not saved. " {error.advice()}</p>
                </div>
            }
            .into_any()
        })
    }
}

impl FormState {
    /// The state of a form to this endpoint. Forms that share a state behave as one: what is true of one is true of
    /// all.
    pub fn of(endpoint: Endpoint) -> Self {
        let newest = use_context().unwrap_or_default();
        Self {
            endpoint,
            flash: StoredValue::new(FlashContext::of(name(endpoint.path))),
            sent: RwSignal::default(),
            newest,
            before: newest.turn.get_untracked(),
        }
    }

    fn send(self, element: HtmlFormElement, emptied: bool, sending: Sending) {
        let Some(fields) = fields_of(&element) else {
            return;
        };
        if self.sent.with_untracked(Sent::is_awaited) {
            return;
        }
        let turn = self.newest.turn.get_untracked() + 1;
        self.newest.turn.set(turn);
        self.newest.missed.set(None);
        self.sent.update(|sent| {
            sent.turn = turn;
            sent.answer = None;
        });
        sending.0.set(true);
        spawn_local(async move {
            let answer = client::post(self.endpoint.path, &fields).await;
            // What was typed since is not sent yet.
            if emptied && answer.is_ok() && fields_of(&element).as_ref() == Some(&fields) {
                element.reset();
            }
            let failure = answer.as_ref().err().copied();
            // By now the page with the form may be gone.
            sending.0.try_set(false);
            let shown = self.sent.try_update(|sent| {
                sent.turn = self.newest.turn.get_untracked();
                sent.answers += 1;
                sent.answer = Some(answer);
            });
            if shown.is_none() && failure.is_some() {
                self.newest.missed.set(failure);
            }
        });
    }

    /// Whether an answer is awaited.
    fn is_pending(self) -> bool {
        self.sent.with(Sent::is_awaited)
    }

    /// The form's outcome, unless another form was sent since it came.
    fn outcome(self) -> Option<Outcome> {
        let newest = self.newest.turn.get();
        self.sent.with(|sent| match &sent.answer {
            Some(Ok(_)) if sent.turn == newest => Some(Outcome::Done),
            Some(Err(error)) if sent.turn == newest => Some(Outcome::Failed(*error)),
            None if newest == self.before => self
                .flash
                .with_value(|flash| flash.as_ref().map(|flash| flash.outcome.clone())),
            _ => None,
        })
    }

    /// The number of answers received, for data that is loaded again after each.
    pub fn answers(self) -> usize {
        self.sent.with(|sent| sent.answers)
    }

    /// The newest answer, if the form is done.
    pub fn answer(self) -> Option<Json> {
        self.sent
            .with(|sent| sent.answer.as_ref()?.as_ref().ok().cloned())
    }

    /// What was typed into a field before the form came back.
    pub fn typed(self, field: &str) -> Option<String> {
        self.flash
            .with_value(|flash| flash.as_ref().and_then(|flash| flash.field(field)))
    }

    /// Why the form was refused, if it was.
    pub fn failure(self) -> Option<AppError> {
        match self.outcome() {
            Some(Outcome::Failed(error)) => Some(error),
            _ => None,
        }
    }

    // wing:clients,mail
    /// Whether the form is done.
    pub fn is_done(self) -> bool {
        matches!(self.outcome(), Some(Outcome::Done))
    }
    // end wing:clients,mail

    /// Whether the form was sent.
    pub fn was_sent(self) -> bool {
        self.is_pending() || self.outcome().is_some()
    }

    /// The id of the alert that shows the error.
    pub(super) fn alert_id(self) -> String {
        format!("{}-alert", name(self.endpoint.path).replace('/', "-"))
    }
}

/// What a form would send now.
fn fields_of(element: &HtmlFormElement) -> Option<String> {
    let data = FormData::new_with_form(element).ok()?;
    let fields = UrlSearchParams::new_with_str_sequence_sequence(&data).ok()?;
    Some(fields.to_string().into())
}

/// The endpoint's name in the flash.
fn name(path: &'static str) -> &'static str {
    path.strip_prefix("/api/").unwrap_or(path)
}

/// Shows the outcome of a form.
#[component]
pub fn Notice(
    /// The form.
    form: FormState,
    /// The text shown when it is done.
    #[prop(optional)]
    done: &'static str,
    /// An error that means something else here, and what it means.
    #[prop(optional_no_strip)]
    here: Option<(AppError, &'static str)>,
) -> impl IntoView {
    move || {
        let shown = match form.outcome()? {
            Outcome::Failed(error) if here.is_some_and(|(other, _)| other == error) => view! {
                <p class="notice notice-error" role="alert" id=form.alert_id()>
                    {here.map(|(_, text)| text)}
                </p>
            }
            .into_any(),
            Outcome::Failed(error) => view! { <Alert error id=form.alert_id() /> }.into_any(),
            Outcome::Done if !done.is_empty() => {
                view! { <p class="notice notice-done" role="status">{done}</p> }.into_any()
            }
            Outcome::Unsent => view! {
                <p class="notice" role="status">"What you typed is here again. It has not been saved yet."</p>
            }
            .into_any(),
            _ => return None,
        };
        Some(in_view(shown))
    }
}

/// Brings what is shown into view: a page that is loaded again shows its top, and the form may be far below. A browser
/// scrolls to what has the focus, also without JavaScript.
fn in_view(shown: AnyView) -> AnyView {
    let place = NodeRef::<html::Div>::new();
    place.on_load(|place| {
        let options = ScrollIntoViewOptions::new();
        options.set_block(ScrollLogicalPosition::Nearest);
        place.scroll_into_view_with_scroll_into_view_options(&options);
    });
    view! {
        <div class="outcome" node_ref=place tabindex="-1" autofocus=true>
            {shown}
        </div>
    }
    .into_any()
}

/// The button that sends a form, and shows that the form is being sent.
#[component]
pub fn Submit(
    /// The form.
    form: FormState,
    /// What it does.
    label: &'static str,
    /// The label while the form is being sent.
    busy: &'static str,
    /// A longer name, where the label alone is not unique on the page.
    #[prop(optional, into)]
    name: Option<String>,
    /// Additional classes.
    #[prop(default = "button-primary")]
    class: &'static str,
) -> impl IntoView {
    let sending = use_context::<Sending>();
    let is_sending = move || sending.is_some_and(|Sending(sending)| sending.get());
    view! {
        <button
            type="submit"
            class=format!("button {class}")
            aria-label=name
            aria-busy=move || is_sending().then_some("true")
            // Not `disabled`, which would take the focus from whoever pressed it: `send` refuses a second time.
            aria-disabled=move || form.is_pending().then_some("true")
        >
            {move || if is_sending() { busy } else { label }}
        </button>
    }
}
