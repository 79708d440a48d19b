//! What `docs/openapi.json` describes is what there is, and nothing is missing in it.

use std::{collections::BTreeSet, fs, path::Path};

use auth::{Scope, clients::Grant};
use http::Method;
use leptos::server_fn::axum::server_fn_paths;
use serde_json::json;

use super::{
    description::{Description, Seen},
    registered::Asking,
    support::{ADA, CHALLENGE, Client, DEVICE_GRANT, REDIRECT, VERIFIER, with_token},
};
use crate::support::{Answer, Browser, Call, PASSWORD, SOME_ID, TestApp};

/// The routes for clients: how the sources name them, and their paths.
const ROUTES: &[(&str, &str)] = &[
    ("metadata::TOKEN", "/oauth/token"),
    ("metadata::DEVICE_AUTHORIZATION", "/oauth/device_authorization"),
    ("metadata::REVOKE", "/oauth/revoke"),
    ("metadata::INTROSPECT", "/oauth/introspect"),
    ("metadata::JWKS", "/.well-known/jwks.json"),
    (
        "\"/.well-known/oauth-authorization-server\"",
        "/.well-known/oauth-authorization-server",
    ),
    ("AUTHORIZE", "/oauth/authorize"),
    ("\"/api/session\"", "/api/session"),
    ("\"/api/user\"", "/api/user"),
    ("\"/api/events\"", "/api/events"),
    ("LOGIN", "/login"),
    ("LOGOUT", "/logout"),
    ("PROTECTED", "/protected"),
    ("user_endpoint::PATH", "/user-endpoint"),
];
/// The routes that are for browsers, providers and operators.
const OTHER_ROUTES: &[&str] = &[
    "\"/auth/login/{provider}\"",
    "\"/auth/callback/{provider}\"",
    "\"/api\"",
    "\"/api/\"",
    "\"/api/{*rest}\"",
    "\"/csp-report\"",
    "CHANGE_PASSWORD",
    "security_txt::PATH",
    "EXPORT_DATA", // wing:data-rights
    // wing:pictures
    "UPLOAD_PICTURE",
    "pictures::PICTURES",
    // end wing:pictures
    "\"/healthz\"",
    "\"/readyz\"",
    "\"/metrics\"",
];
/// The server functions that are not about access: pages call them, and so may clients with the scope `app`.
const OTHER_FUNCTIONS: &[&str] = &[
    "register",
    "login",
    "logout",
    "confirm_identity",
    "change_password",
    "set_password",
    "get_ways_in",
    "list_next_steps", // wing:mail,second-factors,passkeys
    "list_accounts",
    "unlink_account",
    "remove_picture", // wing:pictures
    "list_own_events",
    "get_public_data",
    "update_public_data",
    "clear_public_data",
    "choose_theme",
    // wing:data-rights
    "get_privacy",
    "delete_account",
    // end wing:data-rights
    // wing:private-data
    "describe_private_data",
    "update_private_data",
    "clear_private_data",
    // end wing:private-data
    // wing:second-factors
    "second_factor",
    "get_second_factors",
    "start_totp",
    "confirm_totp",
    "disable_totp",
    "new_recovery_codes",
    // end wing:second-factors
    // wing:passkeys
    "start_passkey_sign_in",
    "passkey_sign_in",
    "list_passkeys",
    "start_passkey",
    "finish_passkey",
    "rename_passkey",
    "delete_passkey",
    "start_passkey_confirmation",
    // end wing:passkeys
    // wing:mail
    "send_verification",
    "send_confirmation_code",
    "get_link",
    "verify_email",
    "forgot_password",
    "reset_password",
    "change_email",
    "confirm_email_change",
    "undo_email_change",
    "send_sign_in_code",
    "sign_in_with_code",
    "finish_registration",
    "claim_address",
    // end wing:mail
];
/// The answers that take a slow network or a lost database, or a flood.
const RARE: [u16; 3] = [408, 429, 503];

/// The first argument of every `.route(…)` in the router and the routes.
fn routes_in(place: &Path, found: &mut BTreeSet<String>) {
    if place.is_dir() {
        for entry in fs::read_dir(place).unwrap() {
            routes_in(&entry.unwrap().path(), found);
        }
        return;
    }
    let source = fs::read_to_string(place).unwrap();
    let calls = source.split(".route(").skip(1);
    found.extend(calls.map(|call| call.split(',').next().unwrap().trim().to_owned()));
}

#[tokio::test]
async fn every_address_for_clients_is_described_and_no_other() {
    let _app = TestApp::new().await;
    let description = Description::read();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut routes = BTreeSet::new();
    for place in ["router.rs", "routes"] {
        routes_in(&sources.join(place), &mut routes);
    }
    let mut expected = BTreeSet::new();
    for route in routes {
        match ROUTES.iter().find(|(name, _)| *name == route) {
            Some((_, path)) => drop(expected.insert(*path)),
            None => assert!(
                OTHER_ROUTES.contains(&&*route),
                "{route} is new: describe it in docs/openapi.json, or list it here"
            ),
        }
    }
    assert_eq!(expected.len(), ROUTES.len(), "{expected:?}");
    let functions = server_fn_paths().map(|(path, _)| path);
    let of_clients = functions.filter(|path| {
        let name = path.strip_prefix("/api/").unwrap();
        // Administration does not exist for clients.
        !name.starts_with("admin/") && !OTHER_FUNCTIONS.contains(&name)
    });
    expected.extend(of_clients);
    assert_eq!(description.paths(), expected);
}

#[tokio::test]
async fn every_address_has_the_methods_that_are_described_and_no_other() {
    let app = TestApp::new().await;
    let description = Description::read();
    for path in description.paths() {
        let mut methods = description.methods(path);
        if methods.contains(&Method::GET) {
            methods.insert(Method::HEAD);
        }
        let stranger = app.browser().unhindered();
        for method in methods.iter().filter(|method| **method != Method::HEAD) {
            let answer = stranger.request(method.clone(), path).send().await;
            description.check(method, path, &answer);
            assert!(![404, 405].contains(&answer.status), "{method} {path}");
        }
        let answer = stranger.request(Method::PATCH, path).send().await.expect(405);
        let allowed: BTreeSet<Method> = answer
            .header("allow")
            .unwrap()
            .split(',')
            .map(|method| method.trim().parse().unwrap())
            .collect();
        assert_eq!(allowed, methods, "{path}");
    }
}

/// Answers, compared with the description.
struct Compared {
    app: TestApp,
    description: Description,
    seen: BTreeSet<Seen>,
}

impl Compared {
    async fn new() -> Self {
        Self {
            app: TestApp::new().await,
            description: Description::read(),
            seen: BTreeSet::new(),
        }
    }

    #[track_caller]
    fn has(&mut self, method: &Method, path: &str, answer: &Answer) {
        let seen = self.description.check(method, path, answer);
        self.seen.insert(seen);
    }

    /// Sends a request to an address, whose answer has to be one of those described, and has to have this status.
    async fn sent(&mut self, method: Method, path: &str, call: Call, status: u16) -> Answer {
        let answer = call.send().await.expect(status);
        self.has(&method, path, &answer);
        answer
    }

    async fn post(&mut self, path: &str, call: Call, status: u16) -> Answer {
        self.sent(Method::POST, path, call, status).await
    }

    async fn get(&mut self, path: &str, call: Call, status: u16) -> Answer {
        self.sent(Method::GET, path, call, status).await
    }

    fn anonymous(&self, method: Method, path: &str) -> Call {
        self.app.browser().unhindered().request(method, path)
    }
}

/// A client that may do everything.
async fn everything(app: &TestApp) -> Client {
    Client::registered(app, "all", |new| {
        new.confidential = true;
        new.first_party = true;
        new.may_introspect = true;
        new.grants.push(Grant::ClientCredentials);
        new.scopes = Scope::ALL.to_vec();
    })
    .await
}

async fn token(client: &Client, user: &Browser, scope: &str) -> String {
    let (device, code) = client.device(&[("scope", scope)]).await;
    let fields = [("user_code", code.as_str()), ("decision", "allow")];
    user.call("decide_device", &fields).await.expect(200);
    let tokens = client.poll(&device).await.expect(200).json();
    tokens["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn real_answers_are_as_described_and_every_described_answer_is_real() {
    let mut compared = Compared::new().await;
    let app = compared.app.clone();
    let ada = app.registered(ADA).await.unhindered();
    let client = everything(&app).await;
    the_endpoints_of_oauth(&mut compared, &ada, &client).await;
    the_page_of_consent(&mut compared, &ada, &client).await;
    what_tokens_open(&mut compared, &ada, &client).await;
    signing_in_and_out(&mut compared, &ada).await;
    the_functions(&mut compared, &ada, &client).await;
    what_a_client_keeps(&mut compared, &ada, &client).await;
    let mut missing = compared.description.answers();
    missing.retain(|seen| !compared.seen.contains(seen) && !RARE.contains(&seen.1));
    assert!(missing.is_empty(), "described, but never seen: {missing:#?}");
}

async fn the_endpoints_of_oauth(compared: &mut Compared, ada: &Browser, client: &Client) {
    for path in [
        "/oauth/token",
        "/oauth/device_authorization",
        "/oauth/revoke",
        "/oauth/introspect",
    ] {
        compared.post(path, client.bare(path, &[]), 401).await;
        compared
            .post(path, client.call(path, &[]).body("a=1&a=2"), 400)
            .await;
        compared
            .post(path, client.call(path, &[]).body("a".repeat(8193)), 413)
            .await;
    }
    let path = "/oauth/token";
    let code = client.code(ada).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let by_code = compared.post(path, client.call(path, &fields), 200).await.json();
    let refresh = by_code["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    compared.post(path, client.call(path, &fields), 200).await;
    let itself = client.call(path, &[("grant_type", "client_credentials")]);
    let itself = compared.post(path, itself, 200).await.json();
    for grant in ["password", "refresh_token", "authorization_code"] {
        compared
            .post(path, client.call(path, &[("grant_type", grant)]), 400)
            .await;
    }
    let begins = client.call("/oauth/device_authorization", &[]);
    let device = compared
        .post("/oauth/device_authorization", begins, 200)
        .await
        .json();
    let device_code = device["device_code"].as_str().unwrap();
    let fields = [("grant_type", DEVICE_GRANT), ("device_code", device_code)];
    for _ in 0..2 {
        compared.post(path, client.call(path, &fields), 400).await;
    }

    let path = "/oauth/introspect";
    let public = Client::public(&compared.app, "public").await;
    compared
        .post(path, public.call(path, &[("token", "x")]), 403)
        .await;
    let key = [("name", "Backups"), ("scope", "profile")];
    let key = ada.call("create_key", &key).await.expect(200).json();
    let access = by_code["access_token"].as_str().unwrap();
    for token in [
        "x",
        refresh,
        access,
        key["key"].as_str().unwrap(),
        itself["access_token"].as_str().unwrap(),
    ] {
        compared
            .post(path, client.call(path, &[("token", token)]), 200)
            .await;
    }
    let path = "/oauth/revoke";
    compared
        .post(path, client.call(path, &[("token", access)]), 200)
        .await;
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
    ] {
        let call = compared.anonymous(Method::GET, path);
        let etag = compared.get(path, call, 200).await;
        let call = compared
            .anonymous(Method::GET, path)
            .header("if-none-match", etag.header("etag").unwrap());
        compared.get(path, call, 304).await;
    }
}

async fn the_page_of_consent(compared: &mut Compared, ada: &Browser, client: &Client) {
    let path = "/oauth/authorize";
    let asking = Asking::of(&client.id, REDIRECT).with("code_challenge", CHALLENGE);
    let other = Asking::of("nobody", REDIRECT);
    for (page, status) in [(&asking, 200), (&other, 400)] {
        let call = ada.request(Method::GET, &page.address());
        compared.get(path, call, status).await;
    }
    let call = compared.anonymous(Method::GET, &asking.address());
    compared.get(path, call, 303).await;
    for (page, status) in [(&asking, 200), (&other, 400)] {
        let answer = page.decide(ada, "deny").await.expect(status);
        compared.has(&Method::POST, path, &answer);
    }
    let answer = asking.decide(&compared.app.browser(), "deny").await.expect(303);
    compared.has(&Method::POST, path, &answer);
    let call = ada.post(path, &[]).header("authorization", "Bearer x");
    compared.post(path, call, 403).await;
    let call = ada.post(path, &[]).body("a".repeat(8193));
    compared.post(path, call, 413).await;
    let call = ada.post(path, &[]).header("content-type", "text/plain").body("x");
    compared.post(path, call, 415).await;
    compared.post(path, ada.post(path, &[]).body("a=%FF"), 422).await;
}

async fn what_tokens_open(compared: &mut Compared, ada: &Browser, client: &Client) {
    let app = compared.app.clone();
    let (profile, data) = (
        token(client, ada, "profile").await,
        token(client, ada, "data").await,
    );
    for path in ["/api/session", "/api/user"] {
        let call = with_token(&app, Method::GET, path, &profile);
        compared.get(path, call, 200).await;
        let answer = compared.get(path, ada.request(Method::GET, path), 200).await;
        let call = ada
            .request(Method::GET, path)
            .header("if-none-match", answer.header("etag").unwrap());
        compared.get(path, call, 304).await;
    }
    let call = compared.anonymous(Method::GET, "/api/session");
    compared.get("/api/session", call, 200).await;
    for path in ["/api/session", "/api/user", "/api/events", "/protected"] {
        compared
            .get(path, with_token(&app, Method::GET, path, "x"), 401)
            .await;
        compared
            .get(path, with_token(&app, Method::GET, path, &data), 403)
            .await;
    }
    for path in ["/api/user", "/api/events", "/protected"] {
        let call = compared.anonymous(Method::GET, path);
        compared.get(path, call, 401).await;
    }
    let path = "/protected";
    compared.get(path, ada.request(Method::GET, path), 200).await;
    let itself = [("grant_type", "client_credentials"), ("scope", "profile")];
    let itself = client.token(&itself).await.expect(200).json();
    let itself = itself["access_token"].as_str().unwrap();
    compared
        .get(path, with_token(&app, Method::GET, path, itself), 200)
        .await;
    let call = with_token(&app, Method::GET, "/api/events", &profile);
    let (answer, stream) = call.open().await;
    compared.has(&Method::GET, "/api/events", &answer.expect(200));
    drop(stream);
}

async fn signing_in_and_out(compared: &mut Compared, ada: &Browser) {
    let path = "/login";
    let right = json!({ "email": ADA, "password": PASSWORD }).to_string();
    let wrong = json!({ "email": ADA, "password": "wrong" }).to_string();
    let long = "a".repeat(8193);
    for (kind, body, status) in [
        ("application/json", &*right, 200),
        ("application/json", &*wrong, 401),
        ("application/json", "{", 400),
        ("application/json", "{}", 422),
        ("application/json", &*long, 413),
        ("text/plain", "x", 415),
        ("application/x-www-form-urlencoded", "email=x", 422),
    ] {
        let call = compared
            .anonymous(Method::POST, path)
            .header("content-type", kind)
            .body(body.to_owned());
        compared.post(path, call, status).await;
    }
    let call = compared
        .anonymous(Method::POST, path)
        .header("sec-fetch-site", "cross-site");
    compared.post(path, call, 403).await;
    let call = compared
        .anonymous(Method::POST, path)
        .header("authorization", "x");
    compared.post(path, call, 400).await;
    let call = compared.anonymous(Method::GET, path);
    compared.get(path, call, 200).await;
    compared.get(path, ada.request(Method::GET, path), 303).await;

    let path = "/logout";
    let call = compared.anonymous(Method::POST, path);
    compared.post(path, call, 200).await;
    let call = with_token(&compared.app, Method::POST, path, "x");
    compared.post(path, call, 401).await;
    compared.post(path, ada.request(Method::POST, path), 403).await;
}

/// Each server function that is described.
async fn the_functions(compared: &mut Compared, ada: &Browser, client: &Client) {
    let functions: Vec<String> = compared
        .description
        .paths()
        .into_iter()
        .filter(|path| path.starts_with("/api/"))
        .filter(|path| !["/api/session", "/api/user", "/api/events"].contains(path))
        .map(str::to_owned)
        .collect();
    let data = token(client, ada, "data").await;
    for path in &functions {
        what_every_function_refuses(compared, ada, path, &data).await;
    }
    let (_, code) = client.device(&[("scope", "profile")]).await;
    for (path, fields, status) in [
        ("/api/get_auth_session", &[][..], 200),
        ("/api/get_user", &[], 200),
        ("/api/list_sessions", &[], 200),
        ("/api/list_access", &[], 200),
        (
            "/api/create_key",
            &[("name", "Backups"), ("scope", "profile")],
            200,
        ),
        ("/api/create_key", &[("name", "Backups"), ("scope", "data")], 422),
        ("/api/get_device", &[("user_code", &*code)], 200),
        ("/api/get_device", &[("user_code", "BCDF-GHJK")], 404),
        (
            "/api/decide_device",
            &[("user_code", &*code), ("decision", "deny")],
            200,
        ),
        (
            "/api/decide_device",
            &[("user_code", &*code), ("decision", "deny")],
            404,
        ),
        ("/api/revoke_session", &[("session_id", SOME_ID)], 404),
    ] {
        compared.post(path, ada.post(path, fields), status).await;
    }
    for path in ["/api/get_auth_session", "/api/get_user"] {
        let call = compared.anonymous(Method::POST, path);
        compared.post(path, call, 200).await;
    }
    let listed = ada.call("list_access", &[]).await.expect(200).json();
    let fields = [("session_id", listed[0]["session_id"].as_str().unwrap())];
    let path = "/api/revoke_session";
    compared.post(path, ada.post(path, &fields), 200).await;
    let path = "/api/revoke_other_sessions";
    compared.post(path, ada.post(path, &[]), 200).await;
    too_many_keys(compared, ada).await;
}

async fn what_every_function_refuses(compared: &mut Compared, ada: &Browser, path: &str, data: &str) {
    let form = "application/x-www-form-urlencoded";
    let long = [b'a'; 64 * 1024 + 1];
    for (kind, body, status) in [
        (form, &b"a=\xff"[..], 400),
        (form, b"a=%FF", 422),
        (form, &long, 413),
        ("text/plain", b"x", 415),
    ] {
        let call = ada.post(path, &[]).header("content-type", kind);
        compared.post(path, call.body(body.to_vec()), status).await;
    }
    let app = compared.app.clone();
    let call = with_token(&app, Method::POST, path, data);
    compared.post(path, call, 403).await;
    let call = match path {
        // With any token it is 403.
        "/api/decide_device" => {
            let fields = [("user_code", "BCDF-GHJK"), ("decision", "allow")];
            compared.anonymous(Method::POST, path).form(&fields)
        }
        _ => with_token(&app, Method::POST, path, "x"),
    };
    compared.post(path, call, 401).await;
}

async fn too_many_keys(compared: &mut Compared, ada: &Browser) {
    let path = "/api/create_key";
    let fields = [("name", "Backups"), ("scope", "profile")];
    for status in [[200; 50].as_slice(), &[409]].concat() {
        // No more than ten in an hour, and each needs a recent session.
        compared.app.advance(600);
        ada.call("confirm_identity", &[("password", PASSWORD)])
            .await
            .expect(200);
        compared.post(path, ada.post(path, &fields), status).await;
    }
}

async fn what_a_client_keeps(compared: &mut Compared, ada: &Browser, client: &Client) {
    let app = compared.app.clone();
    let path = "/user-endpoint";
    let (data, profile) = (
        token(client, ada, "data").await,
        token(client, ada, "profile").await,
    );
    let call = |token: &str, fields: &[(&str, &str)]| {
        let fields = [fields, &[("client_id", &*client.id)]].concat();
        with_token(&app, Method::POST, path, token).form(&fields)
    };
    let get = [("action", "get"), ("type", "public")];
    let update = [("action", "update"), ("type", "public"), ("data", "{\"a\":1}")];
    compared.post(path, call(&data, &get), 200).await;
    compared.post(path, call(&data, &update), 200).await;
    compared
        .post(path, call(&data, &update).header("if-match", "\"0\""), 412)
        .await;
    // wing:private-data
    let secret = client.secret.as_deref().unwrap();
    let private = [("action", "get"), ("type", "private")];
    let call_private = call(&data, &private).header("x-client-secret", secret);
    compared.post(path, call_private, 200).await;
    // end wing:private-data
    compared.post(path, call("x", &get), 401).await;
    compared.post(path, call(&profile, &get), 403).await;
    compared.post(path, call(&data, &[]), 422).await;
    let long = "a".repeat(301 * 1024);
    compared.post(path, call(&data, &[("data", &long)]), 413).await;
    let other = call(&data, &get).header("content-type", "text/plain");
    compared.post(path, other, 415).await;
}

#[tokio::test]
async fn floods_and_a_lost_database_are_as_described() {
    let mut compared = Compared::new().await;
    let app = compared.app.clone();
    let client = Client::public(&app, "cli").await.at("198.51.100.1");
    for _ in 0..60 {
        client.refresh("x").await.expect(400);
    }
    let again = client.refresh("x").await.expect(429);
    compared.has(&Method::POST, "/oauth/token", &again);
    let ada = app.registered(ADA).await;
    app.lose_database().await;
    let path = "/oauth/token";
    let call = client.at("198.51.100.2").call(path, &[]);
    compared.post(path, call, 503).await;
    for path in ["/api/user", "/protected"] {
        compared.get(path, ada.request(Method::GET, path), 503).await;
    }
}
