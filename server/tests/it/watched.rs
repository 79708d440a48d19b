//! Pages while the sources are watched, and otherwise.

use auth::Vars;
use server::config::ServerConfig;

use crate::support::{Folder, ORIGIN, TestApp};

/// Cargo sets one of the variables for all that it starts, and cargo-leptos both.
#[tokio::test]
async fn a_page_follows_the_sources_only_while_cargo_leptos_watches_them() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let (url, site) = (folder.database_url(), folder.site());
    let own = [
        ("PUBLIC_URL", ORIGIN),
        ("DATABASE_URL", &url),
        ("LEPTOS_SITE_ROOT", &site),
        ("LEPTOS_RELOAD_PORT", "4001"),
        ("LEPTOS_WATCH", "true"),
    ];
    for (more, is_watched) in [(None, false), (Some(("LEPTOS_LIB_DIR", "frontend")), true)] {
        let vars: Vars = own.into_iter().chain(more).collect();
        let config = ServerConfig::from_vars(&vars, false).unwrap();
        let router = server::router::router(app.auth.clone(), config.site);
        let page = app.browser().through(&router).get("/login").await.expect(200);
        assert_eq!(page.text().contains("/live_reload"), is_watched);
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert_eq!(policy.contains("ws://127.0.0.1:4001"), is_watched, "{policy}");
        // Compiled alike for both: otherwise all that depends on leptos would be compiled anew for each.
        assert!(page.text().contains("<!--hot-reload|app-src-pages-login.rs-"));
    }
}
