//! A person's connected provider accounts.

use leptos::prelude::*;
use wire::UserAccount;

use crate::ui::{marks::Mark, providers::provider_name, time::When};

#[component]
pub(super) fn Accounts(accounts: Vec<UserAccount>) -> impl IntoView {
    let list = if accounts.is_empty() {
        view! { <p class="empty">"No provider is connected."</p> }.into_any()
    } else {
        let rows = accounts
            .into_iter()
            .map(|account| {
                view! {
                    <li class="row">
                        <Mark provider=account.provider.clone() />
                        <div class="row-text">
                            <h3>{provider_name(&account.provider)}</h3>
                            {account.email.map(|email| view! { <p class="hint">{email}</p> }.into_any())}
                            <p class="hint">
                                "Connected " <When at=account.created_at /> ", last used "
                                <When at=account.last_used_at />
                            </p>
                        </div>
                    </li>
                }
                .into_any()
            })
            .collect_view();
        view! { <ul class="rows">{rows}</ul> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="accounts-title">
            <h2 id="accounts-title">"Connected accounts"</h2>
            {list}
        </section>
    }
}
