//! The table in code of what is kept about people is the schema's: nothing is missing in it, and nothing is too much.

use std::collections::BTreeSet;

use auth::data_rights::kept::{OTHER_TABLES, SECTIONS, TABLES};

use crate::support::TestApp;

/// Every column that there is, as table and name.
pub async fn columns(app: &TestApp) -> Vec<(String, String)> {
    #[cfg(not(feature = "postgres"))] // wing:postgres
    let query = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
                 WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid";
    // wing:postgres
    #[cfg(feature = "postgres")]
    let query = "SELECT table_name::text, column_name::text FROM information_schema.columns
                 WHERE table_schema = 'public' ORDER BY table_name, ordinal_position";
    // end wing:postgres
    let columns: Vec<(String, String)> = sqlx::query_as(query).fetch_all(app.auth.db.read()).await.unwrap();
    let ours = columns.into_iter();
    ours.filter(|(table, _)| table != "_sqlx_migrations").collect()
}

#[tokio::test]
async fn every_column_has_a_line_and_every_line_a_column() {
    let app = TestApp::new().await;
    let columns = columns(&app).await;
    let there: BTreeSet<(&str, &str)> = columns
        .iter()
        .map(|(table, column)| (table.as_str(), column.as_str()))
        .filter(|(table, _)| !OTHER_TABLES.contains(table))
        .collect();
    let lines = SECTIONS.iter().flat_map(|section| section.lines);
    let described: Vec<(&str, &str)> = lines
        .flat_map(|line| line.columns)
        .flat_map(|(table, columns)| columns.iter().map(|column| (*table, column.name)))
        .collect();
    let once: BTreeSet<_> = described.iter().copied().collect();
    assert_eq!(once.len(), described.len(), "a column is described twice");
    let unsaid: Vec<_> = there.difference(&once).collect();
    assert!(
        unsaid.is_empty(),
        "{unsaid:?} are kept, and auth/src/data_rights/kept.rs does not say why and how long"
    );
    let gone: Vec<_> = once.difference(&there).collect();
    assert!(
        gone.is_empty(),
        "{gone:?} are described, and there are no such columns"
    );
    for table in OTHER_TABLES {
        assert!(columns.iter().any(|(known, _)| known == table), "{table}");
    }
}

/// What names a user is about a person, whatever the table says of itself.
#[tokio::test]
async fn no_table_that_names_a_user_is_said_to_be_about_nobody() {
    let app = TestApp::new().await;
    for (table, column) in columns(&app).await {
        let names_a_user = ["user_id", "actor_id", "email", "recipient"].contains(&column.as_str());
        assert!(
            !(names_a_user && OTHER_TABLES.contains(&table.as_str())),
            "{table}.{column}"
        );
    }
    for (table, _) in TABLES {
        assert!(!OTHER_TABLES.contains(table), "{table}");
    }
}
