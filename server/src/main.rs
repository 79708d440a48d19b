//! The server program: subcommands over the library.

use std::process::ExitCode;

use auth::{Problem, Vars, chain};
use clap::{Parser, Subcommand};
use server::{
    // wing:second-factors,mail
    admin::UsersCommand, // wing:admin
    // end wing:second-factors,mail
    admin::{self, AdminCommand, SessionsCommand}, // wing:admin
    clients::{self, ClientsCommand},              // wing:clients
    command_line,                                 // wing:admin,clients
    config::ServerConfig,
    doctor,
    invite::{self, Invite}, // wing:mail
    log,
    serve::{self, Failure},
};

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
    // wing:admin
    /// Manage administrators
    #[command(subcommand)]
    Admin(AdminCommand),
    /// List and end users' sessions
    #[command(subcommand)]
    Sessions(SessionsCommand),
    // wing:second-factors,mail
    /// Help users who cannot help themselves
    #[command(subcommand)]
    Users(UsersCommand),
    // end wing:second-factors,mail
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
}

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
    // wing:admin,clients
    let beside = || command_line::config(vars).map_err(wrong);
    // end wing:admin,clients
    match command {
        Command::Serve => serve::run(server()?).await,
        Command::Migrate => serve::migrate(&server()?).await,
        Command::Doctor => doctor::run(server()?).await,
        Command::Admin(command) => admin::admin(beside()?, command).await, // wing:admin
        Command::Sessions(command) => admin::sessions(beside()?, command).await, // wing:admin
        // wing:second-factors,mail
        Command::Users(command) => admin::users(beside()?, command).await, // wing:admin
        // end wing:second-factors,mail
        Command::Invite(arguments) => invite::invite(server()?.auth, arguments).await, // wing:mail
        Command::Clients(command) => clients::clients(beside()?, command).await,       // wing:clients
    }
}

/// All mistakes in the configuration, one per line.
fn wrong(problems: Vec<Problem>) -> Failure {
    let lines: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    format!("the configuration is invalid:{lines}").into()
}
