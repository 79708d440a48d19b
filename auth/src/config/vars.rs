//! The environment as a value, and its mistakes: all of them are reported together.

use std::{collections::HashMap, path::Path};

use super::{env_file, problem::Problem};

/// Environment variables. An empty one counts as unset.
#[derive(Clone, Default)]
pub struct Vars {
    values: HashMap<String, String>,
    unreadable: Vec<Problem>,
}

impl std::fmt::Debug for Vars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Vars {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self {
            values: pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            unreadable: Vec::new(),
        }
    }
}

impl Vars {
    /// The process's environment. Values that are not Unicode are left out.
    pub fn from_env() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The process's environment, with additional variables from `.env` in the working folder. Variables that are
    /// already set keep their values.
    pub fn load() -> Self {
        Self::from_env().with_file(Path::new(".env"))
    }

    fn with_file(mut self, file: &Path) -> Self {
        for (name, value) in env_file::read(file, &mut self.unreadable) {
            self.values.entry(name).or_insert(value);
        }
        self
    }

    /// Problems in reading `.env`, to be reported with all others.
    pub fn unreadable(&self) -> &[Problem] {
        &self.unreadable
    }

    /// A variable's value, without surrounding white space; `None` if unset or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// A variable parsed by `parse`, or `default` if unset. A value that `parse` refuses is a problem.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_before_the_file_and_the_first_line_before_the_second() {
        let file = std::env::temp_dir().join(format!("test-{}.env", uuid::Uuid::now_v7()));
        std::fs::write(&file, "A=file\nB=file\nB=again\nC\n").unwrap();
        let vars = Vars::from_iter([("A", "environment")]).with_file(&file);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(
            (vars.get("A"), vars.get("B")),
            (Some("environment"), Some("file"))
        );
        assert_eq!(vars.unreadable().len(), 1);
        let without = vars.with_file(&file);
        assert_eq!(without.unreadable().len(), 1, "a file that is not there is fine");
    }
}
