//! A hundred thousand mails that wait: how fast they leave, and what that weighs. The server that takes them is a part of
//! this program.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use auth::{Auth, Clock, Role};
use tokio_util::sync::CancellationToken;

use crate::{
    Outcome, Rounds, database::TestDatabase, process::own_resident_mb, report::Report, server::in_process,
};

const MAILS: usize = 100_000;
/// With `--quick`.
const FEWER: usize = 5_000;
const PATIENCE: Duration = Duration::from_secs(1800);

pub(crate) fn measure(rounds: Rounds, report: &Report) -> Outcome {
    let mails = if rounds.time < Duration::from_secs(2) {
        FEWER
    } else {
        MAILS
    };
    let taken = Arc::new(AtomicUsize::new(0));
    let sink = sink(&taken)?;
    let database = TestDatabase::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let more = [("SMTP_URL", &*sink), ("MAIL_FROM", "app@example.com")];
        let (_, auth) = in_process(&database, &more, Clock::system()).await?;
        let started = Instant::now();
        for n in 0..mails {
            auth.mail
                .invite(&format!("person{n}@example.com"), Role::User)
                .await?;
        }
        let written = started.elapsed().as_secs_f64();
        report.row(
            "mails written to the outbox",
            &format!("{:.0}/s", mails as f64 / written),
        );
        drain(&auth, mails, &taken, report).await?;
        auth.db.close().await;
        Ok(())
    })
}

/// Lets one instance send them.
async fn drain(auth: &Auth, mails: usize, taken: &AtomicUsize, report: &Report) -> Outcome {
    let before = own_resident_mb()?;
    let stop = CancellationToken::new();
    let sending = {
        let (mail, stop) = (auth.mail.clone(), stop.clone());
        tokio::spawn(async move { mail.run(stop).await })
    };
    let started = Instant::now();
    let mut most = before;
    while auth.mail.status().await?.is_some_and(|status| status.pending > 0) {
        if started.elapsed() > PATIENCE {
            return Err("the mails do not leave".into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        most = most.max(own_resident_mb()?);
    }
    let seconds = started.elapsed().as_secs_f64();
    stop.cancel();
    sending.await?;
    let sent = taken.load(Ordering::Relaxed);
    if sent != mails {
        return Err(format!("{mails} mails were written, and {sent} arrived").into());
    }
    report.row(
        &format!("{mails} mails that wait, sent by one instance"),
        &format!("{seconds:.0} s, {:.0}/s", mails as f64 / seconds),
    );
    report.at_most("memory growth meanwhile", most - before, 30.0, "MB");
    Ok(())
}

/// A server that takes every mail. Returns its address.
fn sink(taken: &Arc<AtomicUsize>) -> Outcome<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("smtp://{}", listener.local_addr()?);
    let taken = Arc::clone(taken);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let taken = Arc::clone(&taken);
            thread::spawn(move || drop(take(&stream, &taken)));
        }
    });
    Ok(address)
}

/// One connection (RFC 5321).
fn take(stream: &TcpStream, taken: &AtomicUsize) -> Outcome {
    let mut answer = stream;
    let mut is_data = false;
    answer.write_all(b"220 sink\r\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let said: &[u8] = match line.get(..4).unwrap_or(&line) {
            _ if is_data && line == "." => {
                is_data = false;
                taken.fetch_add(1, Ordering::Relaxed);
                b"250 taken\r\n"
            }
            _ if is_data => continue,
            "DATA" => {
                is_data = true;
                b"354 go on\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 ok\r\n",
        };
        answer.write_all(said)?;
    }
    Ok(())
}
