//! Everything that is kept about one person, as JSON.
//!
//! It is written table by table and page by page while it is sent, so that a long history takes no more memory than a short
//! one, and a slow client holds no connection to the database.

use base64::{Engine as _, prelude::BASE64_STANDARD}; // wing:pictures
use futures_util::{Stream, stream};
use serde_json::{Map, Value};
use sqlx::{Database as Engine, Row as _, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;
use wire::Timestamp;

use super::kept::{Column, Kind, Rows, SECTIONS, TABLES};
use crate::config::Config; // wing:mail
use crate::data::{AtRest, private}; // wing:private-data
use crate::{
    audit::{COMMAND_LINE, Deed, History, NewEvent},
    auth::Auth,
    clock::Clock,
    data::Buckets,
    db::Db,
    email::Email,
    error::{Error, Result},
    limits::{Action, Subject},
    session::{RecentSession, RequestAuth, data_of_sessions},
};

/// The rows that are read at once.
const PAGE: usize = 500;

// wing:private-data
/// What is exported of private data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Private {
    /// Which values there are, and how long each is: what its owner's browser may know.
    Sizes,
    /// The values too.
    Values,
}
// end wing:private-data

/// An export that has begun.
#[derive(Debug)]
pub struct Export {
    buckets: Buckets,
    clock: Clock,
    user_id: Uuid,
    private: Private, // wing:private-data
    place: Place,
    /// Whether the present table has had no row yet.
    is_empty: bool,
}

/// How far an export is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Beginning,
    /// In the table at this place of the list, at one of its conditions, after the row with this id.
    Table(usize, usize, Option<Uuid>),
    End,
}

/// Some rows, and where the next ones are.
struct Page {
    rows: Vec<Map<String, Value>>,
    next: Place,
}

type Row = <Db as Engine>::Row;

impl Auth {
    /// Begins an export of everything about the signed-in user, and records it in the user's history.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`]; [`Error::Unavailable`]
    pub async fn export_data(&self, request: &RequestAuth, recent: &RecentSession) -> Result<Export> {
        let user_id = recent.user_id();
        self.limits.take(Action::ExportUser, Subject::User(user_id))?;
        let event = NewEvent::of(user_id, Deed::ExportData)
            .session(recent.session_id())
            .from(request.client());
        let export = Export {
            buckets: self.buckets.clone(),
            clock: self.clock.clone(),
            user_id,
            private: Private::Sizes, // wing:private-data
            place: Place::Beginning,
            is_empty: true,
        };
        export.recorded(event, &self.history).await
    }
}

impl Export {
    /// An export from the command line: of the user with this id or address.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Unavailable`]
    // wing:private-data
    /// It has the values of the private data.
    // end wing:private-data
    pub async fn at_command_line(
        config: &Config, // wing:mail
        buckets: Buckets,
        clock: Clock,
        who: &str,
    ) -> Result<Self> {
        let by = |column: &str| format!("SELECT id FROM users WHERE {column} = $1");
        let found: Option<Uuid> = match who.trim().parse::<Uuid>() {
            Ok(id) => {
                let by_id = by("id");
                let found = sqlx::query_scalar(&by_id).bind(id);
                found.fetch_optional(buckets.db.read()).await?
            }
            Err(_) => {
                let email: Email = who.parse().map_err(|_| Error::NotFound)?;
                let by_address = by("email");
                let found = sqlx::query_scalar(&by_address).bind(email.as_str().to_owned());
                found.fetch_optional(buckets.db.read()).await?
            }
        };
        let user_id = found.ok_or(Error::NotFound)?;
        let event = NewEvent::of(user_id, Deed::ExportData).by_other(COMMAND_LINE);
        let export = Self {
            buckets,
            clock,
            user_id,
            private: Private::Values, // wing:private-data
            place: Place::Beginning,
            is_empty: true,
        };
        let history = History::new(export.clock.clone());
        let history = history.told_by_command(config, &export.buckets.db); // wing:mail
        export.recorded(event, &history).await
    }

    async fn recorded(self, event: NewEvent<'_>, history: &History) -> Result<Self> {
        let mut tx = self.buckets.db.begin().await?;
        event.record(&mut tx, history).await?;
        tx.commit().await?;
        tracing::info!("an export of a user's data began");
        Ok(self)
    }

    /// The JSON, piece by piece.
    pub fn pieces(self) -> impl Stream<Item = Result<String>> + Send {
        stream::try_unfold(self, |mut export| async move {
            let piece = export.piece().await?;
            Ok(piece.map(|piece| (piece, export)))
        })
    }

    async fn piece(&mut self) -> Result<Option<String>> {
        let Place::Table(at, ..) = self.place else {
            return Ok(match self.place {
                Place::Beginning => {
                    let now = Value::from(Timestamp::from(self.clock.now()).to_string());
                    self.place = Place::Table(0, 0, None);
                    Some(format!("{{\n\"exported_at\": {now}"))
                }
                _ => None,
            });
        };
        let Some((table, rows)) = exported().nth(at) else {
            self.place = Place::End;
            return Ok(Some("\n}\n".to_owned()));
        };
        let mut piece = String::new();
        if matches!(self.place, Place::Table(_, 0, None)) {
            piece += &format!(",\n\"{table}\": [");
            self.is_empty = true;
        }
        let page = self.page(table, rows).await?;
        for row in page.rows {
            piece += if self.is_empty { "\n" } else { ",\n" };
            piece += &Value::Object(row).to_string();
            self.is_empty = false;
        }
        if !matches!(page.next, Place::Table(next, ..) if next == at) {
            piece += "]";
        }
        self.place = page.next;
        Ok(Some(piece))
    }

    /// The next rows of the present table.
    async fn page(&self, table: &'static str, rows: Rows) -> Result<Page> {
        let Place::Table(at, condition, after) = self.place else {
            return Err(Error::internal("an export is not in a table"));
        };
        let next_table = Place::Table(at + 1, 0, None);
        let conditions = match rows {
            Rows::Where(conditions) => conditions,
            Rows::OfSessions => {
                let rows = data_of_sessions(&self.buckets.db, self.user_id).await?;
                return Ok(Page {
                    rows,
                    next: next_table,
                });
            }
            Rows::Unlinked => &[],
        };
        let Some(filter) = conditions.get(condition) else {
            return Ok(Page {
                rows: Vec::new(),
                next: next_table,
            });
        };
        let columns: Vec<Column> = columns(table)
            .filter(|column| column.kind != Kind::Secret)
            .collect();
        let names: Vec<String> = columns.iter().map(Column::selected).collect();
        let mut sql = format!("SELECT {} FROM {table} WHERE ({filter})", names.join(", "));
        let is_paged = columns.iter().any(|column| column.name == "id");
        if is_paged {
            sql += &format!(" AND id > $2 ORDER BY id LIMIT {PAGE}");
        }
        let mut query = sqlx::query(&sql).bind(self.user_id);
        if is_paged {
            query = query.bind(after.unwrap_or(Uuid::nil()));
        }
        let found: Vec<Row> = query.fetch_all(self.buckets.db.read()).await?;
        let next = match found.last() {
            Some(last) if is_paged && found.len() == PAGE => {
                Place::Table(at, condition, Some(last.try_get("id")?))
            }
            _ => Place::Table(at, condition + 1, None),
        };
        let rows: Result<Vec<_>> = found.iter().map(|row| self.shown(table, &columns, row)).collect();
        Ok(Page { rows: rows?, next })
    }

    /// A row as its owner may see it.
    fn shown(&self, table: &str, columns: &[Column], row: &Row) -> Result<Map<String, Value>> {
        let mut shown = Map::new();
        for column in columns {
            shown.insert(column.name.to_owned(), column.value(row)?);
        }
        if table == "audit_events" {
            self.without_others(&mut shown);
        }
        // wing:private-data
        if table == "user_data" && shown.get("bucket").is_some_and(|name| name == private::BUCKET) {
            let client_id = shown.get("client_id").and_then(Value::as_str).unwrap_or_default();
            let data = self.described(client_id, shown.get("data"));
            shown.insert("data".to_owned(), data);
        }
        // end wing:private-data
        Ok(shown)
    }

    /// Takes out of an event what is about somebody else: who did something to the person and from where, or to whom the
    /// person did something.
    fn without_others(&self, event: &mut Map<String, Value>) {
        let own = Value::from(self.user_id.to_string());
        let others = |event: &Map<String, Value>, name: &str| {
            event.get(name).is_some_and(|id| !id.is_null() && *id != own)
        };
        let mut emptied = Vec::new();
        if others(event, "actor_id") {
            emptied.extend(["actor_id", "ip"]);
        }
        if event.get("user_id").is_none_or(|id| *id != own) {
            emptied.extend(["user_id", "session_id"]);
        }
        let is_by_another = emptied.contains(&"actor_id");
        for name in emptied {
            event.insert(name.to_owned(), Value::Null);
        }
        if is_by_another {
            event.insert("by".to_owned(), "an administrator".into());
        }
    }

    // wing:private-data
    /// Private data by its keys. `null` if its key is no longer in `SESSION_SECRET`.
    fn described(&self, client_id: &str, stored: Option<&Value>) -> Value {
        let stored = stored.and_then(Value::as_object).cloned().unwrap_or_default();
        let opened = match self.buckets.sealing_for(self.user_id, client_id).open(stored) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!(error = %crate::chain(&error), "private data is missing in an export");
                return Value::Null;
            }
        };
        let described = opened
            .into_iter()
            .filter(|(key, _)| *key != private::SET_AT)
            .map(|(key, value)| {
                let bytes = match &value {
                    Value::String(text) => text.len(),
                    other => other.to_string().len(),
                };
                let mut entry = Map::from_iter([("bytes".to_owned(), bytes.into())]);
                if self.private == Private::Values {
                    entry.insert("value".to_owned(), value);
                }
                (key, Value::Object(entry))
            });
        Value::Object(described.collect())
    }
    // end wing:private-data
}

/// The tables with rows that are known to be about one person.
fn exported() -> impl Iterator<Item = (&'static str, Rows)> {
    TABLES
        .iter()
        .copied()
        .filter(|(_, rows)| !matches!(rows, Rows::Unlinked))
}

/// The columns of a table, in the order in which they are described.
fn columns(table: &str) -> impl Iterator<Item = Column> {
    let lines = SECTIONS.iter().flat_map(|section| section.lines);
    lines
        .flat_map(|line| line.columns)
        .filter(move |(name, _)| *name == table)
        .flat_map(|(_, columns)| columns.iter().copied())
}

impl Column {
    /// How it is read: numbers all in one type, since their columns have several.
    fn selected(&self) -> String {
        match self.kind {
            Kind::Number => format!("CAST({0} AS BIGINT) AS {0}", self.name),
            _ => self.name.to_owned(),
        }
    }

    fn value(&self, row: &Row) -> Result<Value> {
        let name = self.name;
        Ok(match self.kind {
            Kind::Id => {
                let id: Option<Uuid> = row.try_get(name)?;
                id.map(|id| id.to_string()).into()
            }
            Kind::Text => row.try_get::<Option<String>, _>(name)?.into(),
            Kind::Time => {
                let time: Option<OffsetDateTime> = row.try_get(name)?;
                time.map(|time| Timestamp::from(time).to_string()).into()
            }
            Kind::Number => row.try_get::<Option<i64>, _>(name)?.into(),
            Kind::Flag => row.try_get::<Option<bool>, _>(name)?.into(),
            Kind::Json => {
                let json: Option<Json<Value>> = row.try_get(name)?;
                json.map_or(Value::Null, |Json(value)| value)
            }
            // wing:pictures
            Kind::Picture => {
                let webp: Option<Vec<u8>> = row.try_get(name)?;
                webp.map(|webp| format!("data:image/webp;base64,{}", BASE64_STANDARD.encode(webp)))
                    .into()
            }
            // end wing:pictures
            Kind::Secret => Value::Null,
        })
    }
}
