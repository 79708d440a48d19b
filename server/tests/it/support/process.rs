//! The real program, as an operator starts it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use super::Folder;

/// The most a test waits for a process that does not do what it should.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; killed when the test ends.
pub struct Server {
    child: Child,
    pub addr: SocketAddr,
    log: Arc<Mutex<String>>,
    lines: Receiver<String>,
}

/// The program with these variables and no others.
pub fn command(folder: &Folder, vars: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_server"));
    command
        .current_dir(&folder.0)
        .env_clear()
        .env("LEPTOS_SITE_ROOT", folder.site())
        .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
        .env("DATABASE_URL", folder.database_url())
        .envs(vars.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Server {
    /// Starts it and waits until it listens.
    pub fn start(folder: &Folder, vars: &[(&str, &str)]) -> Self {
        Self::run(command(folder, vars))
    }

    /// Starts it with a log that cannot be written, as on a full disk, and waits until it listens.
    #[cfg(target_os = "linux")]
    pub fn start_unheard(folder: &Folder, vars: &[(&str, &str)]) -> Self {
        // Free by the time it is needed, since nobody else asks for it.
        let addr = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = command(folder, vars);
        command.env("LEPTOS_SITE_ADDR", addr.to_string()).stderr(full);
        let server = Self {
            child: command.spawn().unwrap(),
            addr,
            log: Arc::default(),
            lines: channel().1,
        };
        let start = std::time::Instant::now();
        while TcpStream::connect(addr).is_err() {
            assert!(start.elapsed() < PATIENCE, "it does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// The same for a command that was changed.
    pub fn run(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn({
            let log = Arc::clone(&log);
            move || {
                for line in stderr.lines().map_while(Result::ok) {
                    let mut log = log.lock().unwrap();
                    log.push_str(&line);
                    log.push('\n');
                    drop(sender.send(line));
                }
            }
        });
        let mut server = Self {
            child,
            addr: ([127, 0, 0, 1], 0).into(),
            log,
            lines,
        };
        let line = server.wait_for("\"message\":\"listening\"");
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        server.addr = line["addr"].as_str().unwrap().parse().unwrap();
        server
    }

    /// The next line of the log that holds a text.
    pub fn wait_for(&self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(_) => panic!("no {text} in the log:\n{}", self.log()),
            }
        }
    }

    /// Everything logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Opens a connection.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes, reads until the server closes.
    pub fn exchange(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        // The server may close before it has read everything: what it said counts.
        drop(stream.write_all(request));
        read_to_end(&mut stream)
    }

    /// A form post on a connection of its own.
    pub fn post(&self, path: &str, cookies: &str, fields: &[(&str, &str)]) -> String {
        let body = serde_urlencoded::to_string(fields).unwrap();
        self.exchange(
            format!(
                "POST {path} HTTP/1.1\r\nhost: app.example\r\nconnection: close\r\nsec-fetch-site: same-origin\r\n\
                 accept: application/json\r\ncontent-type: application/x-www-form-urlencoded\r\ncookie: {cookies}\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            )
            .as_bytes(),
        )
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end: the exit code and the whole log.
    pub fn finish(mut self) -> (Option<i32>, String) {
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        let code = self.child.wait().unwrap().code();
        (code, self.log())
    }
}

/// Reads what comes until the other side closes.
pub fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
