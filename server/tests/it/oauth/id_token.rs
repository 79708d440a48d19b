//! The ID token: each table has what must be taken, so that what is refused is refused for its one flaw.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::oauth::{
    idp::{Endpoint, Idp, Reply, Script},
    keys::{RSA_PEM, Signer, encode, hs256},
    support::{World, person, person_with},
};

/// Scripts the provider; told the time.
type Edit = Box<dyn Fn(&mut Script, i64)>;

/// One token: what is special about it, and whether it is good.
struct Case {
    name: String,
    good: bool,
    edit: Edit,
}

fn case(good: bool, name: &str, edit: impl Fn(&mut Script, i64) + 'static) -> Case {
    Case {
        name: name.to_owned(),
        good,
        edit: Box::new(edit),
    }
}

fn taken(name: &str, edit: impl Fn(&mut Script, i64) + 'static) -> Case {
    case(true, name, edit)
}

fn refused(name: &str, edit: impl Fn(&mut Script, i64) + 'static) -> Case {
    case(false, name, edit)
}

/// Claims replaced; the closure is given the time.
fn claims(good: bool, changes: impl Fn(i64) -> Value + 'static) -> Case {
    case(good, &changes(0).to_string(), move |script, now| {
        script.claims = changes(now);
    })
}

fn header(good: bool, changes: Value) -> Case {
    case(good, &changes.to_string(), move |script, _| {
        script.header = changes.clone();
    })
}

/// The ID token as a function of what would have been its header and claims.
fn made(
    good: bool,
    name: &str,
    make: impl Fn(&Signer, &Value, &Value) -> String + Send + Sync + 'static,
) -> Case {
    let make = Arc::new(make);
    case(good, name, move |script, _| {
        let (key, make) = (Arc::clone(&script.signer), Arc::clone(&make));
        script.make_token = Some(Arc::new(move |header, claims| make(&key, header, claims)));
    })
}

/// Signs in with each token: the good ones end on the profile, the bad ones at the login page, with nobody
/// made, no flow left, and nothing in the way of the next sign-in.
async fn judge(world: &World, cases: Vec<Case>) {
    assert!(
        cases.iter().any(|case| case.good),
        "a table without a control proves nothing"
    );
    for Case { name, good, edit } in cases {
        world.acme.behave();
        let mut kept = 0;
        world.acme.script(|script| {
            let jwks = script.jwks.clone();
            edit(script, world.acme.now());
            kept = match () {
                // Odd keys and metadata are kept as good ones are, for an hour.
                () if script.jwks != jwks || script.metadata != json!({}) => 3601,
                // That there are none, for some seconds.
                () if !script.replies.is_empty() => 5,
                () => 0,
            };
        });
        let browser = world.browser();
        let answer = browser.sign_in("acme", &world.acme, &person("ada")).await;
        println!("{name}: {}", answer.location());
        if good {
            answer.assert_leads_to("/profile");
            assert_eq!(browser.session().await["email"], "ada@example.com", "{name}");
            world.app.wipe().await;
        } else {
            answer.assert_failed("provider");
            assert_eq!(browser.session().await, Value::Null, "{name}");
            world.app.advance(kept);
            world.assert_recovers().await;
        }
        // Past everything that is kept, so that each case fetches what it scripts.
        world.app.advance(3601);
    }
}

#[tokio::test]
async fn the_issuer_is_compared_to_the_letter() {
    let world = World::new().await;
    let issuer = world.acme.origin().to_owned();
    let is = |good, value: Value| claims(good, move |_| json!({ "iss": value }));
    judge(
        &world,
        vec![
            is(true, json!(issuer)),
            is(false, json!("https://evil.example")),
            is(false, Value::Null),
            is(false, json!("")),
            is(false, json!(format!("{issuer}/"))),
            is(false, json!(issuer.replace("http", "HTTP"))),
            is(false, json!(world.corp.origin())),
            is(false, json!([issuer])),
            is(false, json!(1)),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_subject_is_a_text_of_1_to_255_characters() {
    let world = World::new().await;
    let long = "x".repeat(256);
    let is = |good, value: Value| claims(good, move |_| json!({ "sub": value }));
    judge(
        &world,
        vec![
            is(true, json!("ada-at-idp")),
            is(false, Value::Null),
            is(false, json!("")),
            is(false, json!(long)),
            is(false, json!("ada\0-at-idp")),
            is(false, json!(1234)),
            is(false, json!(true)),
            is(false, json!(["ada-at-idp"])),
        ],
    )
    .await;
    let longest = person_with("ada", json!({ "sub": "\u{e9}".repeat(255) }));
    world.acme.behave();
    world
        .browser()
        .sign_in("acme", &world.acme, &longest)
        .await
        .assert_leads_to("/profile");
}

#[tokio::test]
async fn the_audience_is_this_client_alone() {
    let world = World::new().await;
    judge(
        &world,
        vec![
            claims(true, |_| json!({ "aud": "acme-client" })),
            claims(true, |_| json!({ "aud": ["acme-client"] })),
            claims(true, |_| json!({ "azp": "acme-client" })),
            claims(false, |_| json!({ "aud": null })),
            claims(false, |_| json!({ "aud": "" })),
            claims(false, |_| json!({ "aud": "other" })),
            claims(false, |_| json!({ "aud": "ACME-CLIENT" })),
            claims(false, |_| json!({ "aud": "acme-client " })),
            claims(false, |_| json!({ "aud": [] })),
            claims(false, |_| json!({ "aud": ["other"] })),
            claims(false, |_| json!({ "aud": ["acme-client", "other"] })),
            claims(
                false,
                |_| json!({ "aud": ["acme-client", "other"], "azp": "acme-client" }),
            ),
            claims(false, |_| json!({ "aud": ["acme-client", "acme-client"] })),
            claims(false, |_| json!({ "aud": ["acme-client", 1] })),
            claims(false, |_| json!({ "aud": { "acme-client": true } })),
            claims(false, |_| json!({ "azp": "other" })),
            claims(false, |_| json!({ "azp": "" })),
            claims(false, |_| json!({ "azp": ["acme-client"] })),
            // A token the same provider made for another client.
            claims(false, |_| json!({ "aud": "corp-client", "azp": "corp-client" })),
        ],
    )
    .await;
}

#[tokio::test]
async fn times_are_a_moment_ago_and_a_moment_ahead() {
    let world = World::new().await;
    judge(
        &world,
        vec![
            claims(true, |now| json!({ "iat": now - 600 })),
            claims(true, |now| json!({ "iat": now + 60 })),
            claims(true, |now| json!({ "exp": now - 30 })),
            claims(true, |now| json!({ "exp": now - 59 })),
            claims(true, |now| json!({ "exp": now as f64 + 300.5 })),
            claims(true, |now| json!({ "nbf": now + 60 })),
            claims(false, |_| json!({ "iat": null })),
            claims(false, |now| json!({ "iat": now - 601 })),
            claims(false, |now| json!({ "iat": now - 86_400 })),
            claims(false, |now| json!({ "iat": now + 61 })),
            claims(false, |now| json!({ "iat": now + 600 })),
            claims(false, |now| json!({ "iat": now.to_string() })),
            claims(false, |now| json!({ "iat": now * 1000 })),
            claims(false, |_| json!({ "exp": null })),
            claims(false, |now| json!({ "exp": now - 60 })),
            claims(false, |now| json!({ "exp": now - 61 })),
            claims(false, |now| json!({ "exp": (now + 300).to_string() })),
            claims(false, |now| json!({ "exp": [now + 300] })),
            claims(false, |_| json!({ "exp": -1 })),
            claims(false, |_| json!({ "exp": -1e300 })),
            claims(false, |now| json!({ "nbf": now + 61 })),
            claims(false, |now| json!({ "nbf": now.to_string() })),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_nonce_is_this_flows() {
    let world = World::new().await;
    let earlier = world.browser().begin("acme").await.param("nonce").unwrap();
    world.app.wipe().await;
    judge(
        &world,
        vec![
            claims(true, |_| json!({})),
            claims(false, |_| json!({ "nonce": null })),
            claims(false, |_| json!({ "nonce": "" })),
            claims(false, |_| json!({ "nonce": "wrong" })),
            claims(false, |_| json!({ "nonce": 1 })),
            claims(false, move |_| json!({ "nonce": earlier })),
            made(false, "its nonce with other capitals", |key, header, claims| {
                let mut claims = claims.clone();
                let nonce = claims["nonce"].as_str().unwrap();
                let swapped: String = nonce
                    .chars()
                    .map(|c| {
                        if c.is_ascii_lowercase() {
                            c.to_ascii_uppercase()
                        } else {
                            c.to_ascii_lowercase()
                        }
                    })
                    .collect();
                claims["nonce"] = swapped.into();
                key.token_of(header.to_string(), claims.to_string())
            }),
            made(false, "its nonce in a list", |key, header, claims| {
                let mut claims = claims.clone();
                claims["nonce"] = json!([claims["nonce"]]);
                key.token_of(header.to_string(), claims.to_string())
            }),
        ],
    )
    .await;
}

/// The three parts of the genuine token.
fn parts(key: &Signer, header: &Value, claims: &Value) -> [String; 3] {
    let token = key.token_of(header.to_string(), claims.to_string());
    let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

/// A signature as X.509 writes it (DER), rather than JWS.
fn der(signature: &[u8]) -> Vec<u8> {
    p256::ecdsa::Signature::from_slice(signature)
        .unwrap()
        .to_der()
        .as_bytes()
        .to_vec()
}

#[tokio::test]
async fn an_es256_signature_is_verified() {
    let world = World::new().await;
    let stranger = Arc::new(Signer::es256("key-1"));
    judge(
        &world,
        vec![
            taken("the genuine token", |_, _| {}),
            refused("another key under the same id", move |script, _| {
                script.signer = Arc::clone(&stranger);
            }),
            made(false, "one bit of the signature", |key, header, claims| {
                let [header, payload, _] = parts(key, header, claims);
                let mut signature = key.signature(&format!("{header}.{payload}"));
                signature[40] ^= 1;
                format!("{header}.{payload}.{}", encode(signature))
            }),
            made(false, "a signature of zeros", |key, header, claims| {
                let [header, payload, _] = parts(key, header, claims);
                format!("{header}.{payload}.{}", encode([0; 64]))
            }),
            made(false, "no signature", |key, header, claims| {
                let [header, payload, _] = parts(key, header, claims);
                format!("{header}.{payload}.")
            }),
            made(false, "half a signature", |key, header, claims| {
                let [header, payload, _] = parts(key, header, claims);
                let signature = key.signature(&format!("{header}.{payload}"));
                format!("{header}.{payload}.{}", encode(&signature[..32]))
            }),
            made(false, "a signature in DER", |key, header, claims| {
                let [header, payload, _] = parts(key, header, claims);
                let signature = der(&key.signature(&format!("{header}.{payload}")));
                format!("{header}.{payload}.{}", encode(signature))
            }),
            made(
                false,
                "another payload under the signature",
                |key, header, claims| {
                    let [head, _, signature] = parts(key, header, claims);
                    let mut claims = claims.clone();
                    claims["sub"] = "mallory".into();
                    format!("{head}.{}.{signature}", encode(claims.to_string()))
                },
            ),
            made(
                false,
                "another header under the signature",
                |key, header, claims| {
                    let [_, payload, signature] = parts(key, header, claims);
                    let mut header = header.clone();
                    header["x"] = 1.into();
                    format!("{}.{payload}.{signature}", encode(header.to_string()))
                },
            ),
        ],
    )
    .await;
}

fn publish(script: &mut Script, key: Signer) {
    script.jwks = json!({ "keys": [key.jwk] });
    script.signer = Arc::new(key);
}

/// A key that is published, with its algorithm in the metadata.
fn announce(script: &mut Script, key: Signer) {
    script.metadata = json!({ "id_token_signing_alg_values_supported": [key.alg] });
    publish(script, key);
}

#[tokio::test]
async fn every_algorithm_that_is_listed_and_known_is_taken() {
    let world = World::new().await;
    let listed = Signer::ALGORITHMS.map(|alg| {
        taken(alg, move |script, _| {
            announce(script, Signer::of(alg, "k"));
            script.at_hash = Some("{}");
        })
    });
    judge(&world, listed.into()).await;
    judge(
        &world,
        vec![
            taken("RS256, where nothing is listed", |script, _| {
                publish(script, Signer::rs256("r"));
                script.metadata = json!({ "id_token_signing_alg_values_supported": null });
            }),
            refused("ES256, where nothing is listed", |script, _| {
                script.metadata = json!({ "id_token_signing_alg_values_supported": null });
            }),
            refused("EdDSA, where it is not listed", |script, _| {
                publish(script, Signer::eddsa("d"));
            }),
            refused("PS256, where it is not listed", |script, _| {
                publish(script, Signer::ps256("r"));
            }),
            refused("ES512, although it is listed", |script, _| {
                script.metadata = json!({ "id_token_signing_alg_values_supported": ["ES512", "ES256"] });
                script.header = json!({ "alg": "ES512" });
            }),
            refused("RS512, where it is not listed", |script, _| {
                publish(script, Signer::of("RS512", "r"));
            }),
            refused("RS256 with its signature altered", |script, _| {
                announce(script, Signer::rs256("r"));
                let key = Arc::clone(&script.signer);
                script.make_token = Some(Arc::new(move |header, claims| {
                    let [header, payload, _] = parts(&key, header, claims);
                    let mut signature = key.signature(&format!("{header}.{payload}"));
                    signature[100] ^= 1;
                    format!("{header}.{payload}.{}", encode(signature))
                }));
            }),
            refused("a PS256 signature called RS256", |script, _| {
                announce(script, Signer::ps256("r"));
                script.metadata = json!({});
                script.header = json!({ "alg": "RS256" });
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn configuration_can_fix_the_algorithms() {
    let world = World::with(&[("ACME_ALGS", "ES256")]).await;
    judge(
        &world,
        vec![
            taken("ES256", |_, _| {}),
            taken("ES256, which is not listed", |script, _| {
                script.metadata = json!({ "id_token_signing_alg_values_supported": ["RS256"] });
            }),
            refused("RS256, which is listed", |script, _| {
                announce(script, Signer::rs256("r"));
            }),
        ],
    )
    .await;
}

/// The signer does not choose how it is verified.
#[tokio::test]
async fn nothing_unsigned_and_nothing_signed_with_a_public_or_shared_secret() {
    let world = World::new().await;
    let unsigned = |name: &'static str, alg: Value| {
        made(false, name, move |_, header, claims| {
            let mut header = header.clone();
            crate::oauth::keys::patch(&mut header, &json!({ "alg": alg }));
            format!("{}.{}.", encode(header.to_string()), encode(claims.to_string()))
        })
    };
    let mut cases = vec![
        taken("the genuine token", |_, _| {}),
        unsigned("none", json!("none")),
        unsigned("None", json!("None")),
        unsigned("nOnE", json!("nOnE")),
        unsigned("no algorithm at all", Value::Null),
        unsigned("an empty algorithm", json!("")),
        header(false, json!({ "alg": "none" })),
        header(false, json!({ "alg": null })),
        header(false, json!({ "alg": "es256" })),
        header(false, json!({ "alg": "ES384" })),
        header(false, json!({ "alg": ["ES256"] })),
        header(false, json!({ "alg": "RS256" })),
        made(false, "alg is JSON null", |key, _, claims| {
            key.token_of("{\"alg\":null,\"kid\":\"key-1\"}", claims.to_string())
        }),
    ];
    // What an attacker knows, or what only provider and client know: neither may sign.
    let rsa = Signer::rs256("key-1");
    let public = [
        ("the client secret", b"acme secret:+%&".to_vec()),
        ("the private key's PEM", RSA_PEM.as_bytes().to_vec()),
        ("the public key as JWK", rsa.jwk.to_string().into_bytes()),
        (
            "the public key's modulus",
            rsa.jwk["n"].as_str().unwrap().as_bytes().to_vec(),
        ),
        ("nothing", Vec::new()),
    ];
    for (name, secret) in public {
        let jwk = rsa.jwk.clone();
        cases.push(refused(&format!("HS256 with {name}"), move |script, _| {
            script.jwks = json!({ "keys": [jwk] });
            script.metadata = json!({ "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"] });
            let secret = secret.clone();
            script.make_token = Some(Arc::new(move |header, claims| {
                let mut header = header.clone();
                header["alg"] = "HS256".into();
                hs256(&secret, &header, claims)
            }));
        }));
    }
    // A symmetric key in the key set is not a key for ID tokens.
    cases.push(refused("HS256 with a key of the key set", |script, _| {
        let oct =
            json!({ "kty": "oct", "kid": "key-1", "use": "sig", "alg": "HS256", "k": encode(b"shared") });
        script.jwks = json!({ "keys": [oct, script.signer.jwk] });
        script.make_token = Some(Arc::new(|header, claims| {
            let mut header = header.clone();
            header["alg"] = "HS256".into();
            hs256(b"shared", &header, claims)
        }));
    }));
    judge(&world, cases).await;
}

#[tokio::test]
async fn without_a_key_id_there_must_be_one_key_that_fits() {
    let world = World::new().await;
    let no_kid = |script: &mut Script| script.header = json!({ "kid": null });
    judge(
        &world,
        vec![
            taken("one key", move |script, _| no_kid(script)),
            taken("one key without an id of its own", move |script, _| {
                no_kid(script);
                script.jwks = json!({ "keys": [script.signer.jwk_with(&json!({ "kid": null }))] });
            }),
            taken("one of its kind, beside another kind", move |script, _| {
                no_kid(script);
                script.jwks = json!({ "keys": [Signer::rs256("r").jwk, script.signer.jwk] });
            }),
            taken(
                "one for signatures, beside one for encryption",
                move |script, _| {
                    no_kid(script);
                    let other = Signer::es256("e").jwk_with(&json!({ "use": "enc" }));
                    script.jwks = json!({ "keys": [other, script.signer.jwk] });
                },
            ),
            refused("two keys", move |script, _| {
                no_kid(script);
                script.jwks = json!({ "keys": [script.signer.jwk, Signer::es256("other").jwk] });
            }),
            refused("two keys under one id", |script, _| {
                script.jwks = json!({ "keys": [script.signer.jwk, Signer::es256("key-1").jwk] });
            }),
        ],
    )
    .await;
}

/// A key id is only a name, and keys in the header are the signer's own claim.
#[tokio::test]
async fn a_header_brings_no_keys_along() {
    let world = World::new().await;
    let evil = world.corp.clone();
    let attacker = Arc::new(Signer::es256("attacker"));
    evil.script(|script| script.jwks = json!({ "keys": [attacker.jwk] }));
    let mut cases = vec![taken("the genuine token", |_, _| {})];
    for kid in [
        "unknown",
        "../../../etc/passwd",
        "' OR 1=1 --",
        "key-1\u{0}",
        "KEY-1",
        "",
        &evil.at("/jwks"),
        &"k".repeat(10_000),
    ] {
        cases.push(header(false, json!({ "kid": kid })));
    }
    cases.push(header(false, json!({ "kid": 1 })));
    cases.push(header(false, json!({ "kid": ["key-1"] })));
    for (name, changes) in [
        ("jku", json!({ "jku": evil.at("/jwks") })),
        ("x5u", json!({ "x5u": evil.at("/jwks") })),
        ("jwk", json!({ "jwk": attacker.jwk })),
        ("x5c", json!({ "x5c": ["MIIB"] })),
    ] {
        for kid in ["attacker", "key-1"] {
            let (attacker, changes) = (Arc::clone(&attacker), changes.clone());
            cases.push(refused(&format!("{name} with key id {kid}"), move |script, _| {
                script.signer = Arc::clone(&attacker);
                script.header = changes.clone();
                script.header["kid"] = kid.into();
            }));
        }
    }
    // Beside the right key they do no harm.
    let url = evil.at("/jwks");
    cases.push(taken("an address of keys nobody needs", move |script, _| {
        script.header = json!({ "jku": url, "x5u": url });
    }));
    judge(&world, cases).await;
    assert!(evil.everything().is_empty(), "{:?}", evil.everything());
}

#[tokio::test]
async fn a_key_set_must_hold_a_fitting_strong_key() {
    let world = World::new().await;
    let keys = |name: &str, make: fn(&Signer) -> Value| {
        refused(name, move |script, _| {
            let keys = make(&script.signer);
            script.jwks = keys;
        })
    };
    let instead = |name: &str, reply: Reply| {
        refused(name, move |script, _| {
            drop(script.replies.insert(Endpoint::Keys, reply.clone()));
        })
    };
    judge(
        &world,
        vec![
            taken("the key", |_, _| {}),
            taken("the key among strangers", |script, _| {
                let strangers = json!([{ "kty": "future", "kid": "f" }, { "kty": "EC", "crv": "P-521", "kid": "p" }, 1, null, "x"]);
                script.jwks = json!({ "keys": strangers });
                script.jwks["keys"].as_array_mut().unwrap().push(script.signer.jwk.clone());
            }),
            keys("no key", |_| json!({ "keys": [] })),
            keys("no list", |_| json!({ "keys": {} })),
            keys("no object", |_| json!([])),
            keys("a key for encryption", |key| json!({ "keys": [key.jwk_with(&json!({ "use": "enc" }))] })),
            keys("a key of another algorithm", |key| json!({ "keys": [key.jwk_with(&json!({ "alg": "ES384" }))] })),
            keys("a key of another kind", |_| json!({ "keys": [Signer::rs256("key-1").jwk] })),
            keys("a broken key", |key| json!({ "keys": [key.jwk_with(&json!({ "y": null }))] })),
            keys("a key off the curve", |key| json!({ "keys": [key.jwk_with(&json!({ "y": key.jwk["x"] }))] })),
            refused("RSA of 1024 bits", |script, _| announce(script, Signer::weak_rs256("weak"))),
            instead("500", Reply::text(500, "text/plain", "oops")),
            instead("404", Reply::json(404, json!({}))),
            instead("HTML", Reply::text(200, "text/html", "<h1>keys</h1>")),
            instead("nothing", Reply::text(200, "application/json", "")),
            instead("a body cut off", Reply::Break),
            instead("too much", Reply::Padded(300 * 1024)),
            instead(
                "a redirect",
                Reply::Whole(http::StatusCode::FOUND, vec![("location", world.acme.at("/other/jwks"))], Vec::new()),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn keys_are_fetched_when_needed_and_kept_for_an_hour() {
    let world = World::new().await;
    let fetched = || {
        (
            world.acme.count(Endpoint::Metadata),
            world.acme.count(Endpoint::Keys),
        )
    };
    assert_eq!(fetched(), (0, 0), "nobody is asked before anybody signs in");
    world.signed_in("acme", &person("ada")).await;
    assert_eq!(fetched(), (1, 1));
    // The provider's keys are out of reach, and those we have still good.
    world
        .acme
        .reply(Endpoint::Keys, Reply::text(500, "text/plain", "oops"));
    world
        .acme
        .reply(Endpoint::Metadata, Reply::text(500, "text/plain", "oops"));
    world.app.advance(3599);
    world.signed_in("acme", &person("ada")).await;
    assert_eq!(fetched(), (1, 1));
    world.acme.behave();
    world.app.advance(1);
    world.signed_in("acme", &person("ada")).await;
    assert_eq!(fetched(), (2, 2));
}

#[tokio::test]
async fn a_key_set_that_could_not_be_fetched_is_asked_for_again_in_five_seconds() {
    let world = World::new().await;
    world
        .acme
        .reply(Endpoint::Keys, Reply::text(404, "text/plain", "gone"));
    for seconds in [0, 0, 4] {
        world.app.advance(seconds);
        let answer = world.browser().sign_in("acme", &world.acme, &person("ada")).await;
        answer.assert_failed("provider");
        assert_eq!(world.acme.count(Endpoint::Keys), 1);
    }
    world.acme.behave();
    world.app.advance(1);
    world.signed_in("acme", &person("ada")).await;
    assert_eq!(world.acme.count(Endpoint::Keys), 2);
}

/// A provider that signs with a new key from now on, and publishes it in the old one's place.
fn rotate(idp: &Idp, kid: &str) {
    idp.script(|script| publish(script, Signer::es256(kid)));
}

#[tokio::test]
async fn a_new_key_is_found_by_one_more_fetch() {
    let world = World::new().await;
    world.signed_in("acme", &person("ada")).await;
    rotate(&world.acme, "key-2");
    world.signed_in("acme", &person("ada")).await;
    assert_eq!(world.acme.count(Endpoint::Keys), 2);
    world.signed_in("acme", &person("ada")).await;
    assert_eq!(world.acme.count(Endpoint::Keys), 2);

    // Changed between the person's consent and the token.
    world.app.advance(300);
    let browser = world.browser();
    let hop = browser.begin("acme").await;
    let address = hop.approved(&world.acme, &person("ada"));
    rotate(&world.acme, "key-3");
    browser.get(&address).await.assert_leads_to("/profile");
    assert_eq!(world.acme.count(Endpoint::Keys), 3);

    // A provider with one key and no ids has changed it.
    world.app.advance(300);
    world.acme.script(|script| {
        publish(script, Signer::es256("key-4"));
        script.jwks = json!({ "keys": [script.signer.jwk_with(&json!({ "kid": null }))] });
        script.header = json!({ "kid": null });
    });
    world.signed_in("acme", &person("ada")).await;
    assert_eq!(world.acme.count(Endpoint::Keys), 4);
}

/// Made-up key ids do not make us hammer the provider.
#[tokio::test]
async fn made_up_key_ids_cause_one_fetch_in_five_minutes() {
    let world = World::new().await;
    let fetches = || world.acme.count(Endpoint::Keys);
    // What was fetched for this very token is not fetched again.
    world
        .acme
        .script(|script| script.header = json!({ "kid": "made-up" }));
    let answer = world.browser().sign_in("acme", &world.acme, &person("ada")).await;
    answer.assert_failed("provider");
    assert_eq!(fetches(), 1);
    world.acme.behave();
    world.signed_in("acme", &person("ada")).await;
    assert_eq!(fetches(), 1);
    for (advance, expected) in [(0, 2), (0, 2), (1, 2), (298, 2), (1, 3), (0, 3)] {
        world.app.advance(advance);
        world
            .acme
            .script(|script| script.header = json!({ "kid": "made-up" }));
        let answer = world.browser().sign_in("acme", &world.acme, &person("ada")).await;
        answer.assert_failed("provider");
        assert_eq!(fetches(), expected);
        // Known keys work all the time.
        world.acme.behave();
        world.signed_in("acme", &person("ada")).await;
        assert_eq!(fetches(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_ins_at_once_after_a_change_of_keys_share_a_fetch() {
    let world = World::new().await;
    world.signed_in("acme", &person("ada")).await;
    rotate(&world.acme, "key-2");
    let mut tries = Vec::new();
    for _ in 0..5 {
        let (browser, idp) = (world.browser(), world.acme.clone());
        let hop = browser.begin("acme").await;
        tries.push(tokio::spawn(async move {
            browser.finish(&hop, &idp, &person("ada")).await
        }));
    }
    for one in tries {
        one.await.unwrap().assert_leads_to("/profile");
    }
    assert_eq!(world.acme.count(Endpoint::Keys), 2);
}

#[tokio::test]
async fn metadata_must_be_the_issuers_own_and_lead_to_safe_places() {
    let world = World::new().await;
    let with = |changes: Value| (changes.to_string(), changes);
    let issuer = world.acme.origin();
    for (name, changes) in [
        with(json!({ "issuer": format!("{issuer}/") })),
        with(json!({ "issuer": issuer.replace("http", "HTTP") })),
        with(json!({ "issuer": "https://evil.example" })),
        with(json!({ "issuer": null })),
        with(json!({ "issuer": [issuer] })),
        with(json!({ "authorization_endpoint": null })),
        with(json!({ "authorization_endpoint": "javascript:alert(1)" })),
        with(json!({ "authorization_endpoint": "http://idp.example/authorize" })),
        with(json!({ "token_endpoint": null })),
        with(json!({ "token_endpoint": "http://idp.example/token" })),
        with(json!({ "token_endpoint": "file:///etc/passwd" })),
        with(json!({ "jwks_uri": "http://idp.example/jwks" })),
        with(json!({ "userinfo_endpoint": "http://localhost.evil.example/userinfo" })),
        with(json!({ "id_token_signing_alg_values_supported": ["none", "HS256"] })),
    ] {
        world.acme.script(|script| script.metadata = changes);
        let browser = world.browser();
        let answer = browser.press("acme", &[]).await;
        answer.assert_leads_to("/login?error=provider");
        assert!(browser.is_empty(), "{name}");
        assert!(!answer.shows("evil"), "{name}");
        // Nothing of it is kept but that it failed, for some seconds.
        world.app.advance(5);
        world.assert_recovers().await;
        world.app.advance(3601);
    }
    // Where the metadata names no keys there is nothing to verify with.
    world
        .acme
        .script(|script| script.metadata = json!({ "jwks_uri": null }));
    let answer = world.browser().sign_in("acme", &world.acme, &person("ada")).await;
    answer.assert_failed("provider");
    world.app.advance(3601);
    world.assert_recovers().await;
}

#[tokio::test]
async fn at_hash_binds_the_access_token_where_it_is_sent() {
    let world = World::new().await;
    judge(
        &world,
        vec![
            taken("none", |_, _| {}),
            taken("the right one", |script, _| script.at_hash = Some("{}")),
            taken("the right one, RS256", |script, _| {
                announce(script, Signer::rs256("r"));
                script.at_hash = Some("{}");
            }),
            taken("the right one, EdDSA", |script, _| {
                announce(script, Signer::eddsa("d"));
                script.at_hash = Some("{}");
            }),
            refused("another token's", |script, _| script.at_hash = Some("another")),
            refused("almost the right one", |script, _| script.at_hash = Some("{}x")),
            claims(false, |_| json!({ "at_hash": "" })),
            claims(false, |_| json!({ "at_hash": 1 })),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_header_announces_a_plain_id_token() {
    let world = World::new().await;
    judge(
        &world,
        vec![
            header(true, json!({ "typ": "JWT" })),
            header(true, json!({ "typ": "jwt" })),
            header(true, json!({ "typ": null })),
            header(true, json!({ "x-unknown": 1 })),
            header(false, json!({ "typ": "at+jwt" })),
            header(false, json!({ "typ": "application/at+jwt" })),
            header(false, json!({ "typ": "logout+jwt" })),
            header(false, json!({ "typ": "dpop+jwt" })),
            header(false, json!({ "typ": "secevent+jwt" })),
            header(false, json!({ "typ": "JOSE" })),
            header(false, json!({ "typ": "" })),
            header(false, json!({ "typ": 1 })),
            header(false, json!({ "cty": "JWT" })),
            header(false, json!({ "crit": ["exp"] })),
            header(false, json!({ "crit": ["b64"], "b64": false })),
            header(false, json!({ "crit": [] })),
            // An access token of the same provider, signed with the same key.
            refused("an access token", |script, _| {
                script.header = json!({ "typ": "at+jwt" });
                script.claims =
                    json!({ "aud": "https://api.example", "client_id": "acme-client", "scope": "openid" });
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_token_is_three_parts_of_plain_json() {
    let world = World::new().await;
    let text = |name: &str, text: String| made(false, name, move |_, _, _| text.clone());
    let payload = |name: &str, change: fn(&str) -> String| {
        made(false, name, move |key, header, claims| {
            key.token_of(header.to_string(), change(&claims.to_string()))
        })
    };
    judge(
        &world,
        vec![
            taken("the genuine token", |_, _| {}),
            made(true, "white space in its JSON", |key, header, claims| {
                key.token_of(format!(" {header}\n"), format!("\n{claims} "))
            }),
            made(false, "four parts", |key, header, claims| {
                format!("{}.x", parts(key, header, claims).join("."))
            }),
            made(false, "five parts", |key, header, claims| {
                format!("{}.x.y", parts(key, header, claims).join("."))
            }),
            made(false, "two parts", |key, header, claims| {
                parts(key, header, claims)[..2].join(".")
            }),
            made(false, "one part", |key, header, claims| {
                parts(key, header, claims).concat()
            }),
            made(false, "a space in front", |key, header, claims| {
                format!(" {}", parts(key, header, claims).join("."))
            }),
            made(false, "padding", |key, header, claims| {
                format!("{}==", parts(key, header, claims).join("."))
            }),
            text(
                "an encrypted token",
                format!("{}.a.b.c.d", encode("{\"alg\":\"RSA-OAEP\",\"enc\":\"A256GCM\"}")),
            ),
            text("dots", "..".to_owned()),
            text("a word", "token".to_owned()),
            text("200 KiB", "a".repeat(200 * 1024)),
            text("1 MiB", "a".repeat(1 << 20)),
            payload("100 KiB of claims", |claims| {
                claims.replacen('{', &format!("{{\"x\":\"{}\",", "y".repeat(100 * 1024)), 1)
            }),
            payload("deep claims", |claims| {
                claims.replacen(
                    '{',
                    &format!("{{\"x\":{}{},", "[".repeat(5000), "]".repeat(5000)),
                    1,
                )
            }),
            payload("a claim twice", |claims| {
                claims.replacen('{', "{\"sub\":\"mallory\",", 1)
            }),
            payload("a claim twice, the second under another spelling", |claims| {
                claims.replacen('{', "{\"\\u0073ub\":\"mallory\",", 1)
            }),
            payload("a claim twice within a claim", |claims| {
                claims.replacen('{', "{\"x\":{\"y\":1,\"y\":2},", 1)
            }),
            payload("something after the claims", |claims| format!("{claims}{{}}")),
            payload("claims in a list", |claims| format!("[{claims}]")),
            payload("claims as text", |claims| json!(claims).to_string()),
            payload("no claims", |_| "{}".to_owned()),
            payload("nothing", |_| String::new()),
            made(false, "claims that are not UTF-8", |key, header, claims| {
                key.token_of(
                    header.to_string(),
                    [claims.to_string().as_bytes(), &[0xff]].concat(),
                )
            }),
            made(false, "a header with a name twice", |key, _, claims| {
                key.token_of(
                    "{\"alg\":\"none\",\"alg\":\"ES256\",\"kid\":\"key-1\"}",
                    claims.to_string(),
                )
            }),
            made(false, "a header in a list", |key, header, claims| {
                key.token_of(format!("[{header}]"), claims.to_string())
            }),
        ],
    )
    .await;
}
