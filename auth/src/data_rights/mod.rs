//! What people may ask of an application that keeps data about them: to be told what it keeps and
//! for how long, to get all of it, and to have it deleted.
//!
//! [`kept`] is one table in code of every column that is about a person. The page `/privacy` is written from it, and a test
//! compares it with the schema: a new column without a line in it fails.
//! [`export`] reads from it what is to be exported. [`delete`] removes a user with everything that refers to the user.

mod delete;
mod export;
pub mod kept;

pub use self::export::Export;
