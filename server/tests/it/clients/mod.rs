//! Other clients: how they get tokens, and what tokens and keys open.

mod access_tokens;
mod codes;
mod command_line;
mod data;
mod devices;
mod endpoints;
mod keys;
mod metadata;
mod refresh;
mod scripts;
mod support;
mod taking_back;
