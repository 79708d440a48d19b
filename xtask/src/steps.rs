//! The steps of a command: a heading and a duration for each, and a summary of all.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use crate::Outcome;

/// The steps done so far. The first that fails is the last.
#[derive(Default)]
pub(crate) struct Steps(Vec<Step>);

struct Step {
    name: &'static str,
    result: &'static str,
    duration: Duration,
    tests: Tests,
}

impl Steps {
    /// Runs a step that counts as one test.
    pub(crate) fn run(&mut self, name: &'static str, work: impl FnOnce() -> Outcome) -> Outcome {
        self.record(name, work, Tests::one)
    }

    /// Runs a step that runs tests and leaves a JUnit report of them.
    pub(crate) fn run_tests(
        &mut self,
        name: &'static str,
        report: &Path,
        work: impl FnOnce() -> Outcome,
    ) -> Outcome {
        // An old report would count for tests that did not even compile this time.
        fs::remove_file(report).ok();
        self.record(name, work, |succeeded| {
            let tests = fs::read_to_string(report)
                .ok()
                .and_then(|text| Tests::read(&text));
            match tests {
                // A run that fails although each test passed has still failed.
                Some(tests) if succeeded == (tests.failed == 0) => tests,
                _ => Tests::one(succeeded),
            }
        })
    }

    fn record(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Outcome,
        tests: impl FnOnce(bool) -> Tests,
    ) -> Outcome {
        println!("\n=== {name} ===");
        let start = Instant::now();
        let outcome = work();
        let (succeeded, duration) = (outcome.is_ok(), start.elapsed());
        let result = if succeeded { "done" } else { "FAILED" };
        println!("=== {name}: {result} in {} ===", shown(duration));
        self.0.push(Step {
            name,
            result: if succeeded { "ok" } else { "FAILED" },
            duration,
            tests: tests(succeeded),
        });
        outcome
    }

    /// Leaves out a step, which then does not count as a test, and prints why.
    pub(crate) fn skip(&mut self, name: &'static str, why: &str) {
        println!("\n=== {name}: skipped, since {why} ===");
        self.0.push(Step {
            name,
            result: "skipped",
            duration: Duration::ZERO,
            tests: Tests { passed: 0, failed: 0 },
        });
    }

    /// Prints one line for each step and, last, the totals in the format that machines look for.
    pub(crate) fn summarise(&self) {
        if self.0.is_empty() {
            return;
        }
        println!();
        let (mut passed, mut failed) = (0, 0);
        for Step {
            name,
            result,
            duration,
            tests,
        } in &self.0
        {
            println!(
                "{name:<24}{result:<8}{:>10}{:>6} passed",
                shown(*duration),
                tests.passed
            );
            passed += tests.passed;
            failed += tests.failed;
        }
        let skipped = self.0.iter().filter(|step| step.result == "skipped");
        let skipped: Vec<_> = skipped.map(|step| step.name).collect();
        if !skipped.is_empty() {
            println!("skipped, for the reason given above: {}", skipped.join(", "));
        }
        println!("{passed} passed, {failed} failed");
    }
}

/// A duration in words.
pub(crate) fn shown(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..60 => format!("{seconds}.{} s", duration.subsec_millis() / 100),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[derive(Debug, PartialEq)]
struct Tests {
    passed: u32,
    failed: u32,
}

impl Tests {
    fn one(succeeded: bool) -> Self {
        Self {
            passed: succeeded.into(),
            failed: (!succeeded).into(),
        }
    }

    /// Reads the totals, which are attributes of a JUnit report's root element.
    fn read(report: &str) -> Option<Self> {
        let root = report.split_once("<testsuites")?.1.split_once('>')?.0;
        let count = |name: &str| {
            let value = root.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0;
            value.parse::<u32>().ok()
        };
        let failed = count("failures")? + count("errors").unwrap_or(0);
        let skipped = count("skipped").unwrap_or(0);
        Some(Self {
            passed: count("tests")?.checked_sub(failed + skipped)?,
            failed,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process, time::Duration};

    use super::{Steps, Tests, shown};

    #[test]
    fn durations_read_naturally() {
        assert_eq!(shown(Duration::from_millis(1_290)), "1.2 s");
        assert_eq!(shown(Duration::from_secs(59)), "59.0 s");
        assert_eq!(shown(Duration::from_secs(125)), "2 min 5 s");
    }

    #[test]
    fn totals_of_both_test_runners_are_understood() {
        let nextest = r#"<?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="nextest-run" tests="12" failures="1" errors="2" uuid="0" time="0.3">"#;
        assert_eq!(Tests::read(nextest), Some(Tests { passed: 9, failed: 3 }));
        let playwright =
            r#"<testsuites id="" name="" tests="5" failures="0" skipped="1" errors="0" time="3.1">"#;
        assert_eq!(Tests::read(playwright), Some(Tests { passed: 4, failed: 0 }));
        assert_eq!(Tests::read("<html>"), None);
    }

    #[test]
    fn a_report_counts_only_if_it_agrees_with_the_outcome() {
        let report = env::temp_dir().join(format!("xtask-steps-{}.xml", process::id()));
        let write = || {
            let text = r#"<testsuites tests="7" failures="0">"#;
            fs::write(&report, text).map_err(|error| error.to_string())
        };
        let mut steps = Steps::default();

        write().expect("a report is written");
        assert!(
            steps
                .run_tests("stale", &report, || Err("did not compile".to_owned()))
                .is_err()
        );
        assert!(steps.run_tests("fresh", &report, write).is_ok());
        let counts: Vec<_> = steps
            .0
            .iter()
            .map(|step| (step.tests.passed, step.tests.failed))
            .collect();
        assert_eq!(counts, [(0, 1), (7, 0)]);
        fs::remove_file(&report).expect("the report is removed");
    }
}
