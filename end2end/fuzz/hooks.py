"""What schemathesis needs to know beside docs/openapi.json: users, clients and tokens that are good, and how limits of
requests are kept out of the way. `cargo xtask fuzz` says where the server is."""

import base64
import hashlib
import json
import os
import random as seeded
import subprocess
import threading
import uuid

import requests
import schemathesis

# Hypothesis seeds the module's own functions again for each test.
random = seeded.SystemRandom()

SITE = os.environ["FUZZ_SITE"]
SERVER = os.environ["FUZZ_SERVER"]

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
REDIRECT = "https://client.example/cb"
RESOURCE = "https://api.example"
ENDPOINTS = ["/oauth/token", "/oauth/device_authorization", "/oauth/revoke", "/oauth/introspect"]
SCOPES = ["profile", "data", "app", "profile data app"]
# How often a user, with a client, is used before the next takes its place: limits count users and clients.
USES = 8


def somewhere():
    """An address of its own for each request: the server trusts the header from this machine."""
    return {"X-Forwarded-For": f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"}


def post(path, form, **more):
    headers = {**somewhere(), "Origin": SITE}
    answer = requests.post(SITE + path, data=form, headers=headers, timeout=30, **more)
    answer.raise_for_status()
    return answer


def added(*arguments):
    command = [SERVER, "clients", "add", *arguments]
    added = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return added["client_id"], added["client_secret"]


def new_client():
    """A client that may do everything."""
    return added(
        *("--name", "Fuzz", "--confidential", "--first-party", "--introspect", "--redirect", REDIRECT),
        *("--grant", "authorization_code", "--grant", DEVICE_GRANT, "--grant", "client_credentials"),
        *("--scope", "profile", "--scope", "data", "--scope", "app", "--resource", RESOURCE),
    )


CLIENTS = [new_client() for _ in range(20)]


class Person:
    """A user who has just registered, and a client of theirs."""

    def __init__(self):
        self.uses = 0
        self.email = f"{uuid.uuid4().hex}@example.com"
        self.password = uuid.uuid4().hex
        answer = post("/api/register", {"email": self.email, "password": self.password})
        self.cookies = dict(answer.cookies.items())
        self.client = random.choice(CLIENTS)

    def device(self, scope):
        return post("/oauth/device_authorization", {"scope": scope}, auth=self.client).json()

    def decide(self, device, decision="allow"):
        form = {"user_code": device["user_code"], "decision": decision}
        post("/api/decide_device", form, cookies=self.cookies)

    def tokens(self, scope):
        device = self.device(scope)
        self.decide(device)
        form = {"grant_type": DEVICE_GRANT, "device_code": device["device_code"]}
        return post("/oauth/token", form, auth=self.client).json()

    def key(self, scope):
        form = {"name": "Fuzz", "scope": scope}
        return post("/api/create_key", form, cookies=self.cookies).json()

    def code(self, verifier):
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        form = {**authorization(self.client[0], challenge), "decision": "allow"}
        page = post("/oauth/authorize", form, cookies=self.cookies).text
        return page.split("code=")[1].split("&")[0].split('"')[0]


def authorization(client_id, challenge):
    return {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": REDIRECT,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }


STATE = threading.local()


def person(is_new=False):
    found = getattr(STATE, "person", None)
    if is_new or found is None or found.uses >= USES:
        found = STATE.person = Person()
    found.uses += 1
    return found


# Credentials that open nothing.
NOBODY = [
    "",
    "Bearer",
    "Bearer x",
    "Bearer a b",
    "Bearer \xff",
    "bearer " + "a" * 5000,
    "Bearer sak_" + "0" * 72,
    "Bearer sar_" + "0" * 112,
    "Bearer v4.local.AAAA",
    "Bearer e30.e30.AAAA",
    "Basic",
    "Basic !",
    "Basic eDp5",
    "Basic Og==",
    "Digest x",
    "Negotiate",
]


def needed_scope(path):
    if path == "/user-endpoint":
        return "data"
    return "app" if path.startswith("/api/") else "profile"


def with_cookies(case, cookies):
    case.cookies = dict(cookies)
    case.headers = {**(case.headers or {}), "Origin": SITE}


def is_good(case):
    return case.meta is not None and case.meta.generation.mode.is_positive


@schemathesis.hook
def before_load_schema(context, raw_schema):
    # Without https, the cookie has no prefix.
    raw_schema["components"]["securitySchemes"]["cookie"]["name"] = "id"


@schemathesis.auth(refresh_interval=None)
class Credentials:
    """One of the ways that an operation's `security` names."""

    def get(self, case, context):
        ways = [way for ways in context.operation.definition.raw.get("security", []) for way in ways]
        if not ways:
            return None
        if random.random() < 0.15:
            WRONG.add(case.id)
            return "Authorization", random.choice(NOBODY)
        way = random.choice(ways)
        # What a user may do, and how many wrong codes they may type, is limited: each call has a user of its own.
        user = person(is_new=way == "cookie" or case.path == "/logout")
        if way == "client":
            return "Authorization", "Basic " + base64.b64encode(":".join(user.client).encode()).decode()
        if way == "cookie":
            return "Cookie", user.cookies
        scope = needed_scope(case.path)
        if scope != "data" and random.random() < 0.3:
            return "Authorization", "Bearer " + user.key(scope)["key"]
        return "Authorization", "Bearer " + user.tokens(scope)["access_token"]

    def set(self, case, data, context):
        if data is None:
            return
        name, value = data
        if name == "Cookie":
            with_cookies(case, value)
        else:
            case.headers = {**(case.headers or {}), name: value}


# Cases with credentials that are nobody's.
WRONG = set()
# Cases whose values were made good: only these have to be accepted.
MADE_GOOD = set()


@schemathesis.hook
def before_call(context, case, kwargs):
    case.headers = {**(case.headers or {}), **somewhere()}
    if case.id in WRONG or random.random() < 0.3 or continue_link(case):
        return
    user = person()
    prove(case, user)
    if is_good(case):
        make_good(case, user)
        MADE_GOOD.add(case.id)


# What the server has issued, with the credentials that it was issued to: links bring it back.
ISSUED = {}


@schemathesis.hook
def after_call(context, case, response):
    if response.status_code == 200 and response.headers.get("content-type") == ["application/json"]:
        try:
            body = response.json()
        except ValueError:
            return
        row = (body[0] if body else None) if isinstance(body, list) else body
        if isinstance(row, dict):
            values = [value for value in row.values() if isinstance(value, str) and len(value) > 8]
            ISSUED.update(dict.fromkeys(values, (case.headers.get("Authorization"), case.cookies)))


def continue_link(case):
    """Whether a link has brought what was issued. It is sent back by its owner, and may have ended meanwhile."""
    if not isinstance(case.body, dict):
        return False
    owners = [ISSUED[value] for value in case.body.values() if isinstance(value, str) and value in ISSUED]
    if not owners:
        return False
    header, cookies = owners[0]
    if case.path in ENDPOINTS and header and header.startswith("Basic "):
        case.headers["Authorization"] = header
        for name in ("client_id", "client_secret", "scope", "resource"):
            case.body.pop(name, None)
    elif case.path == "/api/revoke_session" and cookies:
        with_cookies(case, cookies)
        case.headers.pop("Authorization", None)
    return True


def prove(case, user):
    """Sends what a client says of itself, so that whatever else is wrong is looked at."""
    sent = case.query if case.method == "GET" else case.body
    if not isinstance(sent, dict):
        return
    own = {"client_id": user.client[0], "redirect_uri": REDIRECT}
    if case.path in ENDPOINTS:
        case.headers["Authorization"] = "Basic " + base64.b64encode(":".join(user.client).encode()).decode()
        own = {}
        for name in ("client_id", "client_secret"):
            # What is not a text is what the case is about.
            if isinstance(sent.get(name), str):
                sent.pop(name)
    elif case.path == "/user-endpoint":
        case.headers["Authorization"] = "Bearer " + user.tokens("data")["access_token"]
        case.headers["X-Client-Secret"] = user.client[1]
    elif case.path != "/oauth/authorize":
        return
    for name, value in own.items():
        if isinstance(sent.get(name), str):
            sent[name] = value


def make_good(case, user):
    """Puts what exists in the place of what was made up."""
    path, body = case.path, case.body
    if path == "/oauth/authorize":
        wanted = authorization(user.client[0], "c" * 43)
        if case.method == "GET":
            case.query = wanted
        else:
            case.body = {**wanted, "decision": body.get("decision", "deny")}
        return
    if not isinstance(body, dict):
        return
    if path in ENDPOINTS:
        if "scope" in body:
            body["scope"] = random.choice(SCOPES)
        if "resource" in body:
            body["resource"] = RESOURCE
    if path == "/oauth/token":
        grant = body.get("grant_type")
        scope = body.get("scope") or "profile"
        if grant == "refresh_token":
            body["refresh_token"] = user.tokens(scope)["refresh_token"]
        elif grant == "authorization_code":
            body["code"] = user.code(body["code_verifier"])
            body["redirect_uri"] = REDIRECT
        elif grant == DEVICE_GRANT:
            device = user.device(scope)
            user.decide(device)
            body["device_code"] = device["device_code"]
    elif path in ("/oauth/revoke", "/oauth/introspect"):
        made = user.tokens(random.choice(SCOPES))
        body["token"] = random.choice([made["access_token"], made["refresh_token"], user.key("profile")["key"]])
    elif path == "/login":
        body["password"] = user.password
        for name in ("email", "username"):
            if name in body:
                body[name] = user.email
    elif path in ("/api/get_device", "/api/decide_device"):
        body["user_code"] = user.device("profile")["user_code"]
    elif path == "/api/revoke_session":
        mine = person(is_new=True)
        with_cookies(case, mine.cookies)
        case.headers.pop("Authorization", None)
        body["session_id"] = mine.key("profile")["session_id"]
    elif path == "/api/create_key":
        body["name"] = "Backups"
    elif path == "/user-endpoint":
        case.headers.pop("If-Match", None)
        body["data"] = json.dumps({"name": body.get("data", "")[:200].replace("\0", "")})


def sends_back(response):
    """Whether the answer brings the browser to the client with an error: the way to refuse an authorization request."""
    location = response.headers.get("location", [""])[0]
    page = response.content or b""
    return location.startswith(REDIRECT + "?error=") or (REDIRECT + "?error=").encode() in page


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Drops what only looks like a failure."""
    kind = type(failure).__name__
    if kind == "RejectedPositiveData":
        # A made-up code or token is of the right form, and still not good.
        return case.id in MADE_GOOD
    if case.path == "/oauth/authorize" and kind in ("AcceptedNegativeData", "IgnoredAuth"):
        # Faults come before the sign-in.
        return not sends_back(response)
    return True
