//! HTTP/1.1 as the load speaks it: one connection, one request after the other, every answer read whole.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Longer than any fault lasts, and than a request may take: a stopped instance answers late, and has to be
/// heard then.
const PATIENCE: Duration = Duration::from_secs(40);

/// A connection that is kept.
pub struct Connection(pub BufReader<TcpStream>);

/// What came back.
pub struct Answer {
    pub status: u16,
    /// `Set-Cookie` headers, up to their first attribute.
    pub cookies: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Connection {
    pub fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// `GET /api/session` with these cookies.
    pub fn session(&mut self, cookies: &str) -> io::Result<Answer> {
        self.send(&format!(
            "GET /api/session HTTP/1.1\r\nhost: localhost\r\ncookie: {cookies}\r\n\r\n"
        ))
    }

    /// A call of a server function, from a client's own address behind a trusted proxy.
    pub fn call(&mut self, function: &str, cookies: &str, fields: &[(&str, &str)]) -> io::Result<Answer> {
        let body = serde_urlencoded::to_string(fields).map_err(io::Error::other)?;
        let [a, b, c]: [u8; 3] = rand::random();
        self.send(&format!(
            "POST /api/{function} HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: same-origin\r\n\
             accept: application/json\r\nx-forwarded-for: 10.{a}.{b}.{c}\r\ncookie: {cookies}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    fn send(&mut self, request: &str) -> io::Result<Answer> {
        self.0.get_mut().write_all(request.as_bytes())?;
        let status = self
            .line()?
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| io::Error::other("no status"))?;
        let (mut cookies, mut length, mut chunked) = (Vec::new(), 0, false);
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            let value = value.trim_start();
            match name {
                "content-length" => length = value.parse().map_err(io::Error::other)?,
                "transfer-encoding" => chunked = true,
                "set-cookie" => {
                    let cookie = value.split(';').next().and_then(|pair| pair.split_once('='));
                    cookies.extend(cookie.map(|(name, value)| (name.to_owned(), value.to_owned())));
                }
                _ => {}
            }
        }
        let mut body = Vec::new();
        loop {
            if chunked {
                length = usize::from_str_radix(&self.line()?, 16).map_err(io::Error::other)?;
            }
            let read = body.len();
            body.resize(read + length, 0);
            self.0.read_exact(&mut body[read..])?;
            if !chunked {
                break;
            }
            self.line()?;
            if length == 0 {
                break;
            }
        }
        Ok(Answer {
            status,
            cookies,
            body,
        })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}
