//! A labelled field, tied to its hint and its error.

use leptos::prelude::*;

use super::form::FormState;
use crate::error::AppError;

/// A line of text: a label, an input, a hint. The attribute `value` is the initial value. What the person types stays
/// with the browser, so that nothing is lost when the page is hydrated.
#[component]
pub fn Field(
    /// The form it is in.
    form: FormState,
    /// The field's name.
    name: &'static str,
    /// Its id, where another form of the page has a field of this name.
    #[prop(default = name)]
    id: &'static str,
    /// The label.
    #[prop(into)]
    label: String,
    /// The input's type.
    #[prop(default = "text")]
    kind: &'static str,
    /// The autocomplete token.
    autocomplete: &'static str,
    /// The initial value.
    #[prop(optional_no_strip)]
    value: Option<String>,
    /// A short hint.
    #[prop(optional, into)]
    hint: Option<String>,
    /// Whether it must be filled in.
    #[prop(optional)]
    required: bool,
    /// Which errors are about this field.
    #[prop(default = |_| false)]
    about: fn(AppError) -> bool,
) -> impl IntoView {
    let value = match kind {
        "password" => None,
        _ => form.typed(name).or(value),
    };
    let hint_id = format!("{id}-hint");
    let described = described_by(form, hint.is_some().then(|| hint_id.clone()), about);
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <input
                id=id
                name=name
                type=kind
                autocomplete=autocomplete
                value=value
                required=required
                aria-invalid=move || invalid(form, about).then_some("true")
                aria-describedby=described
            />
            {hint.map(|hint| view! { <p class="hint" id=hint_id>{hint}</p> }.into_any())}
        </div>
    }
}

/// The field for the e-mail address that a form is about.
#[component]
pub fn EmailField(
    /// The form it is in.
    form: FormState,
    /// The label.
    #[prop(default = "E-mail")]
    label: &'static str,
    /// The autocomplete token.
    #[prop(default = "username")]
    autocomplete: &'static str,
) -> impl IntoView {
    view! {
        <Field
            form
            name="email"
            label
            kind="email"
            autocomplete
            required=true
            about=AppError::is_about_email
        />
    }
}

/// Several lines of text.
#[component]
pub fn TextArea(
    /// The form it is in.
    form: FormState,
    /// The field's name, also used as its id.
    name: &'static str,
    /// The label.
    label: &'static str,
    /// The initial value.
    value: Option<String>,
    /// A short hint.
    hint: &'static str,
) -> impl IntoView {
    let value = form.typed(name).or(value).unwrap_or_default();
    let hint_id = format!("{name}-hint");
    let described = hint_id.clone();
    view! {
        <div class="field">
            <label for=name>{label}</label>
            // Not as a child: Leptos 0.8 writes the children of a textarea without escaping them.
            <textarea
                id=name
                name=name
                rows="5"
                autocomplete="off"
                aria-describedby=described
                inner_html=escaped(&value)
            ></textarea>
            <p class="hint" id=hint_id>
                {hint}
            </p>
        </div>
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A checkbox.
#[component]
pub fn Checkbox(
    /// The form it is in.
    form: FormState,
    /// The field's name, also used as its id.
    name: &'static str,
    /// The label.
    label: &'static str,
) -> impl IntoView {
    let checked = form.typed(name).is_some_and(|value| value == "true");
    view! {
        <div class="field field-check">
            <input id=name name=name type="checkbox" value="true" checked=checked />
            <label for=name>{label}</label>
        </div>
    }
}

fn invalid(form: FormState, about: fn(AppError) -> bool) -> bool {
    form.failure().is_some_and(about)
}

fn described_by(
    form: FormState,
    hint: Option<String>,
    about: fn(AppError) -> bool,
) -> impl Fn() -> Option<String> + Clone + Send + Sync + 'static {
    move || {
        let alert = invalid(form, about).then(|| form.alert_id());
        let ids: Vec<_> = alert.into_iter().chain(hint.clone()).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn text_never_ends_its_textarea() {
        assert_eq!(
            escaped("</textarea><b>&lt;"),
            "&lt;/textarea&gt;&lt;b&gt;&amp;lt;"
        );
    }
}
