//! The environment as a value, and its mistakes: all of them are reported together.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use super::{env_file, problem::Problem};

/// Environment variables. An empty one counts as unset.
#[derive(Clone, Default)]
pub struct Vars {
    values: HashMap<String, String>,
    unreadable: Vec<Problem>,
    /// The names that were asked for.
    asked: Arc<Mutex<BTreeSet<String>>>,
}

/// How many letters are wrong at most in a misspelt name: two that changed places count as one.
const TYPOS: usize = 2;
/// In how many letters there may be one wrong one. Short names resemble too many others.
const TYPO_IN: usize = 6;

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
            asked: Arc::default(),
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
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned());
        self.values
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// Variables that nothing has read, and whose names are nearly those of variables that are not set. To be called once
    /// everything has been read.
    pub fn misspelt(&self) -> Vec<Problem> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let missing: Vec<&String> = asked
            .iter()
            .filter(|name| !self.values.contains_key(*name))
            .collect();
        let mut found: Vec<Problem> = self
            .values
            .keys()
            .filter(|name| !asked.contains(*name))
            .filter_map(|name| {
                let (distance, meant) = missing
                    .iter()
                    .map(|meant| (strsim::damerau_levenshtein(name, meant), meant))
                    .min()?;
                (distance <= TYPOS.min(meant.len() / TYPO_IN)).then(|| Problem {
                    variable: name.clone(),
                    message: format!("is not a setting: did you mean {meant}?"),
                })
            })
            .collect();
        found.sort_by(|one, other| one.variable.cmp(&other.variable));
        found
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
    fn a_misspelt_name_is_noticed_if_the_variable_itself_is_not_set() {
        let vars = Vars::from_iter([
            ("SESSION_SERCET", "secret"),
            ("ACME_CLIENTID", "1"),
            ("STOP_DELAYS", "1"),
            ("STOP_DELAY", "1"),
            ("PATH", "/bin"),
            ("HOME", "/"),
            // Resembles a short name only.
            ("XNAMES", "1"),
        ]);
        assert_eq!(vars.misspelt(), [], "nothing has been read yet");
        for name in [
            "SESSION_SECRET",
            "ACME_CLIENT_ID",
            "STOP_DELAY",
            "PATHS",
            "X_NAME",
        ] {
            vars.get(name);
        }
        let found: Vec<String> = vars.misspelt().iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "ACME_CLIENTID is not a setting: did you mean ACME_CLIENT_ID?",
                "SESSION_SERCET is not a setting: did you mean SESSION_SECRET?",
            ]
        );
    }

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
