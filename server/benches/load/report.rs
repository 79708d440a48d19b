//! The table of results, in Markdown, a row as soon as it is known.

use std::env;

use crate::Outcome;

/// A table that has been begun.
pub(crate) struct Report(());

impl Report {
    /// Prints the head.
    pub(crate) fn begin() -> Self {
        println!("| what | measured | goal |\n| --- | --- | --- |");
        Self(())
    }

    /// A value that nothing is asked of.
    pub(crate) fn row(&self, what: &str, measured: &str) {
        println!("| {what} | {measured} | |");
    }

    /// A value that should not be below its goal.
    pub(crate) fn at_least(&self, what: &str, measured: f64, goal: f64, unit: &str) {
        self.judged(what, measured, &format!("≥ {goal}"), unit, measured >= goal);
    }

    /// A value that should not be above its goal.
    pub(crate) fn at_most(&self, what: &str, measured: f64, goal: f64, unit: &str) {
        self.judged(what, measured, &format!("≤ {goal}"), unit, measured <= goal);
    }

    fn judged(&self, what: &str, measured: f64, goal: &str, unit: &str, met: bool) {
        let verdict = if met { "met" } else { "missed" };
        println!(
            "| {what} | {} | {}: {verdict} |",
            with_unit(&format!("{measured:.2}"), unit),
            with_unit(goal, unit)
        );
    }
}

fn with_unit(number: &str, unit: &str) -> String {
    format!("{number} {unit}").trim_end().to_owned()
}

/// The middle value; of an even number of them the upper one.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value that this share of the others is below.
pub(crate) fn quantile(values: impl IntoIterator<Item = f64>, share: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * share) as usize;
    let last = values.len().saturating_sub(1);
    values.get(place.min(last)).copied().unwrap_or(f64::NAN)
}

/// What a browser fetches before a page comes alive, as `cargo xtask` has weighed it.
pub(crate) fn weight(report: &Report) -> Outcome {
    for (name, what) in [
        ("WASM_BYTES", "wasm"),
        ("WASM_GZIP_BYTES", "wasm, gzip"),
        ("WASM_BROTLI_BYTES", "wasm, brotli"),
    ] {
        if let Ok(bytes) = env::var(name) {
            report.row(what, &format!("{:.0} KiB", bytes.parse::<f64>()? / 1024.0));
        }
    }
    Ok(())
}
