//! A person who has used everything there is, so that every table that names users has a row of theirs.

use auth::form_texts::Typist;
use serde_json::json;
use uuid::Uuid;

use super::schema::columns;
use crate::clients::support::{Client, Tokens}; // wing:clients
use crate::oauth::support::{World, person_with};
use crate::second_factors::App; // wing:second-factors
use crate::support::{Browser, PASSWORD, TestApp};

pub const EMAIL: &str = "augusta.canary@example.com";
pub const NAME: &str = "Augusta Canary King";
const BROWSER: &str = "CanaryBrowser/7";
pub const IP: &str = "198.51.100.77";
const NETWORK: &str = "198.51.100.0/24";
const BIO: &str = "Writes notes about canaries and engines.";
pub const AT_PROVIDER: &str = "canary-at-acme";
pub const PRIVATE: &str = "canary-of-a-private-token"; // wing:private-data
pub const UNSAVED: &str = "canary-of-unsaved-text";

/// What must not be found anywhere once the person is gone, beside the id.
pub const TRACES: &[&str] = &[EMAIL, NAME, BROWSER, IP, NETWORK, BIO, AT_PROVIDER];

/// The person, and what belongs to them.
pub struct Person {
    pub world: World,
    pub browser: Browser,
    pub id: Uuid,
    pub client: Client, // wing:clients
    pub tokens: Tokens, // wing:clients
}

impl Person {
    pub async fn new() -> Self {
        let world = World::new().await;
        let app = &world.app;
        let browser = app.browser().at(IP);
        let fields = [("email", EMAIL), ("password", PASSWORD), ("name", NAME)];
        let call = browser.post("/api/register", &fields);
        call.header("user-agent", BROWSER).send().await.expect(200);
        let id = app.id_of(EMAIL).await;
        crate::passkeys::Authenticator::of(&browser).await; // wing:passkeys
        // wing:second-factors
        let factor = App::of(&browser).await;
        let tablet = app.browser().at(IP);
        tablet.login(EMAIL, PASSWORD).await.expect(403);
        let code = factor.code(app);
        let fields = [("code", &*code), ("trust", "true")];
        tablet.call("second_factor", &fields).await.expect(200);
        // end wing:second-factors
        let at_acme = json!({ "sub": AT_PROVIDER, "email": EMAIL, "name": NAME });
        let linked = browser
            .link("acme", &world.acme, &person_with("augusta", at_acme))
            .await;
        linked.assert_leads_to("/settings/accounts");
        browser.begin_link("corp").await;
        let pretender = json!({ "sub": "pretender", "email": EMAIL });
        let waiting = world
            .browser()
            .sign_in("corp", &world.corp, &person_with("pretender", pretender))
            .await;
        waiting.assert_failed("link_required");
        browser
            .call("update_public_data", &[("bio", BIO)])
            .await
            .expect(200);
        crate::pictures::give(&browser).await; // wing:pictures
        // wing:private-data
        browser
            .call("update_private_data", &[("api_token", PRIVATE)])
            .await
            .expect(200);
        // end wing:private-data
        let text = vec![("bio".to_owned(), UNSAVED.to_owned())];
        app.auth
            .form_texts
            .keep(id, text, Typist::SignedIn)
            .await
            .unwrap()
            .unwrap();
        // wing:clients
        let client = Client::public(app, "canary").await;
        let tokens = client.tokens(&browser).await;
        let (_, user_code) = client.device(&[]).await;
        let fields = [("user_code", &*user_code), ("decision", "allow")];
        browser.call("decide_device", &fields).await.expect(200);
        let fields = [("name", "Canary key"), ("scope", "profile")];
        browser.call("create_key", &fields).await.expect(200);
        // end wing:clients
        // Another id for the session, which leaves the former one behind.
        browser
            .call("confirm_identity", &[("password", PASSWORD)])
            .await
            .expect(200);
        browser.call("start_totp", &[]).await.expect(200); // wing:second-factors
        // wing:mail
        // The job that sends is not running.
        browser.call("send_verification", &[]).await.expect(200);
        // end wing:mail
        // What the person did to others as an administrator. With parameters, since statements are logged here.
        sqlx::query(
            "INSERT INTO audit_events (id, at, actor_id, kind, ip)
             SELECT $1, created_at, id, 'set_role', $2 FROM users WHERE id = $3",
        )
        .bind(uuid::Uuid::now_v7())
        .bind(IP)
        .bind(id)
        .execute(app.auth.db.write())
        .await
        .unwrap();
        Self {
            browser,
            id,
            client, // wing:clients
            tokens, // wing:clients
            world,
        }
    }

    pub fn app(&self) -> &TestApp {
        &self.world.app
    }
}

/// How many rows of each table name this user, by table and column.
pub async fn rows_of(app: &TestApp, id: Uuid) -> Vec<(String, String, i64)> {
    let mut rows = Vec::new();
    for (table, column) in columns(app).await {
        let names_users = column.ends_with("user_id")
            || column == "actor_id"
            || (table.as_str(), column.as_str()) == ("users", "id");
        if names_users {
            let query = format!("SELECT count(*) FROM {table} WHERE {column} = $1");
            let found: i64 = sqlx::query_scalar(&query)
                .bind(id)
                .fetch_one(app.auth.db.read())
                .await
                .unwrap();
            rows.push((table, column, found));
        }
    }
    rows
}
