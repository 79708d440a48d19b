//! What people may ask of an application that keeps data about them.

mod delete;
mod export;
mod person;
mod privacy;
mod retention;
mod schema;

const ADA: &str = "ada@example.com";
