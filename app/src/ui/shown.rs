//! What is shown only while something is true.

use leptos::prelude::*;

/// Shows its children while `holds` is true. As Leptos' `Show`, but in the wasm once, not once for each use.
#[component]
pub fn ShownWhile(
    /// The condition.
    holds: impl Fn() -> bool + Send + Sync + 'static,
    /// What is shown.
    children: ChildrenFn,
) -> impl IntoView {
    shown(Box::new(holds), children)
}

fn shown(holds: Box<dyn Fn() -> bool + Send + Sync>, children: ChildrenFn) -> AnyView {
    let holds = Memo::new(move |_| holds());
    (move || holds.get().then(|| children())).into_any()
}
