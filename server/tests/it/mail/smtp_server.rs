//! A mail server on loopback that does what a test tells it to.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What the server does with the next mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It answers a step of the protocol with this: `GREETING`, `AUTH`, `MAIL`, `RCPT`, `DATA` or `END`.
    Answers(&'static str, &'static str),
    /// It closes the connection in the midst of the mail.
    Cuts,
    /// It takes the mail and closes the connection without saying so.
    TakesInSilence,
    /// It takes the mail and says nothing any more.
    Hangs,
}

#[derive(Default)]
struct State {
    next: VecDeque<Next>,
    taken: Vec<String>,
    connections: usize,
}

pub struct SmtpServer {
    pub addr: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: JoinHandle<()>,
}

impl SmtpServer {
    pub async fn start() -> Self {
        Self::at(([127, 0, 0, 1], 0).into()).await
    }

    pub async fn at(addr: SocketAddr) -> Self {
        let listener = TcpListener::bind(addr).await.unwrap();
        let state = Arc::<Mutex<State>>::default();
        Self {
            addr: listener.local_addr().unwrap(),
            accepting: tokio::spawn({
                let state = Arc::clone(&state);
                async move {
                    loop {
                        let (stream, _) = listener.accept().await.unwrap();
                        state.lock().unwrap().connections += 1;
                        tokio::spawn(serve(stream, Arc::clone(&state)));
                    }
                }
            }),
            state,
        }
    }

    pub fn url(&self) -> String {
        format!("smtp://{}", self.addr)
    }

    /// What it does with the next mails, in this order. It takes those after them.
    pub fn will(&self, next: impl IntoIterator<Item = Next>) {
        self.state.lock().unwrap().next.extend(next);
    }

    /// The mails it has taken, as they came.
    pub fn taken(&self) -> Vec<String> {
        self.state.lock().unwrap().taken.clone()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The value of a mail's header.
pub fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    let line = mail
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("{name} is missing: {mail}"))
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    // The connection ends with its first error, such as a client that goes away.
    _ = talk(&mut stream, &state).await;
}

async fn talk(stream: &mut BufReader<TcpStream>, state: &Mutex<State>) -> std::io::Result<()> {
    let scripted = |step: &str| match state.lock().unwrap().next.front() {
        Some(Next::Answers(at, answer)) if *at == step => Some(*answer),
        _ => None,
    };
    let next = || state.lock().unwrap().next.pop_front();
    let mut mail = String::new();
    let (mut step, mut answer) = ("GREETING", "220 mail.example");
    loop {
        if let Some(other) = scripted(step) {
            next();
            answer = other;
        }
        stream
            .get_mut()
            .write_all(format!("{answer}\r\n").as_bytes())
            .await?;
        let mut line = String::new();
        if answer.starts_with("354") {
            while stream.read_line(&mut line).await? > 0 {
                if line == ".\r\n" {
                    break;
                }
                mail += &std::mem::take(&mut line);
                if matches!(state.lock().unwrap().next.front(), Some(Next::Cuts)) {
                    next();
                    return Ok(());
                }
            }
            (step, answer) = ("END", "250 taken");
            let front = state.lock().unwrap().next.front().copied();
            if matches!(front, Some(Next::Answers("END", _))) {
                continue;
            }
            state.lock().unwrap().taken.push(std::mem::take(&mut mail));
            match front {
                Some(Next::TakesInSilence) => {
                    next();
                    return Ok(());
                }
                Some(Next::Hangs) => {
                    next();
                    std::future::pending::<()>().await;
                }
                _ => {}
            }
            continue;
        }
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let command = line
            .split([' ', '\r', ':'])
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        (step, answer) = match command.as_str() {
            "EHLO" => ("EHLO", "250-mail.example\r\n250 AUTH PLAIN"),
            "AUTH" => ("AUTH", "235 welcome"),
            "MAIL" => ("MAIL", "250 ok"),
            "RCPT" => ("RCPT", "250 ok"),
            "DATA" => {
                mail.clear();
                ("DATA", "354 go on")
            }
            "QUIT" => return stream.get_mut().write_all(b"221 bye\r\n").await,
            _ => ("OTHER", "250 ok"),
        };
    }
}
