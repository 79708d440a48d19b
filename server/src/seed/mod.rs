//! `server seed`: a dozen people with a month of life behind them, for screenshots, and so that no page of a fresh
//! database is empty. Debug builds contain it.
//!
//! Everybody does what they do by requests to the application, whose clock is moved for it. So what is in the database
//! afterwards is what the application has put there.

mod people;
mod visitor;

use std::collections::HashMap;

use auth::{
    Clock,
    Role,                        // wing:admin
    admin::{Administration, By}, // wing:admin
    db::Database,
    mail::{MailConfig, Registration}, // wing:mail
};
use axum::{Router, http::StatusCode};
use time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::{
    people::{DAYS, Deed, PASSWORD, PEOPLE, Person, Step},
    visitor::Visitor,
};
use crate::dev_idp; // wing:dev-provider
use crate::{
    config::{ServerConfig, TrustedProxies},
    connections::Connections,
    serve::{Failure, accept, build},
};

/// Runs `server seed`, and prints who is there now.
///
/// # Errors
/// If the server is not for this machine only, or runs, or the database cannot be opened or has users.
pub async fn seed(mut config: ServerConfig) -> Result<(), Failure> {
    // Everybody's password is in the sources.
    if !config.addr.ip().is_loopback() || !config.auth.public_url.loopback() {
        return Err(
            "these people are for this machine only: LEPTOS_SITE_ADDR and PUBLIC_URL must be on loopback"
                .into(),
        );
    }
    // The development provider asks the application for what it has told it, at the address where it listens.
    let listener = TcpListener::bind(config.addr).await.map_err(|error| {
        format!(
            "cannot listen on {}, which signing in with a provider needs: stop the server first ({error})",
            config.addr
        )
    })?;
    // Everybody comes from an address of their own.
    config.site.trusted_proxies = TrustedProxies::parse("127.0.0.1, ::1")?;
    // wing:mail
    config.auth.mail = MailConfig::Off;
    config.auth.registration = Registration::Open;
    // end wing:mail
    config.auth.providers = vec![dev_idp::provider(&config.auth.public_url)]; // wing:dev-provider
    let origin = config.auth.public_url.origin().to_owned();
    let db = Database::open_or_create(&config.auth.database_url).await?;
    refuse_users(&db).await?;
    db.migrate().await?;
    // Only now can the database always tell.
    refuse_users(&db).await?;
    let now = Clock::system().now();
    let clock = Clock::manual(now - Duration::days(DAYS));
    let operator = Administration::at_command_line(&config.auth, db.clone(), clock.clone()).await?; // wing:admin
    let connections = Connections::of(&config);
    let (router, _) = build(config, db.clone(), clock.clone()).await;
    let stop = CancellationToken::new();
    let listening = tokio::spawn({
        let (router, stop) = (router.clone(), stop.clone());
        async move { accept(listener, router, &connections, &stop).await }
    });

    let world = World {
        router,
        origin,
        clock,
        operator, // wing:admin
    };
    let outcome = world.live().await;
    stop.cancel();
    listening.await?;
    db.close().await;
    outcome?;
    println!(
        "There are {} people now. The password of each is: {PASSWORD}\n",
        PEOPLE.len()
    );
    for person in PEOPLE {
        println!("  {:<20}{}", person.name, person.email);
    }
    Ok(())
}

async fn refuse_users(db: &Database) -> Result<(), Failure> {
    if db.has_users().await? {
        return Err(
            "there are users already: only a fresh database is seeded. Stop the server and delete this one, which is \
             the folder data/, unless DATABASE_URL names another"
                .into(),
        );
    }
    Ok(())
}

/// Where they live.
struct World {
    router: Router,
    origin: String,
    clock: Clock,
    operator: Administration, // wing:admin
}

impl World {
    /// Lets everybody do what they have done, in order.
    async fn live(&self) -> Result<(), Failure> {
        let mut steps: Vec<(&Person, &'static Step)> = PEOPLE
            .iter()
            .flat_map(|person| person.steps.iter().map(move |step| (person, step)))
            .collect();
        steps.sort_by(|(_, one), (_, other)| other.days_ago.total_cmp(&one.days_ago));
        let now = self.clock.now() + Duration::days(DAYS);
        let mut browsers: HashMap<(&str, &str), Visitor> = HashMap::new();
        for (person, step) in steps {
            let moment = now - Duration::seconds_f64(step.days_ago * 86_400.0);
            self.clock.advance(moment - self.clock.now());
            let browser = browsers
                .entry((person.email, step.device.agent))
                .or_insert_with(|| Visitor::new(&self.router, &self.origin, step.device));
            self.act(browser, person, &step.deed).await?;
        }
        Ok(())
    }

    /// Does what somebody does in a browser, or what an operator does to them.
    async fn act(&self, browser: &mut Visitor, person: &Person, deed: &Deed) -> Result<(), Failure> {
        let Person { name, email, .. } = *person;
        let (function, fields): (&str, Vec<(&str, &str)>) = match *deed {
            Deed::Register => (
                "register",
                vec![
                    ("email", email),
                    ("password", PASSWORD),
                    ("name", name),
                    ("remember", "true"),
                ],
            ),
            Deed::SignIn => (
                "login",
                vec![("email", email), ("password", PASSWORD), ("remember", "true")],
            ),
            Deed::MistypePassword => (
                "login",
                vec![("email", email), ("password", "seeded people mistype it")],
            ),
            Deed::SignOut => ("logout", Vec::new()),
            Deed::SignOutElsewhere => ("revoke_other_sessions", Vec::new()),
            Deed::Describe { bio, website, theme } => (
                "update_public_data",
                vec![
                    ("display_name", name),
                    ("bio", bio),
                    ("website", website),
                    ("theme", theme),
                ],
            ),
            // wing:private-data
            Deed::KeepPrivately => (
                "update_private_data",
                vec![("api_token", "a-token-for-another-service")],
            ),
            // end wing:private-data
            Deed::SignInWithProvider => return browser.with_provider("", email, name).await, // wing:dev-provider
            Deed::Connect => return browser.with_provider("link", email, name).await, // wing:dev-provider
            Deed::BecomeAdmin => return self.promote(email).await,                    // wing:admin
            Deed::BeDisabled => return self.disable(email).await,                     // wing:admin
        };
        let status = browser.call(function, &fields).await?;
        match (deed, status) {
            (Deed::MistypePassword, StatusCode::UNAUTHORIZED) => Ok(()),
            (_, status) if status.is_success() => Ok(()),
            (_, status) => Err(format!("{name} was refused: {function} answered {status}").into()),
        }
    }

    // wing:admin
    async fn promote(&self, email: &str) -> Result<(), Failure> {
        let id = self.operator.find(email).await?.id;
        self.operator.set_role(By::CommandLine, id, Role::Admin).await?;
        Ok(())
    }

    async fn disable(&self, email: &str) -> Result<(), Failure> {
        let id = self.operator.find(email).await?.id;
        self.operator.disable(By::CommandLine, id).await?;
        Ok(())
    }
    // end wing:admin
}
