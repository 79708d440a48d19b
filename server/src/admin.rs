//! `server admin`, `server sessions` and the like: managing users from the command line. Changes take effect on running
//! servers, since both use the same database.

use std::fmt::Write;

use auth::{
    Clock, Config, Error as AuthError, Role,
    admin::{Administration, By, Candidate, Grantee, UserRow},
    db::Database,
};
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use uuid::Uuid;

use crate::{
    command_line::{self, printable},
    serve::Failure,
};

/// `server admin …`
#[derive(Subcommand)]
pub enum AdminCommand {
    /// Give a user the administrator role, or another one
    Grant {
        /// The user's id, or their address if it is verified
        #[arg(value_name = "ID_OR_EMAIL")]
        who: String,
        /// The role to give
        #[arg(long, default_value = Role::Admin.name(), value_parser = roles())]
        role: String,
    },
    /// Remove a user's role, whichever it is
    Revoke {
        /// The user's id or address
        #[arg(value_name = "ID_OR_EMAIL")]
        who: String,
    },
    /// List the users with a role, such as administrators
    List,
}

/// `server sessions …`
#[derive(Subcommand)]
pub enum SessionsCommand {
    /// List a user's sessions
    List {
        /// The user's id or address
        #[arg(value_name = "ID_OR_EMAIL")]
        who: String,
    },
    /// End sessions
    Revoke(Which),
}

/// Which sessions end.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// End the session with this id, as shown by `list`
    session_id: Option<Uuid>,
    /// End all sessions of the user with this id or address
    #[arg(long, value_name = "ID_OR_EMAIL")]
    user: Option<String>,
    /// End all sessions of all users
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

/// Runs `server admin …`, and prints what it did.
///
/// # Errors
/// If no user matches, the address is not verified, or the change is refused.
pub async fn admin(config: Config, command: AdminCommand) -> Result<(), Failure> {
    let (people, db) = open(&config).await?;
    match command {
        AdminCommand::Grant { who, role } => {
            let role = Role::from_name(&role).ok_or("unknown role")?;
            match people.grantee(&who).await.map_err(|error| unknown(&who, error))? {
                Grantee::Proven(person) => give(&people, &who, person, role).await?,
                Grantee::Unproven(candidates) => return Err(unproven(&who, &candidates)?.into()),
            }
        }
        AdminCommand::Revoke { who } => {
            let person = find(&people, &who).await?;
            if person.role == Role::default() {
                return Err(format!("{who} has only the role that everyone has").into());
            }
            give(&people, &who, person, Role::default()).await?;
        }
        AdminCommand::List => {
            for person in people.with_roles().await? {
                let state = if person.disabled_at.is_some() {
                    "  (disabled)"
                } else {
                    ""
                };
                println!(
                    "{}  {}  {}{state}",
                    person.id,
                    person.role.name(),
                    address(&person)
                );
            }
        }
    }
    db.close().await;
    Ok(())
}

/// Runs `server sessions …`, and prints what it did.
///
/// # Errors
/// If no user matches, or there is no such session.
pub async fn sessions(config: Config, command: SessionsCommand) -> Result<(), Failure> {
    let (people, db) = open(&config).await?;
    match command {
        SessionsCommand::List { who } => {
            let person = find(&people, &who).await?;
            let sessions = people.sessions_of(person.id).await?;
            if sessions.is_empty() {
                eprintln!("{who} is not signed in anywhere");
            }
            for session in sessions {
                println!(
                    "{}  since {}  last seen {}  with {}  from {}  {}",
                    session.session_id,
                    session.created_at,
                    session.last_seen_at,
                    session.method,
                    session.ip.as_deref().unwrap_or("an unknown address"),
                    printable(session.user_agent.as_deref().unwrap_or("unknown client")),
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
        SessionsCommand::Revoke(Which { user: Some(who), .. }) => {
            let person = find(&people, &who).await?;
            let ended = people.end_sessions(By::CommandLine, person.id).await?;
            println!("ended {} of {who}", counted(ended));
        }
        SessionsCommand::Revoke(_) => {
            let ended = people.end_everybodys_sessions().await?;
            println!("ended {}", counted(ended));
        }
    }
    db.close().await;
    Ok(())
}

// wing:second-factors,passkeys
/// Runs `server users reset-factors`, and prints what it did.
///
/// # Errors
/// If no user matches, or there is nothing to reset.
pub async fn reset_factors(config: Config, who: &str) -> Result<(), Failure> {
    let (people, db) = open(&config).await?;
    let person = find(&people, who).await?;
    match people.reset_factors(By::CommandLine, person.id).await {
        Ok(()) => println!("the second factors of {who} are removed, and their sessions have ended"),
        Err(AuthError::NoSecondFactor) => {
            return Err(format!("{who} has no second factor").into());
        }
        Err(error) => return Err(error.into()),
    }
    db.close().await;
    Ok(())
}
// end wing:second-factors,passkeys

// wing:mail
/// Runs `server users set-email`, and prints what it did.
///
/// # Errors
/// If no user has the id, another one has the address, or it is none.
pub async fn set_email(config: Config, user_id: Uuid, email: &str) -> Result<(), Failure> {
    let (people, db) = open(&config).await?;
    match people.set_email(By::CommandLine, user_id, email).await {
        Ok(()) => println!("{user_id} now has the address {email}, which is not verified"),
        Err(AuthError::EmailTaken) => return Err(format!("another user has the address {email}").into()),
        Err(AuthError::InvalidEmail) => return Err(format!("{email} is not an address").into()),
        Err(error) => return Err(unknown(&user_id.to_string(), error)),
    }
    db.close().await;
    Ok(())
}
// end wing:mail

/// A number of sessions, in words.
fn counted(number: usize) -> String {
    match number {
        1 => "1 session".to_owned(),
        _ => format!("{number} sessions"),
    }
}

async fn open(config: &Config) -> Result<(Administration, Database), Failure> {
    let db = command_line::open(config).await?;
    let people = Administration::at_command_line(config, db.clone(), Clock::system()).await?;
    Ok((people, db))
}

async fn find(people: &Administration, who: &str) -> Result<UserRow, Failure> {
    people.find(who).await.map_err(|error| unknown(who, error))
}

fn unknown(who: &str, error: AuthError) -> Failure {
    match error {
        AuthError::NotFound | AuthError::InvalidEmail if who.trim().parse::<Uuid>().is_ok() => {
            format!("no user has the id {who}").into()
        }
        AuthError::NotFound | AuthError::InvalidEmail => format!("no user has the address {who}").into(),
        error => error.into(),
    }
}

/// Why this address gives no user a role, which users may be meant, and what to do.
fn unproven(who: &str, candidates: &[Candidate]) -> Result<String, Failure> {
    let mut text = format!("{who} is not verified, and anyone can register with it. These users gave it:\n");
    for Candidate { person, ways_in } in candidates {
        let password = ways_in.has_password.then_some("password");
        let providers = ways_in.accounts.iter().map(|account| account.provider.as_str());
        let ways: Vec<&str> = password.into_iter().chain(providers).collect();
        writeln!(
            text,
            "  {}  since {}  signs in with {}  {}",
            person.id,
            person.created_at,
            ways.join(", "),
            address(person)
        )?;
    }
    text += "Find out which user is meant (each user's id is on their profile page), then run: server admin grant ID";
    Ok(text)
}

/// A person's address, and whether it is verified.
fn address(person: &UserRow) -> String {
    match &person.email {
        None => "no address".to_owned(),
        Some(email) if person.email_verified => printable(email),
        Some(email) => format!("{} (not verified)", printable(email)),
    }
}

async fn give(people: &Administration, who: &str, person: UserRow, role: Role) -> Result<(), Failure> {
    if person.role == role {
        println!("{who} already has the role {}", role.name());
        return Ok(());
    }
    people.set_role(By::CommandLine, person.id, role).await?;
    println!("{who} now has the role {}", role.name());
    if person.disabled_at.is_some() {
        println!("note: the account is disabled");
    }
    Ok(())
}
