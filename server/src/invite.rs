//! `server invite`: inviting somebody from the command line. The running servers send the mail, since they use the same
//! database.

use auth::{Clock, Config, Error as AuthError, Role, mail::Mail};
use clap::{Args, builder::PossibleValuesParser};

use crate::{command_line, serve::Failure};

/// The arguments of `server invite`.
#[derive(Args)]
pub struct Invite {
    /// The address to invite
    email: String,
    /// The role of whoever accepts the invitation
    #[arg(long, default_value = Role::default().name(), value_parser = roles())]
    role: String,
}

fn roles() -> PossibleValuesParser {
    Role::ALL
        .iter()
        .map(|role| role.name())
        .collect::<Vec<_>>()
        .into()
}

/// Runs `server invite`.
///
/// # Errors
/// If there is no mail, or this is not an address.
pub async fn invite(config: Config, invite: Invite) -> Result<(), Failure> {
    let Invite { email, role } = invite;
    let role = Role::from_name(&role).ok_or("unknown role")?;
    let db = command_line::open(&config).await?;
    let mail = Mail::at_command_line(&config, db.clone(), Clock::system()).await?;
    match mail.invite(&email, role).await {
        Ok(()) => println!(
            "{email} is invited with the role {}; the servers send the mail",
            role.name()
        ),
        Err(AuthError::InvalidEmail) => return Err(format!("{email} is not an address").into()),
        Err(AuthError::NotFound) => return Err("there is no mail: set SMTP_URL and MAIL_FROM".into()),
        Err(error) => return Err(error.into()),
    }
    db.close().await;
    Ok(())
}
