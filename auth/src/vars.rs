//! The environment as a value, and what is wrong with it: all mistakes are reported together.

use std::collections::HashMap;

/// Environment variables. An empty one counts as unset.
#[derive(Clone, Default)]
pub struct Vars(HashMap<String, String>);

/// One wrong variable. Its value is never repeated: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variable's name.
    pub variable: String,
    /// What is wrong, as the end of a sentence that begins with the name.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.variable, self.message)
    }
}

impl std::fmt::Debug for Vars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Vars {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl Vars {
    /// The process's environment. Values that are not Unicode are left out.
    pub fn from_env() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// A variable's value, without white space around it; `None` if unset or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// A variable read by `parse`, or `default` if unset; what `parse` refuses is a problem.
    pub fn parsed<T>(
        &self,
        name: &str,
        default: T,
        problems: &mut Vec<Problem>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        match self.get(name).map(parse) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(message)) => {
                problems.push(Problem {
                    variable: name.to_owned(),
                    message,
                });
                default
            }
        }
    }
}
