//! Microsoft.

use serde_json::{Value, json};

use super::Preset;
use crate::oauth::idp::Endpoint;
use crate::support::{Answer, Browser};

pub const TENANT: &str = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
const OTHER_TENANT: &str = "7c1d2b3a-0001-4da1-9baa-8bc8c9d6a490";
const PERSONAL: &str = "9188040d-6c67-4b5b-b112-36a304b66dad";

/// Microsoft for anybody's tenant: the issuer in the metadata is a template.
pub async fn microsoft(tenant: &str) -> Preset {
    let microsoft = Preset::oidc("microsoft", &format!("/{tenant}/v2.0"), &[]).await;
    let template = microsoft.idp.at("/{tenantid}/v2.0");
    microsoft
        .idp
        .script(|script| script.metadata = json!({ "issuer": template }));
    microsoft
}

impl Preset {
    /// Somebody of a tenant, and the ID token that tenant makes.
    pub async fn at_tenant(&self, tenant: &str, changes: Value) -> (Browser, Answer) {
        let mut person = json!({
            "sub": "pairwise", "oid": "0000-ada", "tid": tenant, "email": "ada@corp.example", "name": "Ada",
            "email_verified": true, "preferred_username": "ada@corp.example",
        });
        crate::oauth::keys::patch(&mut person, &changes);
        let issuer = self.idp.at(&format!("/{tenant}/v2.0"));
        self.idp.script(|script| script.claims = json!({ "iss": issuer }));
        self.sign_in(&person).await
    }
}

#[tokio::test]
async fn microsofts_issuer_is_the_persons_own_tenants() {
    let microsoft = microsoft("common").await;
    let (browser, answer) = microsoft.at_tenant(TENANT, json!({})).await;
    answer.assert_leads_to("/profile");
    assert_eq!(microsoft.subject().await, format!("{TENANT}.0000-ada"));
    // "nOAuth": an administrator of any tenant can write any address, so by itself it counts for nothing.
    let user = browser.user().await;
    assert_eq!((&user["email"], &user["name"]), (&Value::Null, &json!("Ada")));
    assert_eq!(user["accounts"][0]["email"], "ada@corp.example");
    let asked = microsoft.last(Endpoint::Token);
    assert_eq!(asked.form["client_secret"], "microsoft-secret");
    assert_eq!(microsoft.idp.count(Endpoint::Userinfo), 0);
    // Another tenant's person with the same id is somebody else; and so are personal accounts.
    for tenant in [OTHER_TENANT, PERSONAL] {
        let (other, answer) = microsoft.at_tenant(tenant, json!({})).await;
        answer.assert_leads_to("/profile");
        assert_ne!(other.user().await["id"], user["id"]);
    }
    microsoft
        .app
        .assert_counts(&[("users", 3), ("accounts", 3)])
        .await;
}

#[tokio::test]
async fn a_token_of_one_tenant_is_not_taken_for_anothers() {
    let microsoft = microsoft("common").await;
    let issuer = |tenant: &str| microsoft.idp.at(&format!("/{tenant}/v2.0"));
    for (name, claims) in [
        (
            "another tenant's issuer",
            json!({ "iss": issuer(OTHER_TENANT), "tid": TENANT }),
        ),
        (
            "the template",
            json!({ "iss": issuer("{tenantid}"), "tid": "{tenantid}" }),
        ),
        ("no tenant", json!({ "iss": issuer(TENANT), "tid": null })),
        (
            "a tenant that is no id",
            json!({ "iss": issuer("evil"), "tid": "evil" }),
        ),
        (
            "a path for a tenant",
            json!({ "iss": issuer(&format!("x/../{TENANT}")), "tid": format!("x/../{TENANT}") }),
        ),
        (
            "a tenant in capitals",
            json!({ "iss": issuer(&TENANT.to_uppercase()), "tid": TENANT.to_uppercase() }),
        ),
        (
            "another authority",
            json!({ "iss": format!("https://evil.example/{TENANT}/v2.0"), "tid": TENANT }),
        ),
        (
            "common itself",
            json!({ "iss": issuer("common"), "tid": "common" }),
        ),
    ] {
        microsoft.idp.script(|script| script.claims = claims);
        let person = json!({ "sub": "pairwise", "oid": "0000-ada", "tid": TENANT });
        let (_, answer) = microsoft.sign_in(&person).await;
        println!("{name}");
        answer.assert_failed("provider");
        microsoft.app.assert_untouched().await;
    }
    microsoft
        .at_tenant(TENANT, json!({}))
        .await
        .1
        .assert_leads_to("/profile");
}

/// RFC 9207, where the metadata's issuer is a template.
#[tokio::test]
async fn the_iss_of_microsofts_callback_is_some_tenants() {
    let microsoft = microsoft("common").await;
    let issuer = |tenant: &str| microsoft.idp.at(&format!("/{tenant}/v2.0"));
    microsoft
        .idp
        .script(|script| script.claims = json!({ "iss": issuer(TENANT) }));
    let person = json!({ "sub": "pairwise", "oid": "0000-ada", "tid": TENANT });
    for (iss, good) in [
        (issuer(TENANT), true),
        (issuer("{tenantid}"), true),
        (issuer("common"), false),
        (issuer("evil"), false),
        (format!("https://evil.example/{TENANT}/v2.0"), false),
        (format!("{}/", issuer(TENANT)), false),
    ] {
        microsoft.idp.forget_asked();
        let browser = microsoft.browser();
        let hop = browser.begin("microsoft").await;
        let code = microsoft.idp.approve(&hop.url, &person);
        let pairs = [("code", code.as_str()), ("state", &hop.state()), ("iss", &iss)];
        let answer = browser.get(&hop.callback(&pairs)).await;
        println!("{iss}");
        if good {
            answer.assert_leads_to("/profile");
        } else {
            answer.assert_failed("provider");
            assert_eq!(microsoft.idp.count(Endpoint::Token), 0);
        }
    }
}

#[tokio::test]
async fn organizations_are_not_persons_and_one_tenant_is_not_another() {
    let organizations = microsoft("organizations").await;
    organizations
        .at_tenant(PERSONAL, json!({}))
        .await
        .1
        .assert_failed("provider");
    organizations
        .at_tenant(TENANT, json!({}))
        .await
        .1
        .assert_leads_to("/profile");

    let one = Preset::oidc("microsoft", &format!("/{TENANT}/v2.0"), &[]).await;
    one.at_tenant(OTHER_TENANT, json!({}))
        .await
        .1
        .assert_failed("provider");
    one.app.assert_untouched().await;
    one.at_tenant(TENANT, json!({}))
        .await
        .1
        .assert_leads_to("/profile");

    // Its metadata must not turn one tenant into all of them.
    let template = one.idp.at("/{tenantid}/v2.0");
    one.app.advance(3601);
    one.idp
        .script(|script| script.metadata = json!({ "issuer": template }));
    let answer = one.browser().press("microsoft", &[]).await;
    answer.assert_leads_to("/login?error=provider");
}

#[tokio::test]
async fn microsoft_vouches_for_an_address_by_its_own_claims() {
    for (changes, verified) in [
        (json!({ "xms_edov": true }), true),
        (json!({ "xms_edov": "1" }), true),
        (json!({ "xms_edov": 1 }), true),
        (json!({ "verified_primary_email": ["ada@corp.example"] }), true),
        (json!({ "xms_edov": false }), false),
        (json!({ "xms_edov": "0" }), false),
        (json!({ "xms_edov": "no" }), false),
        (json!({ "verified_primary_email": ["other@corp.example"] }), false),
        (json!({ "email_verified": true }), false),
    ] {
        let microsoft = microsoft("common").await;
        let (browser, answer) = microsoft.at_tenant(TENANT, changes.clone()).await;
        answer.assert_leads_to("/profile");
        let expected = if verified {
            json!("ada@corp.example")
        } else {
            Value::Null
        };
        assert_eq!(browser.user().await["email"], expected, "{changes}");
    }
}

/// nOAuth in full: the address of a user here, from a tenant of the attacker's.
#[tokio::test]
async fn an_address_from_another_tenant_opens_no_account() {
    let microsoft = microsoft("common").await;
    microsoft.browser().register("ada@corp.example").await;
    let (browser, answer) = microsoft.at_tenant(OTHER_TENANT, json!({})).await;
    answer.assert_failed("unverified");
    assert_eq!(browser.session().await, Value::Null);
    microsoft
        .app
        .assert_counts(&[
            ("users", 1),
            ("accounts", 0),
            ("sign_in_flows", 0),
            ("pending_links", 0),
        ])
        .await;
}

/// One key set serves every tenant of Microsoft's, and not every key every tenant.
#[tokio::test]
async fn a_key_of_microsofts_is_held_to_its_own_issuer() {
    let microsoft = microsoft("common").await;
    let at = |tenant: &str| microsoft.idp.at(&format!("/{tenant}/v2.0"));
    for (issuer, good) in [
        (json!(at("{tenantid}")), true),
        (json!(at(TENANT)), true),
        (Value::Null, true),
        (json!(at("9188040d-6c67-4b5b-b112-36a304b66dad")), false),
        (json!("https://login.other.example/{tenantid}/v2.0"), false),
        (json!(""), false),
    ] {
        microsoft.idp.script(|script| {
            let jwk = script.signer.jwk_with(&json!({ "issuer": issuer }));
            script.jwks = json!({ "keys": [jwk] });
        });
        let (_, answer) = microsoft.at_tenant(TENANT, json!({})).await;
        println!("{issuer}");
        if good {
            answer.assert_leads_to("/profile");
        } else {
            answer.assert_failed("provider");
        }
        microsoft.app.advance(3601);
    }
}
