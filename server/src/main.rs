//! The server program: subcommands over the library.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use server::{config::ServerConfig, doctor, log, serve};

#[derive(Parser)]
#[command(about = "Serves start-axum-auth", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, Subcommand)]
enum Command {
    /// Migrate the database, then serve (the default)
    Serve,
    /// Bring the database's schema up to date, and stop
    Migrate,
    /// Check database, keys, public URL and every provider
    Doctor,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // A missing .env is fine; a broken one is not to be half-read.
    if let Err(error) = dotenvy::dotenv()
        && !error.not_found()
    {
        eprintln!("error: .env cannot be read: {error}");
        return ExitCode::FAILURE;
    }
    log::init();
    let config = match ServerConfig::from_env() {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("error: the configuration is wrong:");
            for problem in problems {
                eprintln!("  {problem}");
            }
            return ExitCode::FAILURE;
        }
    };
    let outcome = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(config).await,
        Command::Migrate => serve::migrate(&config).await,
        Command::Doctor => doctor::run(config).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", log::chain(&*error));
            ExitCode::FAILURE
        }
    }
}
