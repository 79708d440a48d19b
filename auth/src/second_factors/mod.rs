//! Second factors at sign-in: codes of an authenticator app ([`totp`]), recovery codes for a user who has lost it
//! ([`recovery`]).
//!
//! [`RequestAuth::start_session`](crate::RequestAuth::start_session) asks for the factor, since every way to sign in leads
//! through it. The sign-in then waits in its browser for a code.

mod qr;
mod recovery;
mod setup;
mod sign_in;
mod totp;
