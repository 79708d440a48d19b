//! A command line for an application made from this template. It uses the public crate `oauth2` and nothing of the
//! application's own:
//!
//! ```sh
//! cargo run -p example-cli -- login              # shows a code to type at /device
//! cargo run -p example-cli -- login --browser    # opens the way back on a port of this machine
//! cargo run -p example-cli -- whoami
//! cargo run -p example-cli -- logout
//! ```

mod browser;
mod device;
mod server;
mod store;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{server::Server, store::Store};

/// What ends a command without success.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Parser)]
#[command(about = "Signs in to an application, and says who you are", version)]
struct Cli {
    /// The application
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    server: url::Url,
    /// The id that this program is registered under
    #[arg(long, default_value = "dev-app")]
    client_id: String,
    /// The file for the tokens, which only its owner can read
    #[arg(long, default_value = "tokens.json")]
    file: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sign in, with a code to type on any device
    Login {
        /// Sign in with a browser on this machine instead
        #[arg(long)]
        browser: bool,
    },
    /// Show who is signed in
    Whoami,
    /// Sign out here and on the server
    Logout,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let store = Store::at(cli.file);
    let server = Server::discover(&cli.server, &cli.client_id).await?;
    match cli.command {
        Command::Login { browser } => {
            let tokens = if browser {
                browser::sign_in(&server).await?
            } else {
                device::sign_in(&server).await?
            };
            store.write(&tokens)?;
            println!("signed in");
        }
        Command::Whoami => {
            let session = server.session(&store).await?;
            println!("{}", session["email"].as_str().unwrap_or("no address"));
        }
        Command::Logout => {
            let tokens = store.read()?;
            server.revoke(&tokens.refresh).await?;
            store.forget()?;
            println!("signed out");
        }
    }
    Ok(())
}
