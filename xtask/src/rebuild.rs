//! How long it takes until a changed view can be looked at: a part of `cargo xtask bench`.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{Outcome, cargo::cargo, layout, process::run};

/// The part's name, for `cargo xtask bench rebuild`.
pub(crate) const NAME: &str = "rebuild";
/// The view that is changed, which both sides show, and the text in it.
const VIEW: &str = "app/src/pages/profile.rs";
const TEXT: &str = "<h1>\"Profile\"</h1>";
/// How often it is changed, and changed back.
const ROUNDS: usize = 3;

/// Changes a view and builds what `cargo leptos watch` would build then: all of it, and each side alone.
pub(crate) fn measure() -> Outcome {
    let view = View::find()?;
    println!("\n## Rebuilding after a change to a view\n");
    let sides: [(&str, &[&str]); 3] = [
        ("the site and the server", &[]),
        ("the server alone", &["--server-only"]),
        ("the site alone", &["--frontend-only"]),
    ];
    let mut rows = Vec::new();
    for (what, side) in sides {
        build(side)?;
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            for text in ["<h1>\"Changed\"</h1>", TEXT] {
                view.write(text)?;
                times.push(build(side)?);
            }
        }
        times.sort_unstable();
        rows.push((what, times[ROUNDS], times[0]));
    }
    println!(
        "\n| built anew | median of {} | least |\n| --- | --- | --- |",
        2 * ROUNDS
    );
    for (what, median, least) in rows {
        println!(
            "| {what} | {:.1} s | {:.1} s |",
            median.as_secs_f64(),
            least.as_secs_f64()
        );
    }
    Ok(())
}

fn build(side: &[&str]) -> Outcome<Duration> {
    let start = Instant::now();
    run(cargo(["leptos", "build"])?.args(side))?;
    Ok(start.elapsed())
}

/// The source of the view. Dropping it restores the source.
struct View {
    path: PathBuf,
    source: String,
}

impl View {
    fn find() -> Outcome<Self> {
        let path = layout::workspace()?.join(VIEW);
        let source =
            fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        if source.matches(TEXT).count() != 1 {
            return Err(format!(
                "{VIEW} does not contain `{TEXT}`: name another text in xtask/src/rebuild.rs"
            ));
        }
        Ok(Self { path, source })
    }

    /// Writes the source with another text.
    fn write(&self, text: &str) -> Outcome {
        fs::write(&self.path, self.source.replace(TEXT, text))
            .map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // A source that is written anew is built anew.
        if fs::read_to_string(&self.path).is_ok_and(|source| source == self.source) {
            return;
        }
        if let Err(error) = fs::write(&self.path, &self.source) {
            eprintln!("cannot restore {}: {error}", self.path.display());
        }
    }
}
