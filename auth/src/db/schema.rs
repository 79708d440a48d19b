//! Both engines have one schema.

use std::{collections::BTreeMap, fs, path::Path};

/// Where PostgreSQL's schema is worded differently from SQLite's.
const DIALECT: [(&str, &str); 6] = [
    (
        " BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY",
        " INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
    ),
    (" UUID", " BLOB"),
    (" BYTEA", " BLOB"),
    (" TIMESTAMPTZ", " TEXT"),
    (" JSONB", " TEXT"),
    (" COLLATE \"C\"", ""),
];

/// The statements of each migration, without comments, in SQLite's wording.
fn migrations(engine: &str) -> BTreeMap<String, Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../migrations")
        .join(engine);
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let statements = |text: &str| {
        let lines = text.lines().map(|line| line.split("--").next().unwrap_or(line));
        let text = lines
            .flat_map(str::split_whitespace)
            .collect::<Vec<_>>()
            .join(" ");
        let text = DIALECT
            .iter()
            .fold(text, |text, (theirs, ours)| text.replace(theirs, ours));
        text.split_terminator(';')
            .map(|statement| statement.trim().to_owned())
            .collect()
    };
    files
        .map(|file| {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            (name, statements(&fs::read_to_string(&file).unwrap()))
        })
        .collect()
}

/// The same tables, columns, constraints and indexes, in the same order, so that one text of SQL fits both.
#[test]
fn both_engines_have_one_schema() {
    let (ours, theirs) = (migrations("sqlite"), migrations("postgres"));
    assert!(ours.values().flatten().count() > 8, "{ours:#?}");
    assert_eq!(ours, theirs);
}
