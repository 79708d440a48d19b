-- The same tables as in ../sqlite, in PostgreSQL's types: a test compares them, column by column. Text is
-- compared by its bytes (COLLATE "C") where the order matters, as SQLite does.

CREATE TABLE users (
    id                UUID PRIMARY KEY NOT NULL,
    -- In normal form (see auth/src/email.rs), so that UNIQUE means what a person would expect.
    email             TEXT COLLATE "C" UNIQUE,
    email_verified_at TIMESTAMPTZ,
    name              TEXT COLLATE "C",
    avatar_url        TEXT,
    password_hash     TEXT,
    -- Which roles there are is said in auth/src/role.rs alone; one that is not among them opens nothing.
    role              TEXT COLLATE "C" NOT NULL DEFAULT 'user',
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL,
    disabled_at       TIMESTAMPTZ
);
-- For administration: search by the beginning of a name, and who the administrators are.
CREATE INDEX users_name ON users (lower(name), id);
CREATE INDEX users_role ON users (role);

CREATE TABLE accounts (
    id               UUID PRIMARY KEY NOT NULL,
    user_id          UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider         TEXT NOT NULL,
    subject          TEXT NOT NULL,
    email            TEXT,
    email_verified   BOOLEAN NOT NULL DEFAULT FALSE,
    profile          JSONB NOT NULL DEFAULT '{}',
    -- Sealed with the key ring, never in clear.
    access_token     TEXT,
    refresh_token    TEXT,
    token_expires_at TIMESTAMPTZ,
    scopes           TEXT,
    created_at       TIMESTAMPTZ NOT NULL,
    last_used_at     TIMESTAMPTZ NOT NULL,
    UNIQUE (provider, subject)
);
CREATE INDEX accounts_user_id ON accounts (user_id);

-- The authority on who is signed in.
CREATE TABLE sessions (
    id               UUID PRIMARY KEY NOT NULL,
    user_id          UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the session id cookie; the cookie's value itself is stored nowhere.
    key_hash         BYTEA NOT NULL UNIQUE,
    kind             TEXT NOT NULL DEFAULT 'browser' CHECK (kind IN ('browser', 'api')),
    version          BIGINT NOT NULL DEFAULT 1,
    created_at       TIMESTAMPTZ NOT NULL,
    last_seen_at     TIMESTAMPTZ NOT NULL,
    idle_expires_at  TIMESTAMPTZ NOT NULL,
    expires_at       TIMESTAMPTZ NOT NULL,
    authenticated_at TIMESTAMPTZ NOT NULL,
    remember         BOOLEAN NOT NULL DEFAULT FALSE,
    method           TEXT NOT NULL,
    user_agent       TEXT,
    ip               TEXT
);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_idle_expires_at ON sessions (idle_expires_at);

-- Stale marks: snapshots of this session below min_version are void, on every instance. Rows are only
-- added: of two that mark one session at once, none waits for the other.
CREATE TABLE stale_sessions (
    seq         BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    session_id  UUID NOT NULL,
    min_version BIGINT NOT NULL,
    forget_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX stale_sessions_forget_at ON stale_sessions (forget_at);

CREATE TABLE sign_in_flows (
    state_hash    BYTEA PRIMARY KEY NOT NULL,
    -- UUIDv7: the order of flows, also of those begun in the same second.
    id            UUID NOT NULL,
    browser_hash  BYTEA NOT NULL,
    provider      TEXT NOT NULL,
    pkce_verifier TEXT,
    nonce         TEXT,
    return_to     TEXT,
    intent        TEXT NOT NULL CHECK (intent IN ('sign_in', 'link', 'pending_link')),
    user_id       UUID REFERENCES users (id) ON DELETE CASCADE,
    session_id    UUID,
    -- A pending link keeps the provider's answer here, sealed, until its owner has signed in.
    pending       TEXT,
    expires_at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX sign_in_flows_browser_hash ON sign_in_flows (browser_hash);
CREATE INDEX sign_in_flows_expires_at ON sign_in_flows (expires_at);

CREATE TABLE user_data (
    user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id  TEXT NOT NULL DEFAULT '',
    bucket     TEXT NOT NULL CHECK (bucket IN ('public', 'private')),
    data       JSONB NOT NULL DEFAULT '{}',
    version    BIGINT NOT NULL DEFAULT 1,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, client_id, bucket)
);

CREATE TABLE audit_events (
    id         UUID PRIMARY KEY NOT NULL,
    at         TIMESTAMPTZ NOT NULL,
    -- Whose account it is about.
    user_id    UUID REFERENCES users (id) ON DELETE SET NULL,
    -- The administrator who did it. No reference: it stays known who did it when they are gone.
    actor_id   UUID,
    session_id UUID,
    kind       TEXT NOT NULL,
    ip         TEXT,
    detail     JSONB NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_events_user_id ON audit_events (user_id, id);

-- tower-sessions' own table, in the store's layout. Its ids are hashes here (auth/src/session/store.rs).
CREATE TABLE tower_sessions (
    id          TEXT PRIMARY KEY NOT NULL,
    data        BYTEA NOT NULL,
    expiry_date TIMESTAMPTZ NOT NULL
);
CREATE INDEX tower_sessions_expiry_date ON tower_sessions (expiry_date);
