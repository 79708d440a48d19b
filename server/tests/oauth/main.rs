//! Signing in with a provider, from the button to the session: the whole router in this process, and a
//! provider on loopback that responds as each test scripts it.

#![allow(
    clippy::unwrap_used,
    reason = "allow-unwrap-in-tests covers test functions only, and helpers are tests too"
)]

#[path = "../it/support/answer.rs"]
#[allow(dead_code, reason = "of what the other tests use this checks one thing")]
mod answer;
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
#[path = "../../../auth/testing/keys.rs"]
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
mod users;
mod vouching;
