//! How long it takes until a changed view can be looked at: a part of `cargo xtask bench`.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{Outcome, cargo::cargo, dev, layout, notices::Notices, process::run};

/// The part's name, for `cargo xtask bench rebuild`.
pub(crate) const NAME: &str = "rebuild";
/// The view that is changed, which both sides show, and its heading.
const VIEW: &str = "app/src/pages/settings/mod.rs";
const HEADING: &str = "Settings";
/// The heading after it was changed, and changed back.
const HEADINGS: [&str; 2] = ["Changed", HEADING];
/// How often it is changed, and changed back.
const ROUNDS: usize = 3;
/// How long it may take until pages are told of a change, if cargo-leptos watches.
const SOON: Duration = Duration::from_secs(10);
/// How long it may take until all is built.
const PATIENCE: Duration = Duration::from_secs(300);
/// The notice that all is built.
const ALL: &str = "\"all\":true";

/// Changes a view: how long it takes under `cargo xtask dev`, and how long each side alone.
pub(crate) fn measure() -> Outcome {
    let view = View::find()?;
    println!("\n## Rebuilding after a change to a view\n");
    // Where nothing is built yet, it would take longer than `while_it_runs` waits.
    run(&mut cargo(["leptos", "build"])?)?;
    let (mut told, mut loaded) = (Vec::new(), Vec::new());
    dev::while_it_runs(|reload| {
        view.change_until_heard(reload)?;
        for heading in HEADINGS.repeat(ROUNDS) {
            let [until_told, until_loaded] = view.change(heading, reload)?;
            told.push(until_told);
            loaded.push(until_loaded);
        }
        Ok(())
    })?;
    let mut rows = vec![
        ("an open page is told what to show", told),
        ("both sides are built, and the page is told to reload", loaded),
    ];
    for (what, side) in [
        ("the server alone is built", "--server-only"),
        ("the site alone is built", "--frontend-only"),
    ] {
        let mut times = Vec::new();
        for heading in HEADINGS.repeat(ROUNDS) {
            view.write(heading)?;
            times.push(build(side)?);
        }
        rows.push((what, times));
    }
    println!(
        "\n| after a change | median of {} | least |\n| --- | --- | --- |",
        2 * ROUNDS
    );
    for (what, mut times) in rows {
        times.sort_unstable();
        println!(
            "| {what} | {:.1} s | {:.1} s |",
            times[ROUNDS].as_secs_f64(),
            times[0].as_secs_f64()
        );
    }
    Ok(())
}

fn build(side: &str) -> Outcome<Duration> {
    let start = Instant::now();
    run(&mut cargo(["leptos", "build", side])?)?;
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
        let heading = markup(HEADING);
        if source.matches(&heading).count() != 1 {
            return Err(format!(
                "{VIEW} does not contain `{heading}`: name another heading in xtask/src/rebuild.rs"
            ));
        }
        Ok(Self { path, source })
    }

    /// Writes the source with another heading.
    fn write(&self, heading: &str) -> Outcome {
        fs::write(
            &self.path,
            self.source.replace(&markup(HEADING), &markup(heading)),
        )
        .map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }

    /// Writes the source with another heading, and waits: until pages are told of it, and until all is built.
    fn change(&self, heading: &str, reload: SocketAddr) -> Outcome<[Duration; 2]> {
        let mut notices = Notices::listen(reload)?;
        let start = Instant::now();
        self.write(heading)?;
        notices.wait_for(heading, SOON)?;
        let told = start.elapsed();
        notices.wait_for(ALL, PATIENCE)?;
        Ok([told, start.elapsed()])
    }

    /// Changes the heading, and changes it back, until both are noticed: cargo-leptos begins to watch at some time after the
    /// server is there.
    fn change_until_heard(&self, reload: SocketAddr) -> Outcome {
        let mut heard = Ok(());
        for heading in HEADINGS.repeat(ROUNDS) {
            heard = self.change(heading, reload).map(drop);
            if heard.is_ok() && heading == HEADING {
                break;
            }
        }
        heard
    }
}

fn markup(heading: &str) -> String {
    format!("<h1>\"{heading}\"</h1>")
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
