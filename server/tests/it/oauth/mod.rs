//! Signing in with a provider, from the button to the session, with a provider on loopback that responds as each
//! test scripts it.

mod answers;
mod by_configuration;
mod callback;
mod confirming;
mod dev_idp; // wing:dev-provider
mod hanging;
mod id_token;
pub mod idp;
mod interleavings;
mod issuers;
#[path = "../../../../auth/testing/keys.rs"]
mod keys;
mod lenient;
mod linking;
mod names;
mod presets; // wing:apple,discord,facebook,github,gitlab,google,linkedin,microsoft,slack,spotify,twitch,x
mod provider_token;
mod refused_token;
mod repeats;
mod start;
pub mod support;
mod tokens;
mod users;
mod vouching;
