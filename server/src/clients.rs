//! `server clients`: registering other clients. Changes take effect on running servers, since both use the same database.

use auth::{
    Clock, Config, Scope,
    clients::{Added, ClientRegistry, Grant, NewClient, Registration},
};
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::{
    command_line::{open, printable},
    serve::Failure,
};

/// `server clients …`
#[derive(Subcommand)]
pub enum ClientsCommand {
    /// Register a client, and print its id and secret
    Add(Add),
    /// List the clients
    List,
    /// Give a client another secret; its older ones end in 24 hours
    Rotate {
        /// The client's id
        id: String,
        /// End the older secrets, and the tokens got with them, at once
        #[arg(long)]
        now: bool,
    },
    /// Revoke a client: it gets nothing any more, and its sessions end
    Revoke {
        /// The client's id
        id: String,
    },
    /// Revoke a client, and delete it with the data that it keeps of users
    Remove {
        /// The client's id
        id: String,
    },
}

/// The client to register.
#[derive(Args)]
pub struct Add {
    /// The name that users see
    #[arg(long)]
    name: String,
    /// The public id; made up if absent
    #[arg(long)]
    id: Option<String>,
    /// It keeps a secret: a server, not an app or a command line
    #[arg(long)]
    confidential: bool,
    /// It belongs to you
    #[arg(long)]
    first_party: bool,
    /// It may ask about any token
    #[arg(long)]
    introspect: bool,
    /// How it gets tokens; authorization_code if absent
    #[arg(long, value_name = "GRANT", value_parser = names(Grant::ALL.iter().map(|grant| grant.name())))]
    grant: Vec<String>,
    /// Where browsers may return to it
    #[arg(long, value_name = "ADDRESS")]
    redirect: Vec<String>,
    /// What it may ask for; profile if absent
    #[arg(long, value_name = "SCOPE", value_parser = names(Scope::ALL.iter().map(|scope| scope.name())))]
    scope: Vec<String>,
    /// A resource server for which it may get tokens
    #[arg(long, value_name = "ADDRESS")]
    resource: Vec<String>,
}

fn names(names: impl Iterator<Item = &'static str>) -> PossibleValuesParser {
    names.collect::<Vec<_>>().into()
}

impl From<Add> for NewClient {
    fn from(add: Add) -> Self {
        Self {
            name: add.name,
            id: add.id,
            confidential: add.confidential,
            first_party: add.first_party,
            may_introspect: add.introspect,
            grants: add
                .grant
                .iter()
                .filter_map(|name| Grant::from_name(name))
                .collect(),
            redirect_uris: add.redirect,
            scopes: add
                .scope
                .iter()
                .filter_map(|name| Scope::from_name(name))
                .collect(),
            resources: add.resource,
        }
    }
}

/// Runs `server clients …`, and prints what it did.
///
/// # Errors
/// If what was asked for cannot be, or there is no such client.
pub async fn clients(config: Config, command: ClientsCommand) -> Result<(), Failure> {
    let db = open(&config).await?;
    let registry = ClientRegistry::at_command_line(db.clone(), Clock::system(), config.lifetimes).await?;
    match command {
        ClientsCommand::Add(add) => print(&registry.add(add.into()).await?),
        ClientsCommand::List => {
            for client in registry.list().await? {
                println!("{}", line(&client));
            }
        }
        ClientsCommand::Rotate { id, now } => print(&registry.rotate(&id, now).await?),
        ClientsCommand::Revoke { id } => {
            let ended = registry.revoke(&id).await?;
            println!("revoked {id}, and ended {ended} of its sessions");
        }
        ClientsCommand::Remove { id } => {
            let ended = registry.remove(&id).await?;
            println!("removed {id} and its data, and ended {ended} of its sessions");
        }
    }
    db.close().await;
    Ok(())
}

/// For the program or person that configures the client: one line of JSON.
fn print(added: &Added) {
    let secret = added.client_secret.as_ref().map(ExposeSecret::expose_secret);
    println!(
        "{}",
        json!({ "client_id": added.client_id, "client_secret": secret })
    );
}

fn line(client: &Registration) -> String {
    let grants: Vec<&str> = client.grants.iter().map(|grant| grant.name()).collect();
    let mut words = vec![
        client.id.clone(),
        printable(&client.name),
        if client.confidential {
            "confidential"
        } else {
            "public"
        }
        .to_owned(),
        format!("grants {}", grants.join(", ")),
        format!("scopes {}", client.scopes),
    ];
    let marks = [
        (client.first_party, "first-party"),
        (client.may_introspect, "may introspect"),
        (client.disabled_at.is_some(), "revoked"),
    ];
    words.extend(
        marks
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, word)| word.to_owned()),
    );
    for (word, list) in [
        ("redirects", &client.redirect_uris),
        ("resources", &client.resources),
    ] {
        if !list.is_empty() {
            words.push(format!("{word} {}", list.join(", ")));
        }
    }
    words.join("  ")
}
