//! The server's process, from outside: started, asked, weighed, stopped.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{Outcome, database::TestDatabase, server};

/// The password of everybody here.
pub(crate) const PASSWORD: &str = "correct+horse+battery+staple";

/// How long a server may take to read a million stale marks.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a program as far back as the threads stand that hash passwords.
pub(crate) fn standing_back() -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "10"]);
    command
}

/// A running server. It stops when dropped.
pub(crate) struct Server {
    process: Child,
    address: String,
    /// Kept open: what the server writes has to go somewhere.
    _output: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a server over a database.
    pub(crate) fn start(database: &TestDatabase) -> Outcome<Self> {
        Self::run(database, Command::new(env::current_exe()?))
    }

    /// Starts one that counts its queries, which makes each of them a little slower.
    pub(crate) fn start_counting(database: &TestDatabase) -> Outcome<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.env(server::COUNTING, "1");
        Self::run(database, command)
    }

    /// Starts one whose threads all stand as far back as those that hash passwords: these are like any other then.
    pub(crate) fn start_back(database: &TestDatabase) -> Outcome<Self> {
        let mut command = standing_back();
        command.arg(env::current_exe()?);
        Self::run(database, command)
    }

    fn run(database: &TestDatabase, mut command: Command) -> Outcome<Self> {
        command
            .arg("serve")
            .env("DATABASE_URL", database.url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let mut output = BufReader::new(process.stdout.take().ok_or("the server has no output")?);
        let mut address = String::new();
        output.read_line(&mut address)?;
        match address.trim() {
            "" => Err("the server did not start".into()),
            address => Ok(Self {
                process,
                address: address.to_owned(),
                _output: output,
            }),
        }
    }

    // wing:clients
    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
    // end wing:clients

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks once; the body of an answer that must be 200.
    pub(crate) fn get(&self, path: &str, cookies: &str) -> Outcome<String> {
        match cookies {
            "" => self.get_with(path, "Accept: */*"),
            cookies => self.get_with(path, &format!("Cookie: {cookies}")),
        }
    }

    /// The same with a header.
    pub(crate) fn get_with(&self, path: &str, header: &str) -> Outcome<String> {
        let answer = self.send(&format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{header}\r\n\r\n",
            self.address,
        ))?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("an answer without a body")?;
        Ok(body.to_owned())
    }

    // wing:clients
    /// Posts a form; the answer must be 200.
    pub(crate) fn post(&self, path: &str, form: &str) -> Outcome {
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            self.address,
            form.len()
        ))
        .map(drop)
    }
    // end wing:clients

    /// Waits until it trusts snapshots: until it has read all stale marks.
    pub(crate) fn wait_until_current(&self) -> Outcome {
        let started = Instant::now();
        while self.get("/bench/is-current", "")? != "true" {
            if started.elapsed() > PATIENCE {
                return Err("the stale feed does not become current".into());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Makes an account; the cookies of its session.
    pub(crate) fn register(&self, email: &str) -> Outcome<String> {
        let body = format!("email={}&password={PASSWORD}", email.replace('@', "%40"));
        let answer = self.send(&format!(
            "POST /api/register HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        ))?;
        let cookies: Vec<&str> = answer
            .lines()
            .filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next())
            .collect();
        match cookies.len() {
            2 => Ok(cookies.join("; ")),
            _ => Err("registering set no session".into()),
        }
    }

    /// Signs in from an address.
    pub(crate) fn login(&self, email: &str, from: &str) -> Outcome {
        let body = format!("email={}&password={PASSWORD}", email.replace('@', "%40"));
        self.send(&format!(
            "POST /api/login HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nX-Forwarded-For: {from}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        ))
        .map(drop)
    }

    fn send(&self, request: &str) -> Outcome<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer.starts_with("HTTP/1.1 200") {
            Ok(answer)
        } else {
            Err(format!(
                "{:?} was answered with {:?}",
                request.lines().next(),
                answer.lines().next()
            )
            .into())
        }
    }

    /// User and system time of the process so far, in microseconds, from `/proc` (ticks of 10 ms).
    pub(crate) fn cpu_micros(&self) -> Outcome<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks * 10_000.0)
    }

    /// Resident memory now.
    pub(crate) fn resident_mb(&self) -> Outcome<f64> {
        self.status_mb("VmRSS:")
    }

    /// The most resident memory so far.
    pub(crate) fn peak_resident_mb(&self) -> Outcome<f64> {
        self.status_mb("VmHWM:")
    }

    fn status_mb(&self, field: &str) -> Outcome<f64> {
        status_mb(&self.process.id().to_string(), field)
    }
}

/// Resident memory of this process now.
pub(crate) fn own_resident_mb() -> Outcome<f64> {
    status_mb("self", "VmRSS:")
}

fn status_mb(process: &str, field: &str) -> Outcome<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB"))
        .ok_or_else(|| format!("no {field} in the process's status"))?;
    Ok(kib.parse::<f64>()? / 1024.0)
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input is the sign to stop.
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}
