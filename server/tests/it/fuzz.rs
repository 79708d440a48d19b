//! No input makes a fault: routes, methods, bodies and headers, crossed by a fixed random sequence.

use http::Method;

use crate::support::{FUNCTIONS, PASSWORD, PROTECTED, TestApp, all_functions};

const METHODS: [&str; 12] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "get",
    "post",
    "PROPFIND",
    "X!#$%&'*+-.^_`|~1",
];

const PATHS: [&str; 36] = [
    "/",
    "/login",
    "/register",
    "/nowhere",
    "/api",
    "/api/",
    "/api/session",
    "/api/nowhere",
    "/api//login",
    "/auth/login/acme",
    "/auth/login/nobody",
    "/auth/login/",
    "/auth/login/%2e%2e",
    "/auth/login/%FF",
    "/auth/callback/acme",
    "/auth/callback/acme?code=a&state=b",
    "/auth/callback/acme?code=a&code=b&state=c&state=d",
    "/auth/callback/acme?error=x&error_description=%3Cscript%3E",
    "/auth/callback/acme?state=%FF&code=%00",
    "/auth/callback/nobody?code=1",
    "/csp-report",
    "/healthz",
    "/readyz",
    "/hello.txt",
    "/pkg/x.js",
    "/pkg/",
    "/login?return_to=%FF%FE",
    "/login?return_to=a&return_to=b",
    "/login?%",
    "/?__err=%7B",
    "/%FF",
    "/%00",
    "/pkg/%00",
    "/hello.txt/x",
    "/a%0d%0ab",
    "/settings/../../etc/passwd",
];

const TYPES: [&str; 12] = [
    "application/x-www-form-urlencoded",
    "APPLICATION/X-WWW-FORM-URLENCODED; Charset=\"utf-8\"; x=y",
    "application/x-www-form-urlencodedx",
    "application/json",
    "application/json; charset=x",
    "text/plain",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/cbor",
    "application/octet-stream",
    ";",
    "\u{e9}",
];

fn bodies() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = [
        "",
        "=",
        "&",
        "%",
        "%zz",
        "a",
        "a=b",
        "email=a@b.c&password=x",
        "session_id[]=1",
        "session_id[a][b][c]=1",
        "display_name=%00",
        "bio=a%00b&website=%00&api_token=a%00b&webhook_secret=%00",
        "email=a%00%40b.c&password=%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00&name=%00&current_password=%00&new_password=%00&return_to=%2F%00",
        "bio=%F0%9F",
        "{\"email\":\"a\"}",
        "[[[[[[[[[[",
        "null",
        "email=a&email=b&email=c",
        "a[0]=1&a[1]=2&a[99999999999]=3",
        "remember=2&email=a%40b.c&password=x",
        "account_id=%2e%2e",
        "\r\n\r\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    bodies.push(vec![0xff; 100]);
    bodies.push(vec![0; 1000]);
    bodies.push(b"a=b&".repeat(2000));
    bodies.push(b"a[".repeat(3000));
    bodies.push(vec![b'a'; 70_000]);
    bodies
}

const HEADERS: [(&str, &str); 22] = [
    ("cookie", "__Host-id"),
    ("cookie", "__Host-id=; __Host-auth=; __Host-flow=; __Host-flash="),
    ("cookie", ";;;===;;; =x; __Host-id"),
    ("cookie", "\u{e9}=\u{e9}"),
    (
        "cookie",
        "__Host-flash=v4.local.x; __Host-flow=x; __Host-theme=<script>",
    ),
    ("accept", "text/html"),
    ("accept", "*/*"),
    ("accept", "\u{e9}"),
    ("accept-encoding", "br;q=x, gzip;q=9"),
    ("if-match", "\u{e9}"),
    ("if-none-match", "W/\"\""),
    ("if-modified-since", "yesterday"),
    ("range", "bytes=9-1,-,5-x"),
    ("referer", "https://app.example/%0d%0a"),
    ("referer", "https://app.example/\u{e9}"),
    ("x-forwarded-for", "::::, 999.9.9.9"),
    ("host", "evil.example:99999"),
    ("user-agent", "\u{e9}\u{1f600}"),
    ("content-length", "-1"),
    ("content-encoding", "gzip"),
    ("transfer-encoding", "chunked, chunked"),
    ("authorization", "Bearer"),
];

/// A sequence that is the same on every run (Knuth's MMIX constants).
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.throw(items.len())]
    }
}

#[tokio::test]
async fn no_combination_of_route_method_body_and_headers_is_a_fault() {
    let app = TestApp::new().await;
    let (ada, stranger) = (app.registered("ada@example.com").await, app.browser());
    // Who may do most can hit most.
    app.promote("ada@example.com").await;
    let functions: Vec<_> = all_functions()
        .map(|(function, _)| format!("/api/{function}"))
        .collect();
    let paths: Vec<&str> = PATHS
        .into_iter()
        .chain(["/admin", "/admin/people/x", "/admin/x"]) // wing:admin
        .chain(PROTECTED.iter().copied())
        .chain(functions.iter().map(String::as_str))
        .collect();
    let bodies = bodies();
    let mut dice = Dice(7);
    let mut faults = Vec::new();
    for path in &paths {
        for method in METHODS {
            for _ in 0..3 {
                let browser = if dice.throw(2) == 0 {
                    ada.copy()
                } else {
                    stranger.clone()
                };
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let address = format!("10.{}.{}.1", dice.throw(256), dice.throw(256));
                let mut call = browser.at(&address).request(method.clone(), path);
                // What is refused for its origin is seen by nothing else.
                if dice.throw(8) != 0 {
                    call = call.header("sec-fetch-site", "same-origin");
                }
                if dice.throw(4) != 0 {
                    call = call.header("content-type", dice.one_of::<&str>(&TYPES));
                }
                let body = dice.one_of(&bodies).clone();
                call = if dice.throw(2) == 0 {
                    call.body(body.clone())
                } else {
                    call.chunked(body.clone())
                };
                let mut sent = Vec::new();
                for _ in 0..dice.throw(3) {
                    let (name, value) = *dice.one_of(&HEADERS);
                    sent.push((name, value));
                    call = call.another(name, value);
                }
                let answer = call.send_unchecked().await;
                let location = answer.header("location").unwrap_or("/");
                if answer.status >= 500 || !location.starts_with('/') || location.starts_with("//") {
                    let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
                    faults.push(format!(
                        "{} {location}: {method} {path} {sent:?} {start:?}",
                        answer.status
                    ));
                }
                if answer.status < 500 {
                    answer.check_invariants(true);
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults: {faults:#?}", faults.len());
    ada.login("ada@example.com", PASSWORD).await.expect(200);
    assert_eq!(app.number("SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn a_wrong_method_is_405_with_allow_on_every_route() {
    let app = TestApp::new().await;
    let ada = app.registered("ada@example.com").await;
    let gets = [
        "/",
        "/register",
        "/api/session",
        "/healthz",
        "/readyz",
        "/settings/public",
        "/auth/callback/acme",
    ];
    let functions = FUNCTIONS.iter().map(|(function, _)| format!("/api/{function}"));
    let functions: Vec<String> = functions.collect();
    let posts = functions
        .iter()
        .map(String::as_str)
        .chain(["/auth/login/acme", "/csp-report"]);
    let routes = gets
        .into_iter()
        .map(|path| (path, "GET"))
        .chain(posts.map(|path| (path, "POST")));
    for (path, allowed) in routes {
        for method in [
            "DELETE", "PUT", "PATCH", "PROPFIND", "get", "TRACE", "POST", "GET",
        ] {
            if method == allowed {
                continue;
            }
            let call = ada
                .request(Method::from_bytes(method.as_bytes()).unwrap(), path)
                .header("accept", "application/json")
                .header("sec-fetch-site", "same-origin")
                .header("content-type", "application/x-www-form-urlencoded");
            let answer = call.send().await.refused(405, "method_not_allowed");
            assert!(
                answer.header("allow").unwrap().contains(allowed),
                "{method} {path}"
            );
        }
    }
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn types_are_415_unless_the_body_is_a_form_or_there_is_none() {
    let app = TestApp::new().await;
    let ada = app.registered("ada@example.com").await;
    for (path, ok) in [
        ("/api/get_user", 200),
        ("/api/login", 422),
        ("/auth/login/acme", 200),
    ] {
        for kind in [
            "text/plain",
            "application/json",
            "application/json; charset=x",
            "multipart/form-data; boundary=x",
            "application/cbor",
            "application/x-www-form-urlencoded, text/plain",
            "",
            "application/x-www-form-urlencodedx",
            "form",
        ] {
            for body in ["", "a=b"] {
                let call = ada.copy().post(path, &[]).header("content-type", kind).body(body);
                assert_eq!(call.send().await.status, 415, "{path} {kind} {body}");
            }
        }
        let doubled = ada
            .post(path, &[])
            .another("content-type", "application/x-www-form-urlencoded");
        doubled.send().await.refused(415, "unsupported_type");
        for kind in [
            "Application/X-WWW-Form-URLencoded",
            "application/x-www-form-urlencoded;charset=UTF-8",
            "application/x-www-form-urlencoded ; a=b; c=\"d\"",
        ] {
            let call = ada
                .copy()
                .post(path, &[])
                .header("content-type", kind)
                .body("a=b");
            assert_eq!(call.send().await.status, ok, "{path} {kind}");
        }
        let without = ada.copy().post(path, &[]).without("content-type").body("");
        assert_eq!(without.send().await.status, ok, "{path}");
        let without = ada.post(path, &[]).without("content-type").body("a=b");
        without.send().await.refused(415, "unsupported_type");
        let without = ada.post(path, &[]).without("content-type").chunked("a=b");
        without.send().await.refused(415, "unsupported_type");
    }
}

#[tokio::test]
async fn an_unreadable_body_is_400_and_undecodable_arguments_are_422() {
    let app = TestApp::new().await;
    let ada = app.registered("ada@example.com").await;
    let unreadable = ada
        .post("/api/update_public_data", &[])
        .body(vec![b'a', b'=', 0xff]);
    unreadable.send().await.refused(400, "bad_request");
    for body in ["session_id=x", "session_id=", "", "session_id[]=x", "other=1"] {
        let call = ada.post("/api/revoke_session", &[]).body(body);
        call.send().await.refused(422, "invalid_input");
    }
    for doubled in ["email=a&email=b&password=x", "email=a&password=x&password=y"] {
        let call = ada.post("/api/login", &[]).body(doubled);
        call.send().await.refused(422, "invalid_input");
    }
}

#[tokio::test]
async fn an_address_that_is_too_long_is_414_and_one_that_just_fits_is_not() {
    let app = TestApp::new().await;
    let longest = format!("/{}", "a".repeat(8 * 1024 - 1));
    app.browser().get(&longest).await.expect(404);
    // What the file system refuses for its length is not there, like anything else that is not.
    for length in 1..300 {
        app.browser()
            .get(&format!("/{}", "a".repeat(length)))
            .await
            .expect(404);
        app.browser()
            .get(&format!("/pkg/{}", "a".repeat(length)))
            .await
            .expect(404);
    }
    for length in (1000..8000).step_by(500) {
        app.browser().get(&"/ab".repeat(length / 3)).await.expect(404);
    }
    app.browser().get(&format!("{longest}a")).await.expect(414);
    app.browser()
        .get(&format!("/?{}", "a".repeat(9000)))
        .await
        .expect(414);
    app.browser()
        .post(&format!("/api/login?{}", "a".repeat(9000)), &[])
        .send()
        .await
        .expect(414);
}
