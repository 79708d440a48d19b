//! `server admin` and `server sessions`: looking after people from the command line, effective on running
//! servers, since what they ask is the database.

use auth::{
    Clock, Config, Error as AuthError, Problem, Role, Vars,
    admin::{Administration, By},
    db::Database,
};
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::serve::Failure;

/// `server admin …`
#[derive(Subcommand)]
pub enum AdminCommand {
    /// Make the person with this address an administrator
    Grant {
        /// The address the person signs in with
        email: String,
        /// Another role
        #[arg(long, default_value = Role::Admin.name(), value_parser = roles())]
        role: String,
    },
    /// Make an administrator an ordinary user again
    Revoke {
        /// The address the person signs in with
        email: String,
    },
    /// Show who the administrators are
    List,
}

/// `server sessions …`
#[derive(Subcommand)]
pub enum SessionsCommand {
    /// Show where a person is signed in
    List {
        /// The address the person signs in with
        email: String,
    },
    /// End sessions
    Revoke(Which),
}

/// Which sessions end.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// One session, by the id `list` shows
    session_id: Option<Uuid>,
    /// All sessions of the person with this address
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,
    /// Everybody's sessions
    #[arg(long)]
    all: bool,
}

fn roles() -> PossibleValuesParser {
    Role::ALL
        .iter()
        .map(|role| role.name())
        .collect::<Vec<_>>()
        .into()
}

/// What these commands are told from outside: which database, and how long snapshots live. Nothing else
/// of the environment has to be right, or there.
///
/// # Errors
/// What is wrong with it.
pub fn config(vars: &Vars) -> Result<Config, Vec<Problem>> {
    let mut problems = Vec::new();
    let config = Config::from_vars(vars, "http://127.0.0.1", false, &mut problems);
    problems.retain(|problem| {
        ["DATABASE_URL", "LISTEN_DATABASE_URL", "SNAPSHOT_TTL"].contains(&problem.variable.as_str())
    });
    problems.extend_from_slice(vars.unreadable());
    match problems.is_empty() {
        true => Ok(config),
        false => Err(problems),
    }
}

/// Runs `server admin …`, and says what it did.
///
/// # Errors
/// If nobody has the address, or the change is refused.
pub async fn admin(config: Config, command: AdminCommand) -> Result<(), Failure> {
    let (people, db) = open(&config).await?;
    match command {
        AdminCommand::Grant { email, role } => {
            let role = Role::from_name(&role).ok_or("there is no such role")?;
            give(&people, &email, role).await?;
        }
        AdminCommand::Revoke { email } => {
            let person = find(&people, &email).await?;
            if person.role != Role::Admin {
                return Err(format!("{email} is no administrator").into());
            }
            give(&people, &email, Role::default()).await?;
        }
        AdminCommand::List => {
            for person in people.with_role(Role::Admin).await? {
                let state = if person.disabled_at.is_some() {
                    "  (disabled)"
                } else {
                    ""
                };
                let email = person.email.unwrap_or_else(|| "no address".to_owned());
                println!("{}  {email}{state}", person.id);
            }
        }
    }
    db.close().await;
    Ok(())
}

/// Runs `server sessions …`, and says what it did.
///
/// # Errors
/// If nobody has the address, or there is no such session.
pub async fn sessions(config: Config, command: SessionsCommand) -> Result<(), Failure> {
    let (people, db) = open(&config).await?;
    match command {
        SessionsCommand::List { email } => {
            let person = find(&people, &email).await?;
            for session in people.sessions_of(person.id).await? {
                println!(
                    "{}  since {}  last seen {}  with {}  from {}  {}",
                    session.session_id,
                    session.created_at.format(&Rfc3339)?,
                    session.last_seen_at.format(&Rfc3339)?,
                    session.method,
                    session.ip.as_deref().unwrap_or("an unknown address"),
                    printable(session.user_agent.as_deref().unwrap_or("by an unknown client")),
                );
            }
        }
        SessionsCommand::Revoke(Which {
            session_id: Some(session_id),
            ..
        }) => match people.end_session(By::CommandLine, session_id).await {
            Ok(()) => println!("ended session {session_id}"),
            Err(AuthError::NotFound) => return Err(format!("there is no session {session_id}").into()),
            Err(error) => return Err(error.into()),
        },
        SessionsCommand::Revoke(Which {
            user: Some(email), ..
        }) => {
            let person = find(&people, &email).await?;
            let ended = people.end_sessions(By::CommandLine, person.id).await?;
            println!("ended {ended} sessions of {email}");
        }
        SessionsCommand::Revoke(_) => {
            let ended = people.end_everybodys_sessions().await?;
            println!("ended {ended} sessions");
        }
    }
    db.close().await;
    Ok(())
}

async fn open(config: &Config) -> Result<(Administration, Database), Failure> {
    let db = Database::open(&config.database_url).await?;
    db.ready().await.map_err(
        |_| "the database's schema is not this program's: check DATABASE_URL, or run `server migrate`",
    )?;
    let (listen, clock) = (config.listen.as_ref(), Clock::system());
    let people = Administration::at_command_line(db.clone(), listen, clock, config.lifetimes).await;
    Ok((people, db))
}

async fn find(people: &Administration, email: &str) -> Result<auth::PersonRow, Failure> {
    people.find(email).await.map_err(|error| match error {
        AuthError::NotFound | AuthError::InvalidEmail => format!("nobody has the address {email}").into(),
        error => error.into(),
    })
}

async fn give(people: &Administration, email: &str, role: Role) -> Result<(), Failure> {
    let person = find(people, email).await?;
    if person.role == role {
        println!("{email} has the role {} already", role.name());
        return Ok(());
    }
    people.set_role(By::CommandLine, person.id, role).await?;
    println!("{email} has the role {} now", role.name());
    if person.disabled_at.is_some() {
        println!("note: the account is disabled");
    }
    Ok(())
}

/// A client's own words, which must not steer the terminal they are shown on.
fn printable(text: &str) -> String {
    text.escape_debug().to_string()
}
