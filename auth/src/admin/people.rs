//! The list of users, paged by key, so that the millionth page costs as much as the first.

use std::collections::HashSet;

use uuid::Uuid;
use wire::{UserPage, UserRow};

use super::{AdminSession, Administration};
use crate::pictures; // wing:pictures
use crate::{
    email::Email,
    error::{Error, Result},
};

/// The number of users on a page.
pub const PAGE: usize = 50;
/// One more is read, to see whether there is a next page.
const ASKED: i64 = PAGE as i64 + 1;
/// The longest query, in bytes. No name or address begins with a longer text.
const MAX_QUERY: usize = 400;

const NEWEST: &str =
    "SELECT id, email, email_verified_at IS NOT NULL AS email_verified, name, role, created_at, disabled_at FROM users
     WHERE id < $1 ORDER BY id DESC LIMIT $2";
// The bounds come twice: SQLite finds its place by the first comparison, PostgreSQL by the pair, even among a
// million users of one name.
const BY_EMAIL: &str =
    "SELECT id, email, email_verified_at IS NOT NULL AS email_verified, name, role, created_at, disabled_at,
            email AS found_by FROM users
     WHERE email >= $1 AND email < $2 AND (email, id) > ($1, $3) ORDER BY email LIMIT $4";
const BY_NAME: &str =
    "SELECT id, email, email_verified_at IS NOT NULL AS email_verified, name, role, created_at, disabled_at,
            lower(name) AS found_by FROM users
     WHERE lower(name) >= $1 AND lower(name) < $2 AND (lower(name), id) > ($1, $3)
     ORDER BY lower(name), id LIMIT $4";

#[derive(sqlx::FromRow)]
struct Found {
    #[sqlx(flatten)]
    person: UserRow,
    /// The address or the name in lower case.
    found_by: String,
}

impl Found {
    fn key(&self) -> (&str, Uuid) {
        (&self.found_by, self.person.id)
    }
}

impl Administration {
    /// A page of users, from where the previous one ended: the newest first, or those whose address or name begins
    /// with `query`, in the order of the matched text. ASCII letters match in either case.
    ///
    /// A user found both by address and by name is listed for each, unless both are on one page. To leave one out
    /// everywhere, all users found so far would have to be read.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if `after` is not the `next` of such a page.
    pub async fn people(&self, _: &AdminSession, query: &str, after: Option<&str>) -> Result<UserPage> {
        let query = query.trim();
        let page = if query.is_empty() {
            self.newest(after).await?
        } else {
            self.search(query, after).await?
        };
        let page = self.with_pictures(page).await?; // wing:pictures
        Ok(page)
    }

    // wing:pictures
    async fn with_pictures(&self, mut page: UserPage) -> Result<UserPage> {
        let ids = page.people.iter().map(|person| person.id);
        let pictures = pictures::of_people(&self.db, ids).await?;
        for person in &mut page.people {
            person.picture = pictures.get(&person.id).copied().map(pictures::path);
        }
        Ok(page)
    }
    // end wing:pictures

    async fn newest(&self, after: Option<&str>) -> Result<UserPage> {
        let before = match after {
            Some(after) => after.parse().map_err(|_| Error::InvalidInput("after"))?,
            None => Uuid::max(),
        };
        let mut people: Vec<UserRow> = sqlx::query_as(NEWEST)
            .bind(before)
            .bind(ASKED)
            .fetch_all(self.db.read())
            .await?;
        let is_more = people.len() > PAGE;
        people.truncate(PAGE);
        let next = people.last().map(|last| last.id.to_string()).filter(|_| is_more);
        Ok(UserPage { people, next })
    }

    async fn search(&self, query: &str, after: Option<&str>) -> Result<UserPage> {
        let from = after.map(Cursor::parse).transpose()?;
        // An address is stored in its normal form, whose domain may differ from what was typed.
        let start = query
            .parse::<Email>()
            .map_or_else(|_| query.to_ascii_lowercase(), |email| email.as_str().to_owned());
        let end = successor(&start).filter(|_| start.len() <= MAX_QUERY && !start.contains(char::is_control));
        let Some(end) = end else {
            return Ok(UserPage {
                people: Vec::new(),
                next: None,
            });
        };
        let from = from.filter(|from| from.found_by >= start).unwrap_or(Cursor {
            id: Uuid::nil(),
            found_by: start,
        });
        let mut found = self.range(BY_EMAIL, &from, &end).await?;
        found.extend(self.range(BY_NAME, &from, &end).await?);
        found.sort_by(|a, b| a.key().cmp(&b.key()));
        let is_more = found.len() > PAGE;
        found.truncate(PAGE);
        let next = found
            .last()
            .map(|last| Cursor::print(last.key()))
            .filter(|_| is_more);
        let mut seen = HashSet::new();
        let people = found
            .into_iter()
            .map(|found| found.person)
            .filter(|person| seen.insert(person.id))
            .collect();
        Ok(UserPage { people, next })
    }

    async fn range(&self, sql: &'static str, from: &Cursor, end: &str) -> Result<Vec<Found>> {
        Ok(sqlx::query_as(sql)
            .bind(&from.found_by)
            .bind(end)
            .bind(from.id)
            .bind(ASKED)
            .fetch_all(self.db.read())
            .await?)
    }
}

/// Where a page of search results ended.
struct Cursor {
    id: Uuid,
    found_by: String,
}

impl Cursor {
    fn parse(text: &str) -> Result<Self> {
        let invalid = || Error::InvalidInput("after");
        let (id, found_by) = text.split_once('.').ok_or_else(invalid)?;
        let id = id.parse().map_err(|_| invalid())?;
        if found_by.contains(char::is_control) {
            Err(invalid())
        } else {
            Ok(Self {
                id,
                found_by: found_by.to_owned(),
            })
        }
    }

    fn print((found_by, id): (&str, Uuid)) -> String {
        format!("{id}.{found_by}")
    }
}

/// The least text greater than all texts that begin with this one, in the order of code points, which is also that
/// of their bytes. `None` if there isn't one.
fn successor(start: &str) -> Option<String> {
    let mut chars: Vec<char> = start.chars().collect();
    while let Some(last) = chars.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_comes_after_everything_that_begins_so() {
        for start in ["a", "ada", "\u{e9}", "%", "_", "\u{d7ff}", "a\u{10ffff}", "zz"] {
            let end = successor(start).unwrap();
            assert!(start < end.as_str(), "{start}");
            assert!(format!("{start}\u{10ffff}\u{10ffff}") < end, "{start}");
        }
        assert_eq!(successor("ab").as_deref(), Some("ac"));
        assert_eq!(successor("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(successor("\u{10ffff}"), None);
        assert_eq!(successor(""), None);
    }

    /// What PostgreSQL does with the same indexes is measured, among a million people: see docs/performance.md.
    #[cfg(not(feature = "postgres"))] // wing:postgres
    #[tokio::test]
    async fn every_page_is_read_from_an_index() {
        let database = crate::database::TestDatabase::new();
        let db = crate::db::Database::open_or_create(&database.url().into())
            .await
            .unwrap();
        db.migrate().await.unwrap();
        for (sql, index) in [
            (NEWEST, "sqlite_autoindex_users_1"),
            (BY_EMAIL, "sqlite_autoindex_users_2"),
            (BY_NAME, "users_name"),
        ] {
            let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(&format!("EXPLAIN QUERY PLAN {sql}"))
                .fetch_all(db.read())
                .await
                .unwrap();
            let steps: Vec<_> = plan.into_iter().map(|(_, _, _, step)| step).collect();
            assert_eq!(steps.len(), 1, "{steps:?}");
            assert!(steps[0].starts_with("SEARCH users USING INDEX"), "{steps:?}");
            assert!(steps[0].contains(index), "{steps:?}");
        }
    }
}
