//! Signing in with a provider, from the button to the session: the whole router in this process, and a
//! provider on loopback that answers whatever a test tells it to.

#![allow(
    clippy::unwrap_used,
    reason = "allow-unwrap-in-tests covers test functions only, and helpers are tests too"
)]

mod answers;
mod by_configuration;
mod callback;
mod confirming;
#[path = "../../../auth/testing/database.rs"]
mod database;
mod dev_idp; // wing:dev-provider
mod hanging;
mod id_token;
mod idp;
mod interleavings;
mod issuers;
mod keys;
mod lenient;
mod linking;
mod names;
mod presets; // wing:apple,discord,facebook,github,gitlab,google,linkedin,microsoft,slack,spotify,twitch,x
mod provider_token;
mod refused_token;
mod repeats;
mod start;
mod support;
mod tokens;
mod vouching;
