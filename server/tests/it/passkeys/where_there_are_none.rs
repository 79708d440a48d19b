//! No passkey belongs to an IP address.

use super::ADA;
use crate::support::{FUNCTIONS, TestApp};

#[tokio::test]
async fn under_an_ip_address_there_are_no_passkeys() {
    let app = TestApp::with(&[("PUBLIC_URL", "http://127.0.0.1:3000")]).await;
    let ada = app.registered(ADA).await;
    let mut seen = 0;
    for (function, fields) in FUNCTIONS {
        if function.contains("passkey") {
            seen += 1;
            ada.call(function, fields).await.refused(404, "not_found");
        }
    }
    assert_eq!(seen, 8);
    ada.call("confirm_identity", &[("credential", "{}")])
        .await
        .refused(404, "not_found");
    for page in ["/login", "/settings/security"] {
        let browser = if page == "/login" {
            app.browser()
        } else {
            ada.copy()
        };
        let shown = browser.get(page).await.expect(200);
        for part in ["passkey-form", "passkeys.js", "a passkey", "Passkeys"] {
            assert!(!shown.shows(part), "{page}: {part}");
        }
    }
}
