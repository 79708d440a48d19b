//! `cargo xtask dev`: serves the site, and rebuilds and reloads it at each change.

use std::{
    env, fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process, thread,
    time::{Duration, Instant},
};

use crate::{
    Outcome,
    cargo::cargo,
    process::{Group, run},
    steps::{Steps, shown},
    tools,
};

/// How long the site may take to start when little is left to compile.
const START: Duration = Duration::from_secs(300);
/// How long the site may take to answer.
const ANSWER: Duration = Duration::from_secs(30);
/// How long the whole command may take to end. Longer than the inner `xtask` waits before it kills.
const END: Duration = Duration::from_secs(20);

/// The command. Arguments are passed on to `cargo leptos watch`.
pub(crate) fn dev(_: &mut Steps, arguments: &[String]) -> Outcome {
    tools::for_leptos()?;
    println!(
        "Building the site and the server: a few minutes the first time, seconds after that. Press Ctrl-C to stop."
    );
    run(cargo(["leptos", "watch"])?.args(arguments))
}

/// Does what a developer does: starts the command, looks at the site, presses Ctrl-C.
pub(crate) fn try_out() -> Outcome {
    let folder = env::temp_dir().join(format!("xtask-dev-{}", process::id()));
    fs::create_dir(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    let outcome = try_out_in(&folder);
    fs::remove_dir_all(&folder).ok();
    outcome
}

fn try_out_in(folder: &Path) -> Outcome {
    let [site, reload] = free_addresses()?;
    let mut dev = Group::start(
        cargo(["xtask", "dev"])?
            .env("LEPTOS_SITE_ADDR", site.to_string())
            .env("LEPTOS_RELOAD_PORT", reload.port().to_string())
            // The developer's own database must not be touched.
            .env(
                "DATABASE_URL",
                format!("sqlite:{}", folder.join("app.db").display()),
            ),
    )?;
    let shows = shows_its_page(&mut dev, site);
    // Also if the site never appeared: a killed command could not end the processes it has started.
    let ends = dev.interrupt(END);
    shows.and(ends)?;
    // The server and cargo-leptos are in process groups of their own. The addresses they listen on show whether they
    // are still running.
    for address in [site, reload] {
        if TcpStream::connect_timeout(&address, ANSWER).is_ok() {
            return Err(format!(
                "`cargo xtask dev` was interrupted, but something is still listening on {address}"
            ));
        }
    }
    Ok(())
}

fn shows_its_page(dev: &mut Group, site: SocketAddr) -> Outcome {
    let start = Instant::now();
    while !get(site, "/healthz").is_some_and(|answer| is_ok(&answer)) {
        if dev.has_ended()? {
            return Err("`cargo xtask dev` has ended; see its output above for the cause".to_owned());
        }
        if start.elapsed() > START {
            return Err(format!(
                "http://{site}/healthz has not responded after {}",
                shown(START)
            ));
        }
        thread::sleep(Duration::from_millis(200));
    }
    println!("http://{site} responds after {}", shown(start.elapsed()));
    match get(site, "/") {
        Some(answer) if is_ok(&answer) && is_page(&answer) => Ok(()),
        answer => Err(format!(
            "http://{site}/ did not return a page:\n{}",
            answer.unwrap_or_default()
        )),
    }
}

/// Two free addresses on loopback.
pub(crate) fn free_addresses() -> Outcome<[SocketAddr; 2]> {
    let listen = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok((listener.local_addr()?, listener))
    };
    let no_port = |error: std::io::Error| format!("no port is free on loopback: {error}");
    // The first is held until the second is known, so that they differ.
    let ((site, _held), (reload, _)) = (listen().map_err(no_port)?, listen().map_err(no_port)?);
    Ok([site, reload])
}

/// The whole response to a plain GET, if there is one.
pub(crate) fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER).ok()?;
    stream.set_read_timeout(Some(ANSWER)).ok()?;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

pub(crate) fn is_ok(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200 ")
}

fn is_page(answer: &str) -> bool {
    let answer = answer.to_ascii_lowercase();
    answer.contains("\r\ncontent-type: text/html") && answer.contains("</html>")
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use super::{free_addresses, get, is_ok, is_page};

    #[test]
    fn a_page_is_told_from_other_answers() {
        let [address, other] = free_addresses().expect("there are free ports");
        assert_ne!(address, other);
        assert_eq!(get(address, "/"), None, "nobody listens");

        let listener = TcpListener::bind(address).expect("the port is free");
        let answered = |answer: &'static str| {
            thread::scope(|scope| {
                scope.spawn(|| {
                    let (mut stream, _) = listener.accept().expect("a connection comes");
                    let read = stream.read(&mut [0; 1024]).expect("a request is read");
                    assert_ne!(read, 0);
                    stream.write_all(answer.as_bytes()).expect("an answer is written");
                });
                get(address, "/").expect("an answer comes")
            })
        };
        let page = answered("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html></html>");
        assert!(is_ok(&page) && is_page(&page));
        let failed = answered("HTTP/1.1 500 Oh\r\ncontent-type: text/html\r\n\r\n<html></html>");
        assert!(!is_ok(&failed));
        let plain = answered("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nok");
        assert!(is_ok(&plain) && !is_page(&plain));
    }
}
