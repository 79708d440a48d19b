//! A person's connected provider accounts.

use leptos::{either::Either, prelude::*};
use wire::UserAccount;

use crate::ui::{marks::Mark, providers::provider_name, time::When};

#[component]
pub(super) fn Accounts(accounts: Vec<UserAccount>) -> impl IntoView {
    let list = if accounts.is_empty() {
        Either::Left(view! { <p class="empty">"No provider is connected."</p> })
    } else {
        let rows = accounts
            .into_iter()
            .map(|account| {
                view! {
                    <li class="row">
                        <Mark provider=account.provider.clone() />
                        <div class="row-text">
                            <h3>{provider_name(&account.provider)}</h3>
                            {account.email.map(|email| view! { <p class="hint">{email}</p> })}
                            <p class="hint">
                                "Connected on " <When at=account.created_at /> ", last used on "
                                <When at=account.last_used_at />
                            </p>
                        </div>
                    </li>
                }
            })
            .collect_view();
        Either::Right(view! { <ul class="rows">{rows}</ul> })
    };
    view! {
        <section class="card" aria-labelledby="accounts-title">
            <h2 id="accounts-title">"Connected accounts"</h2>
            {list}
        </section>
    }
}
