//! The development mailbox.

use std::io::Write;

use http::Method;
use server::config::ServerConfig;

use super::ADA;
use crate::support::{Browser, Call, Folder, PASSWORD, SECRET, Server, TestApp, command};

const HERE: &str = "http://127.0.0.1:3000";

fn asked_by(browser: &Browser, host: &str, path: &str) -> Call {
    browser.request(Method::GET, path).header("host", host)
}

#[tokio::test]
async fn the_page_shows_the_mails_and_the_json_is_for_scripts() {
    let app = TestApp::with(&[("PUBLIC_URL", HERE)]).await;
    let ada = app.registered(ADA).await;
    assert!(ada.get("/dev/mail").await.expect(200).shows("None yet."));
    app.auth.mail.send_due().await.unwrap();
    let listed = ada.get("/dev/mail.json").await.expect(200).json();
    let mails = listed.as_array().unwrap();
    assert_eq!(mails.len(), 1);
    let mail = mails[0].as_object().unwrap();
    let members: Vec<_> = mail.keys().map(String::as_str).collect();
    let mut expected = ["id", "at", "to", "subject", "text", "html"];
    expected.sort_unstable();
    assert_eq!(members, expected);
    assert_eq!(
        (&mail["to"], &mail["at"]),
        (&ADA.into(), &"2027-01-15T08:00:00Z".into())
    );
    let page = ada.get("/dev/mail").await.expect(200);
    let link = format!("<a href=\"{HERE}/verify?token=");
    assert!(page.shows(ADA) && page.shows(&link), "{}", page.text());
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let one = format!("/dev/mail/{}", mail["id"].as_str().unwrap());
    assert_eq!(
        ada.get(&one).await.expect(200).text(),
        mail["html"].as_str().unwrap()
    );
    ada.get("/dev/mail/0190a8c0-0000-7000-8000-000000000001")
        .await
        .expect(404);
}

#[tokio::test]
async fn for_another_host_it_does_not_exist() {
    let app = TestApp::with(&[("PUBLIC_URL", HERE)]).await;
    let browser = app.browser();
    for path in ["/dev/mail", "/dev/mail.json"] {
        asked_by(&browser, "127.0.0.1:3000", path)
            .send()
            .await
            .expect(200);
        for host in [
            "evil.example",
            "localhost:3000",
            "127.0.0.1",
            "127.0.0.1:8080",
            "app.example:3000",
        ] {
            asked_by(&browser, host, path).send().await.expect(404);
        }
    }
}

#[test]
fn mails_stay_here_only_in_development_on_loopback_and_without_a_server() {
    let keeps = |pairs: &[(&str, &str)], release| {
        let folder = Folder::new();
        let (url, site) = (folder.database_url(), folder.site());
        let given = [
            ("DATABASE_URL", url.as_str()),
            ("SESSION_SECRET", SECRET),
            ("LEPTOS_SITE_ROOT", site.as_str()),
        ];
        let vars = given.iter().chain(pairs).copied().collect();
        let config = ServerConfig::from_vars(&vars, release).unwrap();
        format!("{:?}", config.auth.mail)
            .split(['(', ' '])
            .next()
            .unwrap()
            .to_owned()
    };
    let elsewhere = ("PUBLIC_URL", "https://app.example");
    assert_eq!(keeps(&[], false), "Memory");
    assert_eq!(keeps(&[], true), "Off");
    assert_eq!(keeps(&[elsewhere], false), "Off");
    assert_eq!(keeps(&[("LEPTOS_SITE_ADDR", "0.0.0.0:3000")], false), "Off");
    let server = [("SMTP_URL", "smtps://mail.example"), ("MAIL_FROM", "a@b.example")];
    assert_eq!(keeps(&server, false), "Smtp");
    assert_eq!(keeps(&[server[0], server[1], elsewhere], true), "Smtp");
}

#[test]
fn the_program_sends_at_once_and_says_only_that_there_is_a_mail() {
    let folder = Folder::new();
    let site = ("PUBLIC_URL", "http://127.0.0.1:3000");
    let server = Server::start(&folder, &[site, ("METRICS_ADDR", "127.0.0.1:0")]);
    let answer = server.post("/api/register", "", &[("email", ADA), ("password", PASSWORD)]);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let line = server.wait_for("there is a new mail");
    assert!(line.contains("http://127.0.0.1:3000/dev/mail"), "{line}");
    let get = "GET /dev/mail.json HTTP/1.1\r\nhost: 127.0.0.1:3000\r\nconnection: close\r\n\r\n";
    let listed = server.exchange(get.as_bytes());
    assert!(
        listed.contains(ADA) && listed.contains("/verify?token="),
        "{listed}"
    );
    let (_, rest) = listed.split_once("?token=").unwrap();
    let token = &rest[..43];
    server.signal("TERM");
    let (code, log) = server.finish();
    assert_eq!(code, Some(0));
    assert!(!log.contains(token) && !log.contains("Verify your"), "{log}");
}

#[test]
fn doctor_reports_what_becomes_of_mails() {
    let folder = Folder::new();
    let doctor = |vars: &[(&str, &str)]| {
        let all: Vec<_> = [("PUBLIC_URL", HERE), ("SESSION_SECRET", SECRET)]
            .iter()
            .chain(vars)
            .copied()
            .collect();
        let output = command(&folder, &all).arg("doctor").output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    drop(
        command(&folder, &[("PUBLIC_URL", HERE)])
            .arg("migrate")
            .output()
            .unwrap(),
    );
    let (_, said) = doctor(&[]);
    assert!(said.contains("ok    mail: kept in memory"), "{said}");
    let (_, said) = doctor(&[("PUBLIC_URL", "https://app.example")]);
    assert!(said.contains("ok    mail: off"), "{said}");

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let vars = [("SMTP_URL", url.as_str()), ("MAIL_FROM", "a@b.example")];
    let greeted = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream
            .write_all(b"220 mail.example\r\n250 mail.example\r\n221 bye\r\n")
            .unwrap();
        crate::support::read_to_end(&mut stream)
    });
    let (_, said) = doctor(&vars);
    assert!(said.contains("answers as configured"), "{said}");
    assert_eq!(greeted.join().unwrap(), "EHLO [127.0.0.1]\r\nQUIT\r\n");
    let (succeeded, said) = doctor(&vars);
    assert!(
        !succeeded && said.contains("FAIL  mail: 127.0.0.1:") && said.contains("no connection"),
        "{said}"
    );
}
