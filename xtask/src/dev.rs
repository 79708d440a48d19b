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
    layout, obstacles,
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

/// Open pages show a change to the markup of a view at once, before it is compiled.
const HOT_RELOAD: &str = "--hot-reload";

/// The command. Arguments are passed on to `cargo leptos watch`.
pub(crate) fn dev(_: &mut Steps, arguments: &[String]) -> Outcome {
    let [site, reload] = addresses(&configured()?)?;
    obstacles::is_free(site, "LEPTOS_SITE_ADDR")?;
    obstacles::is_free(reload, "LEPTOS_RELOAD_PORT")?;
    obstacles::room()?;
    tools::for_leptos()?;
    obstacles::dependencies()?;
    println!(
        "Building the site and the server: 10 to 20 minutes the first time, seconds after that. Then they are at \
         http://{site}. Press Ctrl-C to stop."
    );
    let mut watch = cargo(["leptos", "watch"])?;
    if !arguments
        .iter()
        .any(|argument| [HOT_RELOAD, "--release", "-r"].contains(&&**argument))
    {
        watch.arg(HOT_RELOAD);
    }
    obstacles::explained(run(watch.args(arguments)))
}

/// Where the server and cargo-leptos's notices of a reload listen: as the environment says, or `.env`, or else
/// `Cargo.toml`.
fn addresses(configured: &[String; 2]) -> Outcome<[SocketAddr; 2]> {
    let [site, reload] = configured;
    let site: SocketAddr = site.parse().map_err(|_| {
        format!("LEPTOS_SITE_ADDR is `{site}`: it must be an address and a port, such as 127.0.0.1:3000")
    })?;
    let reload = reload
        .parse()
        .map_err(|_| format!("LEPTOS_RELOAD_PORT is `{reload}`: it must be a port, such as 3001"))?;
    Ok([site, SocketAddr::new(site.ip(), reload)])
}

fn configured() -> Outcome<[String; 2]> {
    let folder = layout::workspace()?;
    // A fresh clone has none.
    let dotenv = fs::read_to_string(folder.join(".env")).unwrap_or_default();
    let manifest = layout::manifest(&folder)?;
    let read = |variable: &str, key: &str, default: &str| {
        env::var(variable)
            .ok()
            .or_else(|| setting(&dotenv, variable))
            .or_else(|| setting(&manifest, key))
            .unwrap_or_else(|| default.to_owned())
    };
    Ok([
        read("LEPTOS_SITE_ADDR", "site-addr", "127.0.0.1:3000"),
        read("LEPTOS_RELOAD_PORT", "reload-port", "3001"),
    ])
}

/// The value in a line `name = value`, with or without quotes, as `.env` and simple lines of TOML have it.
fn setting(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == name).then(|| {
            value
                .trim()
                .trim_matches(|quote| quote == '"' || quote == '\'')
                .to_owned()
        })
    })
}

/// Does what a developer does: starts the command, looks at the site, presses Ctrl-C.
pub(crate) fn try_out() -> Outcome {
    names_an_occupied_address()?;
    while_it_runs(|_| Ok(()))
}

/// Starts the command, and does something once the site is there. It is told where cargo-leptos's notices are.
pub(crate) fn while_it_runs(work: impl FnOnce(SocketAddr) -> Outcome) -> Outcome {
    let folder = env::temp_dir().join(format!("xtask-dev-{}", process::id()));
    fs::create_dir(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    let outcome = while_it_runs_in(&folder, work);
    fs::remove_dir_all(&folder).ok();
    outcome
}

fn while_it_runs_in(folder: &Path, work: impl FnOnce(SocketAddr) -> Outcome) -> Outcome {
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
    let done = shows_its_page(&mut dev, site).and_then(|()| work(reload));
    // Also if the site never appeared: a killed command could not end the processes it has started.
    let ends = dev.interrupt(END);
    done.and(ends)?;
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

/// Fails at once where it could only fail after minutes of building.
fn names_an_occupied_address() -> Outcome {
    let occupied = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| Ok((listener.local_addr()?, listener)))
        .map_err(|error| format!("no port is free on loopback: {error}"))?;
    let address = occupied.0.to_string();
    let output = cargo(["xtask", "dev"])?
        .env("LEPTOS_SITE_ADDR", &address)
        .output()
        .map_err(|error| format!("cannot start `cargo xtask dev`: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() || !said.contains(&format!("already listening on {address}")) {
        return Err(format!(
            "`cargo xtask dev` does not report that {address} is in use:\n{said}"
        ));
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

    use super::{addresses, free_addresses, get, is_ok, is_page, setting};

    #[test]
    fn addresses_are_read_from_lines_and_checked() {
        let dotenv = "#LEPTOS_SITE_ADDR=127.0.0.1:1\nLEPTOS_SITE_ADDR=\"127.0.0.1:4000\"\nOTHER=1";
        assert_eq!(
            setting(dotenv, "LEPTOS_SITE_ADDR").as_deref(),
            Some("127.0.0.1:4000")
        );
        assert_eq!(setting(dotenv, "LEPTOS_RELOAD_PORT"), None);
        assert_eq!(
            setting("reload-port = 3001", "reload-port").as_deref(),
            Some("3001")
        );

        let texts = |site: &str, reload: &str| [site.to_owned(), reload.to_owned()];
        let [site, reload] = addresses(&texts("0.0.0.0:4000", "4001")).expect("both are right");
        assert_eq!((site.port(), reload.port()), (4000, 4001));
        for (site, reload, variable) in [
            ("localhost:3000", "3001", "LEPTOS_SITE_ADDR"),
            ("127.0.0.1:3000", "70000", "LEPTOS_RELOAD_PORT"),
        ] {
            let error = addresses(&texts(site, reload)).expect_err("one is wrong");
            assert!(error.starts_with(variable), "{error}");
        }
    }

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
