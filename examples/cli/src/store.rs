//! The file for the tokens.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use crate::Failure;

/// What is kept between two commands.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// A file that only its owner can read.
pub(crate) struct Store(PathBuf);

impl Store {
    pub(crate) fn at(file: PathBuf) -> Self {
        Self(file)
    }

    pub(crate) fn read(&self) -> Result<Tokens, Failure> {
        match fs::read(&self.0) {
            Ok(text) => Ok(serde_json::from_slice(&text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err("not signed in".into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces the tokens as a whole: a program that ends halfway leaves either the old ones or the new ones, and the
    /// server accepts both until the new ones have been used.
    pub(crate) fn write(&self, tokens: &Tokens) -> Result<(), Failure> {
        let new = self.0.with_extension("new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new)?;
        file.write_all(&serde_json::to_vec(tokens)?)?;
        file.sync_all()?;
        fs::rename(&new, &self.0)?;
        Ok(())
    }

    pub(crate) fn forget(&self) -> Result<(), Failure> {
        Ok(fs::remove_file(&self.0)?)
    }
}
