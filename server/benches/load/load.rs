//! Load from wrk: one thread, a few connections, and what came of it.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{
    Outcome, Rounds,
    process::{Server, standing_back},
    report::median,
};

/// Connections under load: enough to keep the server's threads busy, few enough for two cores.
pub(crate) const CONNECTIONS: usize = 8;

/// What a load showed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) per_second: f64,
    pub(crate) p99_micros: f64,
    /// Of the server's process, a request.
    pub(crate) cpu_micros: f64,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0} req/s, {:.1} µs CPU a request",
            self.per_second, self.cpu_micros
        )
    }
}

/// What is asked for, again and again.
pub(crate) struct Target<'a> {
    pub(crate) server: &'a Server,
    pub(crate) path: &'a str,
    pub(crate) cookies: &'a str,
    /// One more header.
    pub(crate) header: Option<&'a str>, // wing:clients
    /// A Lua script, for requests that differ.
    pub(crate) script: Option<String>,
    pub(crate) connections: usize,
    /// Whether the load is made from as far back as the server's threads that hash passwords.
    pub(crate) stands_back: bool,
}

impl<'a> Target<'a> {
    /// One path with the same cookies each time.
    pub(crate) fn new(server: &'a Server, path: &'a str, cookies: &'a str) -> Self {
        Self {
            server,
            path,
            cookies,
            header: None, // wing:clients
            script: None,
            connections: CONNECTIONS,
            stands_back: false,
        }
    }

    // wing:clients
    /// The same with one more header.
    pub(crate) fn with_header(self, header: &'a str) -> Self {
        Self {
            header: Some(header),
            ..self
        }
    }
    // end wing:clients

    /// The same by a script.
    pub(crate) fn scripted(self, script: String) -> Self {
        Self {
            script: Some(script),
            ..self
        }
    }

    /// Loads the target for a while.
    pub(crate) fn load(&self, time: Duration) -> Outcome<Load> {
        let cpu = self.server.cpu_micros()?;
        let (requests, per_second, p99_micros) = self.start(time)?.finish()?;
        Ok(Load {
            per_second,
            p99_micros,
            cpu_micros: (self.server.cpu_micros()? - cpu) / requests,
        })
    }

    /// Begins to load it.
    pub(crate) fn start(&self, time: Duration) -> Outcome<Running> {
        let wrk = env::var_os("WRK").unwrap_or_else(|| "wrk".into());
        let mut command = if self.stands_back {
            let mut command = standing_back();
            command.arg(wrk);
            command
        } else {
            Command::new(wrk)
        };
        command
            .args(["--threads", "1", "--latency", "--timeout", "10s", "--connections"])
            .arg(self.connections.to_string())
            .arg("--duration")
            .arg(format!("{}s", time.as_secs().max(1)));
        if !self.cookies.is_empty() {
            command.args(["--header", &format!("Cookie: {}", self.cookies)]);
        }
        // wing:clients
        if let Some(header) = self.header {
            command.args(["--header", header]);
        }
        // end wing:clients
        let script = self.script.as_deref().map(TemporaryFile::write).transpose()?;
        if let Some(script) = &script {
            command.arg("--script").arg(script.path());
        }
        let process = command
            .arg(self.server.url(self.path))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                format!("cannot start wrk ({error}): install it, or run `cargo xtask bench`, which does")
            })?;
        Ok(Running { process, script })
    }
}

/// A file for wrk, which is removed when dropped.
pub(crate) struct TemporaryFile(PathBuf);

impl TemporaryFile {
    pub(crate) fn write(text: &str) -> Outcome<Self> {
        let path = env::temp_dir().join(format!("test-{}", uuid::Uuid::now_v7()));
        fs::write(&path, text)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

/// A load that has been begun.
pub(crate) struct Running {
    process: Child,
    #[expect(dead_code, reason = "the file must be there as long as the process")]
    script: Option<TemporaryFile>,
}

impl Running {
    /// Waits for its end: requests, requests a second, and their 99th percentile in microseconds.
    pub(crate) fn finish(self) -> Outcome<(f64, f64, f64)> {
        let output = self.process.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Err(format!("wrk ended with {}: {text}", output.status).into());
        }
        read(&text).map_err(|what| format!("{what}; wrk said:\n{text}").into())
    }
}

/// Reads what wrk prints. An answer that is no success, or none at all, is the end of the bench.
fn read(text: &str) -> Result<(f64, f64, f64), String> {
    for trouble in ["Non-2xx or 3xx responses", "Socket errors"] {
        if text.contains(trouble) {
            return Err(format!("not every request was answered with success ({trouble})"));
        }
    }
    let line = |what: &str| {
        text.lines()
            .find(|line| line.trim_start().starts_with(what) || line.contains(&format!(" {what} ")))
            .ok_or_else(|| format!("no line with {what:?}"))
    };
    let number = |text: Option<&str>| {
        text.and_then(|text| text.parse::<f64>().ok())
            .ok_or("a number cannot be read".to_owned())
    };
    let requests = number(line("requests in")?.split_whitespace().next())?;
    let per_second = number(line("Requests/sec:")?.split_whitespace().last())?;
    let p99 = line("99%")?.split_whitespace().last().unwrap_or("");
    let micros = match p99 {
        _ if p99.ends_with("us") => number(p99.strip_suffix("us"))?,
        _ if p99.ends_with("ms") => number(p99.strip_suffix("ms"))? * 1e3,
        _ => number(p99.strip_suffix('s'))? * 1e6,
    };
    Ok((requests, per_second, micros))
}

/// Loads targets in turns: for each of them, its rounds.
pub(crate) fn in_turns<const N: usize>(targets: [Target<'_>; N], rounds: Rounds) -> Outcome<[Vec<Load>; N]> {
    for target in &targets {
        target.load(Duration::from_secs(1))?;
    }
    let mut loads = [const { Vec::new() }; N];
    for _ in 0..rounds.number {
        for (target, loads) in targets.iter().zip(&mut loads) {
            loads.push(target.load(rounds.time)?);
        }
    }
    Ok(loads)
}

/// The middle round.
pub(crate) fn middle(loads: &[Load]) -> Load {
    let of = |field: fn(&Load) -> f64| median(loads.iter().map(field));
    Load {
        per_second: of(|load| load.per_second),
        p99_micros: of(|load| load.p99_micros),
        cpu_micros: of(|load| load.cpu_micros),
    }
}

/// The median of the ratios of requests a second, round by round.
pub(crate) fn ratio(of: &[Load], to: &[Load]) -> f64 {
    median(of.iter().zip(to).map(|(of, to)| of.per_second / to.per_second))
}

/// The median of what one costs more than the other, in microseconds of CPU a request.
pub(crate) fn added(by: &[Load], to: &[Load]) -> f64 {
    median(by.iter().zip(to).map(|(by, to)| by.cpu_micros - to.cpu_micros))
}

/// Lua for wrk: counts on, and makes an `address` of the `count`.
pub(crate) const NEXT_ADDRESS: &str = r#"
    count = count + 1
    local address = string.format(
        "10.%d.%d.%d", math.floor(count / 65536) % 256, math.floor(count / 256) % 256, count % 256)
"#;
