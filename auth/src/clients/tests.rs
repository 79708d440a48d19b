//! The rules of refresh tokens, under every order of events.
