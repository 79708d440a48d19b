//! # How a provider sign-in works
//!
//! 1. *Start.* A person presses a provider's button. A **flow** is stored: the hash of a random **state**,
//!    a **nonce** and a **code verifier**, where to return to, and the hash of the browser's flow cookie.
//!    The browser goes on to the provider with the state, the nonce and the verifier's hash.
//! 2. *Callback.* The provider sends the browser back with a code and the state. The flow is used up at
//!    once, whatever happens next, and must be this browser's, this provider's and not older than ten
//!    minutes. So a callback can neither be replayed nor slipped to another person.
//! 3. *Tokens.* The code and the verifier are exchanged for tokens. A provider that speaks OpenID Connect
//!    sends an **ID token**, whose signature and claims are verified; others are asked who it is.
//! 4. *Account.* The (provider, subject) pair finds the **account**, and the account the user. If there isn't one,
//!    user and account are created in one transaction. An address that belongs to another user never merges the
//!    two: its owner proves it by signing in as usual, and only then is the account connected (`flow/pending.rs`).
//!
//! From the callback on the work runs by itself: a browser that goes away, or sends the callback once more, gets
//! within a minute the result of the first, from the process that has it (`flights.rs`). Another process only
//! knows that the flow is used up, and where it would have led.
//!
//! Whatever waits for a provider does so in places of that provider's (`PLACES`): one that does not respond is in
//! nobody else's way.
//!
//! Later, server code may call the provider in the person's name: [`OAuth::provider_token`] renews the
//! account's tokens when they have expired (`account/provider_token.rs`).
//!
//! What differs between providers is in a file for each (`providers/`): a row of data, explained in `preset.rs`, and
//! the code of whatever it alone does. A provider that speaks OpenID Connect needs none, only `AUTH_PROVIDERS` and
//! three variables (`providers/env.rs`).
//!
//! The rooms, each of which uses only those after it: `flow` leads through a sign-in, `account` holds what is known
//! of a person at a provider, `state.rs` is [`OAuth`] and what it consists of, `protocol` talks to providers,
//! `providers` holds what is known of them, `outcome.rs` is what comes of a flow.

mod account;
mod flights;
mod flow;
mod outcome;
mod protocol;
mod providers;
mod state;
#[cfg(test)]
#[path = "../../testing/keys.rs"]
mod testing;

pub use wire::FlowError;

pub use self::{
    flow::start::Wish,
    outcome::{Finished, Intent, Started, Stop, WayBack},
    providers::{
        development::{DEVELOPMENT, development}, // wing:dev-provider
        env::from_vars,
        provider::Provider,
    },
    state::{Checked, OAuth},
};
