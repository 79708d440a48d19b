//! A database whose schema is not the program's: what each command says, and what it leaves alone.

use auth::db::Database;

use crate::support::{Folder, command};

/// The exit and all that was said.
fn run(folder: &Folder, arguments: &[&str]) -> (bool, String) {
    let output = command(folder, &[("PUBLIC_URL", "http://127.0.0.1:3000")])
        .args(arguments)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

async fn change(folder: &Folder, sql: &str) {
    let db = Database::open(&folder.database_url().into()).await.unwrap();
    let mut statement = sqlx::query(sql);
    if sql.contains("$1") {
        statement = statement.bind(vec![0_u8; 48]);
    }
    statement.execute(db.write()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_newer_older_or_changed_is_named_with_what_helps() {
    let folder = Folder::new();
    assert!(run(&folder, &["migrate"]).0);

    change(
        &folder,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9000, 'later', TRUE, $1, 0)",
    )
    .await;
    for command in [&["migrate"][..], &["serve"], &["doctor"]] {
        let (succeeded, said) = run(&folder, command);
        assert!(!succeeded, "{command:?}: {said}");
        assert!(said.contains("newer than this program"), "{command:?}: {said}");
        assert!(
            !said.contains("server migrate"),
            "it cannot help: {command:?}: {said}"
        );
    }

    // Nor is a database that is another program's.
    change(
        &folder,
        "UPDATE _sqlx_migrations SET version = 9001 WHERE version = 3",
    )
    .await;
    let (succeeded, said) = run(&folder, &["migrate"]);
    assert!(!succeeded && said.contains("that of another program"), "{said}");
    change(
        &folder,
        "UPDATE _sqlx_migrations SET version = 3 WHERE version = 9001",
    )
    .await;

    change(&folder, "DELETE FROM _sqlx_migrations WHERE version = 9000").await;
    change(
        &folder,
        "UPDATE _sqlx_migrations SET checksum = $1 WHERE version = 2",
    )
    .await;
    for command in [&["migrate"][..], &["doctor"]] {
        let (succeeded, said) = run(&folder, command);
        assert!(!succeeded, "{command:?}: {said}");
        assert!(said.contains("migration 2 is not the one"), "{command:?}: {said}");
    }

    change(&folder, "DELETE FROM _sqlx_migrations WHERE version = 2").await;
    let (succeeded, said) = run(&folder, &["doctor"]);
    assert!(!succeeded, "{said}");
    assert!(
        said.contains("older than this program: run `server migrate`"),
        "{said}"
    );

    // As PostgreSQL is left by a first migration that was interrupted.
    change(&folder, "DELETE FROM _sqlx_migrations").await;
    let (succeeded, said) = run(&folder, &["doctor"]);
    assert!(
        !succeeded && said.contains("the database has no schema"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_beside_the_server_neither_migrates_nor_creates() {
    let folder = Folder::new();
    let commands = [
        &["doctor"][..],
        &["admin", "list"], // wing:admin
    ];
    for command in commands {
        let (succeeded, said) = run(&folder, command);
        assert!(!succeeded, "{command:?}: {said}");
        assert!(
            said.contains("is DATABASE_URL right? `server migrate`"),
            "{command:?}: {said}"
        );
        assert!(
            !said.contains("no such table") && !said.contains("internal error"),
            "{command:?}: {said}"
        );
        // No database is created where somebody has mistyped its path.
        let is_there = std::fs::exists(folder.0.join("app.db")).unwrap();
        assert!(!is_there, "{command:?}");
    }
    assert!(run(&folder, &["migrate"]).0);
    for command in commands {
        let (succeeded, said) = run(&folder, command);
        assert!(succeeded, "{command:?}: {said}");
    }
}
