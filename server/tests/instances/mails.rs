//! The outbox that instances share, and one of them that is killed in the midst of its mails.

use std::{
    ops::Range,
    thread,
    time::{Duration, Instant},
};

use sqlx::Executor;
use tokio::runtime::Runtime;

use crate::{
    driver::{
        fleet::{Fleet, INSTANCES},
        session::PASSWORD,
    },
    smtp_server::{Next, SmtpServer, header},
    sql::on,
};

/// How many mails an instance sends at once.
const AT_ONCE: usize = 4;
/// Longer than an instance takes to look for what others have left.
const PATIENCE: Duration = Duration::from_secs(30);

fn email(kind: &str, number: usize) -> String {
    format!("{kind}{number}@example.com")
}

/// Registers so many people, each at the next of these instances and all at once.
fn register(fleet: &Fleet, kind: &str, numbers: Range<usize>, instances: &[usize]) {
    thread::scope(|scope| {
        for number in numbers {
            scope.spawn(move || {
                let mut connection = fleet.connect(instances[number % instances.len()]).unwrap();
                let email = email(kind, number);
                let fields = [("email", email.as_str()), ("password", PASSWORD)];
                let answer = connection.call("register", "", &fields).unwrap();
                assert_eq!(answer.status, 200, "{email}");
            });
        }
    });
}

/// The ids of the mails to an address.
fn ids(server: &SmtpServer, to: &str) -> Vec<String> {
    let taken = server.taken();
    let mails = taken.iter().filter(|mail| header(mail, "To") == to);
    mails.map(|mail| header(mail, "Message-ID").to_owned()).collect()
}

fn wait_for(server: &SmtpServer, mails: usize) {
    let start = Instant::now();
    while server.taken().len() < mails {
        assert!(
            start.elapsed() < PATIENCE,
            "{} of {mails} mails came",
            server.taken().len()
        );
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until every mail that was accepted is no longer in the outbox: an instance that is killed in between cannot know
/// of it, and the mail comes once more.
fn wait_until_noted(fleet: &Fleet) {
    let start = Instant::now();
    loop {
        let left: i64 = on(fleet, async |connection| {
            let left = sqlx::query_scalar("SELECT COUNT(*) FROM mail_outbox");
            left.fetch_one(connection).await.unwrap()
        });
        if left == 0 {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{left} mails are still in the outbox");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn each_mail_comes_once_and_those_of_a_killed_instance_under_the_same_id() {
    const FIRST: usize = 24;
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(SmtpServer::start());
    let fleet = Fleet::start(&[("SMTP_URL", &server.url()), ("MAIL_FROM", "app@app.example")]);
    let all: Vec<usize> = (0..INSTANCES).collect();
    register(&fleet, "first", 0..FIRST, &all);
    wait_for(&server, FIRST);
    wait_until_noted(&fleet);

    // The last one alone, so that it is known who has the mails.
    let (victim, others) = all.split_last().unwrap();
    others.iter().for_each(|other| fleet.kill(*other));
    server.will([Next::Hangs; AT_ONCE]);
    register(&fleet, "held", 0..AT_ONCE, &[*victim]);
    wait_for(&server, FIRST + AT_ONCE);
    register(&fleet, "waiting", 0..1, &[*victim]);
    fleet.kill(*victim);
    others.iter().for_each(|other| fleet.relaunch(*other));
    wait_for(&server, FIRST + AT_ONCE + 1);
    // What the killed one had taken is anybody's after a minute, which is over now.
    on(&fleet, async |connection| {
        let over = "UPDATE mail_outbox SET claimed_until = due_at";
        connection.execute(over).await.unwrap()
    });
    wait_for(&server, FIRST + 2 * AT_ONCE + 1);

    for (kind, count, times) in [("first", FIRST, 1), ("held", AT_ONCE, 2), ("waiting", 1, 1)] {
        for number in 0..count {
            let to = email(kind, number);
            let ids = ids(&server, &to);
            assert!(
                ids.len() == times && ids.iter().all(|id| *id == ids[0]),
                "{to}: {ids:?}"
            );
        }
    }
}
