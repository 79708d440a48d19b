//! The server program: subcommands over the library.

#[cfg(test)]
mod documented;

use std::process::ExitCode;

use auth::{Problem, Vars, chain};
use clap::{Parser, Subcommand};
#[cfg(debug_assertions)]
use server::seed;
use server::{
    admin::{self, AdminCommand, SessionsCommand}, // wing:admin
    backup::{self, Backup},
    clients::{self, ClientsCommand}, // wing:clients
    command_line,
    config::ServerConfig,
    doctor,
    export,                 // wing:data-rights
    invite::{self, Invite}, // wing:mail
    log,
    probe,
    serve::{self, Failure},
};
use uuid::Uuid; // wing:admin+mail

#[derive(Parser)]
#[command(about = format!("Serves {}", app::NAME), version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Migrate the database, then serve (the default)
    Serve,
    /// Update the database schema and exit
    Migrate,
    /// Check the configuration, the database and every provider
    Doctor,
    /// Ask the running server whether it is ready
    Ready,
    /// Write a copy of the database to a file, also while servers use it
    Backup(Backup),
    /// Add a dozen people with a month of life behind them
    #[cfg(debug_assertions)]
    Seed,
    // wing:admin
    /// Manage administrators
    #[command(subcommand)]
    Admin(AdminCommand),
    /// List and end users' sessions
    #[command(subcommand)]
    Sessions(SessionsCommand),
    // end wing:admin
    // wing:mail
    /// Invite somebody who has no account yet
    Invite(Invite),
    // end wing:mail
    // wing:clients
    /// Register other clients, and revoke them
    #[command(subcommand)]
    Clients(ClientsCommand),
    // end wing:clients
    // wing:admin,data-rights
    // wing:second-factors,passkeys,mail,data-rights
    /// Do something for a user who asks for it
    #[command(subcommand)]
    Users(UsersCommand),
    // end wing:second-factors,passkeys,mail,data-rights
    // end wing:admin,data-rights
}

// wing:admin,data-rights
// wing:second-factors,passkeys,mail,data-rights
/// `server users …`
#[derive(Subcommand)]
enum UsersCommand {
    // wing:admin+second-factors,admin+passkeys
    /// Remove the second factors of a user who has lost them, and end their sessions
    ResetFactors {
        /// The user's id or address
        #[arg(value_name = "ID_OR_EMAIL")]
        who: String,
    },
    // end wing:admin+second-factors,admin+passkeys
    // wing:admin+mail
    /// Give a user an address, without verifying it
    SetEmail {
        /// The user's id, and no address: whoever has lost theirs is not found by it
        user_id: Uuid,
        /// The address
        email: String,
    },
    // end wing:admin+mail
    // wing:data-rights
    /// Print everything that is kept about a user, as JSON
    Export {
        /// The user's id or address
        #[arg(value_name = "ID_OR_EMAIL")]
        who: String,
    },
    // end wing:data-rights
}
// end wing:second-factors,passkeys,mail,data-rights
// end wing:admin,data-rights

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let vars = Vars::load();
    log::init(vars.get("RUST_LOG"));
    match run(cli.command.unwrap_or(Command::Serve), &vars).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command, vars: &Vars) -> Result<(), Failure> {
    let server = || ServerConfig::from_vars(vars, !cfg!(debug_assertions)).map_err(wrong);
    let beside = || command_line::config(vars).map_err(wrong);
    match command {
        Command::Serve => serve::run(server()?).await,
        Command::Migrate => serve::migrate(&server()?).await,
        Command::Doctor => doctor::run(server()?).await,
        Command::Ready => probe::ready(command_line::addr(vars).map_err(wrong)?).await,
        Command::Backup(arguments) => backup::backup(&beside()?, arguments).await,
        #[cfg(debug_assertions)]
        Command::Seed => seed::seed(server()?).await,
        Command::Admin(command) => admin::admin(beside()?, command).await, // wing:admin
        Command::Sessions(command) => admin::sessions(beside()?, command).await, // wing:admin
        // wing:admin+second-factors,admin+passkeys
        Command::Users(UsersCommand::ResetFactors { who }) => admin::reset_factors(beside()?, &who).await,
        // end wing:admin+second-factors,admin+passkeys
        // wing:admin+mail
        Command::Users(UsersCommand::SetEmail { user_id, email }) => {
            admin::set_email(beside()?, user_id, &email).await
        }
        // end wing:admin+mail
        Command::Invite(arguments) => invite::invite(server()?.auth, arguments).await, // wing:mail
        Command::Clients(command) => clients::clients(beside()?, command).await,       // wing:clients
        // wing:data-rights
        Command::Users(UsersCommand::Export { who }) => export::export(server()?.auth, &who).await,
        // end wing:data-rights
    }
}

/// All mistakes in the configuration, one per line.
fn wrong(problems: Vec<Problem>) -> Failure {
    let lines: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    format!("the configuration is invalid:{lines}").into()
}
