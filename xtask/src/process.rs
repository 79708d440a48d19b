//! Child processes that never outlive this one.
//!
//! Each child leads its own process group, so one signal reaches it and everything it has started: rustc below cargo,
//! browsers below Playwright. cargo-leptos puts the server into another group, and ends it when it is interrupted
//! itself.

use std::{
    env,
    ffi::OsStr,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::Outcome;

/// How long a child may take to clean up after an interruption.
const GRACE: Duration = Duration::from_secs(10);

struct State {
    running: Option<Pid>,
    interrupted: bool,
}

static STATE: Mutex<State> = Mutex::new(State {
    running: None,
    interrupted: false,
});

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on, an interruption of this program also interrupts the running child.
pub(crate) fn forward_signals() -> Outcome {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])
        .map_err(|error| format!("cannot listen for signals: {error}"))?;
    thread::spawn(move || signals.forever().for_each(|_| interrupt()));
    Ok(())
}

/// Whether this program was interrupted.
pub(crate) fn interrupted() -> bool {
    state().interrupted
}

fn interrupt() {
    let interrupted = {
        let mut state = state();
        state.interrupted = true;
        state.running
    };
    // Always an interruption, whatever signal was received: all tools clean up at Ctrl-C, but not all at other
    // signals. Playwright, for example, would leave its servers behind.
    signal_group(interrupted, Signal::INT);
    thread::sleep(GRACE);
    // If it has ended, its number may be another's by now.
    if state().running == interrupted {
        signal_group(interrupted, Signal::KILL);
    }
}

fn signal_group(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // The only possible failure is the desired state: there is no process left in the group.
        kill_process_group(group, signal).ok();
    }
}

/// A command without the variables that cargo has set for this program only.
///
/// Some build scripts read these variables (ring's does). If they were passed on, everything that depends on those
/// crates would be compiled again whenever `cargo build` and `cargo xtask` alternate.
///
/// Nor with `LEPTOS_WATCH`, which `.cargo/config.toml` sets: cargo-leptos warns of variables that it does not know.
pub(crate) fn command(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "LEPTOS_WATCH" {
            command.env_remove(&*name);
        }
    }
    command
}

/// Runs a command to its end and shows its output.
pub(crate) fn run(command: &mut Command) -> Outcome {
    println!("$ {}", shown(command));
    let status = Group::start(command)?.wait()?;
    if interrupted() {
        Err(format!("`{}` was interrupted", shown(command)))
    } else if status.success() {
        Ok(())
    } else {
        Err(format!(
            "`{}` failed ({status}); see its output above for the cause",
            shown(command)
        ))
    }
}

/// The standard output of a short command, if the command exists and succeeds.
pub(crate) fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// A running child and everything it has started. Dropping it ends whatever is left of them.
pub(crate) struct Group(Child);

impl Group {
    /// Starts a child.
    pub(crate) fn start(command: &mut Command) -> Outcome<Self> {
        // The kernel stops a background group that reads from the terminal, hence no input.
        command.process_group(0).stdin(Stdio::null());
        // The lock is held during the start. So an interruption comes either before it, and nothing is started, or
        // after it, and the group is known.
        let mut state = state();
        if state.interrupted {
            return Err(format!("`{}` was not started: interrupted", shown(command)));
        }
        let child = command.spawn().map_err(|error| {
            format!(
                "cannot start `{}`: {error}; is it installed and on PATH?",
                shown(command)
            )
        })?;
        let group = Self(child);
        state.running = group.id();
        Ok(group)
    }

    /// The leader's process id is also its group's.
    fn id(&self) -> Option<Pid> {
        i32::try_from(self.0.id()).ok().and_then(Pid::from_raw)
    }

    /// Whether the child itself has ended.
    pub(crate) fn has_ended(&mut self) -> Outcome<bool> {
        match self.0.try_wait() {
            Ok(status) => Ok(status.is_some()),
            Err(error) => Err(format!("cannot wait for a child process: {error}")),
        }
    }

    /// Interrupts the whole group, as Ctrl-C does, and waits until nothing is left of it.
    pub(crate) fn interrupt(mut self, patience: Duration) -> Outcome {
        signal_group(self.id(), Signal::INT);
        let start = Instant::now();
        while !self.has_ended()? || !self.is_empty() {
            if start.elapsed() > patience {
                return Err(format!(
                    "something was still running {patience:?} after it was interrupted"
                ));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.id()
            .is_none_or(|group| test_kill_process_group(group).is_err())
    }

    fn wait(mut self) -> Outcome<std::process::ExitStatus> {
        self.0
            .wait()
            .map_err(|error| format!("cannot wait for a child process: {error}"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        signal_group(self.id(), Signal::KILL);
        self.0.wait().ok();
        state().running = None;
    }
}

/// Keeps tests apart that start processes: one of them interrupts this process, which is of all tests if `cargo test`
/// runs them.
#[cfg(test)]
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        io::{Read, pipe},
        process::Command,
        thread,
        time::{Duration, Instant},
    };

    use super::{Group, alone, command, interrupt, interrupted, run, state};
    use crate::Outcome;

    /// Longer than any of the tests may take.
    const SLEEP: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Command {
        let mut shell = command("sh", &env::temp_dir());
        shell.args(["-c", script]);
        shell
    }

    /// Runs `work` with a shell that has started a long sleep, and makes sure that the sleep has ended afterwards:
    /// only then does the pipe that it writes to have no writer any more.
    fn with_sleeper(script: &str, work: impl FnOnce(&mut Command) -> Outcome) -> Outcome {
        let (mut reader, writer) = pipe().expect("a pipe is made");
        let start = Instant::now();
        let mut sleeper = shell(&format!("sleep {} & {script}", SLEEP.as_secs()));
        let outcome = work(sleeper.stdout(writer));
        drop(sleeper);
        reader.read_to_end(&mut Vec::new()).expect("the pipe is read");
        assert!(
            start.elapsed() < SLEEP / 2,
            "the sleep was left behind by `{script}`"
        );
        outcome
    }

    /// One test for all of this, in this order, since an interruption of this process is recorded.
    #[test]
    fn no_process_outlives_its_group() {
        let _alone = alone();
        run(&mut shell("exit 0")).expect("success is success");
        assert!(
            run(&mut shell("exit 3"))
                .expect_err("failure is failure")
                .contains("exit status: 3")
        );

        with_sleeper("exit 0", run).expect("the shell itself succeeds");
        with_sleeper("wait", |shell| Group::start(shell).map(drop))
            .expect("a group nobody waits for is ended");

        let mut group = Group::start(&mut shell("exec sleep 60")).expect("a sleep is started");
        assert_eq!(group.has_ended(), Ok(false));
        group.interrupt(SLEEP / 2).expect("it ends");
        // A process that a shell has put into the background ignores the interruption.
        let left = with_sleeper("exit 0", |shell| {
            let mut group = Group::start(shell)?;
            while !group.has_ended()? {
                thread::sleep(Duration::from_millis(5));
            }
            group.interrupt(Duration::from_millis(200))
        });
        assert!(left.expect_err("it is found").contains("still running"));

        thread::spawn(|| {
            while state().running.is_none() {
                thread::sleep(Duration::from_millis(5));
            }
            interrupt();
        });
        assert!(
            with_sleeper("wait", run)
                .expect_err("interrupted")
                .contains("was interrupted")
        );
        assert!(interrupted());
        assert!(
            run(&mut shell("exit 0"))
                .expect_err("nothing starts any more")
                .contains("not started")
        );
        // For the tests that come after it in this process.
        state().interrupted = false;
    }
}
