-- Applications beside this one's own pages that act for users, or for themselves.
CREATE TABLE clients (
    id             TEXT PRIMARY KEY NOT NULL,
    -- What stale marks name, for the tokens of clients that act for themselves.
    uuid           BLOB NOT NULL UNIQUE,
    name           TEXT NOT NULL,
    -- Whether it has a secret.
    confidential   BOOLEAN NOT NULL,
    -- Whether it belongs to the operator of this application.
    first_party    BOOLEAN NOT NULL,
    may_introspect BOOLEAN NOT NULL,
    -- Lists of words, separated by spaces. None of the values contains a space.
    grants         TEXT NOT NULL,
    redirect_uris  TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    resources      TEXT NOT NULL,
    version        BIGINT NOT NULL DEFAULT 1,
    created_at     TEXT NOT NULL,
    disabled_at    TEXT
);

-- SHA-256 of secrets. During a rotation a client has two.
CREATE TABLE client_secrets (
    hash       BLOB PRIMARY KEY NOT NULL,
    client_id  TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL,
    expires_at TEXT
);
CREATE INDEX client_secrets_client_id ON client_secrets (client_id);

CREATE TABLE authorization_codes (
    code_hash    BLOB PRIMARY KEY NOT NULL,
    client_id    TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    user_id      BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    -- SHA-256 of the verifier, as the client sent it (RFC 7636).
    challenge    TEXT NOT NULL,
    scope        TEXT NOT NULL,
    resource     TEXT,
    expires_at   TEXT NOT NULL,
    -- A spent code is kept for a while: when it comes again, the session that it began ends.
    spent_at     TEXT,
    session_id   BLOB
);
CREATE INDEX authorization_codes_user_id ON authorization_codes (user_id);
CREATE INDEX authorization_codes_client_id ON authorization_codes (client_id);
CREATE INDEX authorization_codes_expires_at ON authorization_codes (expires_at);

-- Devices that wait for a user's decision (RFC 8628).
CREATE TABLE device_grants (
    device_hash   BLOB PRIMARY KEY NOT NULL,
    user_hash     BLOB NOT NULL UNIQUE,
    client_id     TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope         TEXT NOT NULL,
    resource      TEXT,
    ip            TEXT,
    user_agent    TEXT,
    -- Seconds between two polls.
    poll_interval BIGINT NOT NULL,
    polled_at     TEXT,
    state         TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'used')),
    -- Who has approved it.
    user_id       BLOB REFERENCES users (id) ON DELETE CASCADE,
    created_at    TEXT NOT NULL,
    expires_at    TEXT NOT NULL
);
CREATE INDEX device_grants_user_id ON device_grants (user_id);
CREATE INDEX device_grants_client_id ON device_grants (client_id);
CREATE INDEX device_grants_expires_at ON device_grants (expires_at);

-- Of sessions of kind 'api'. With a client they belong to it, and key_hash is the SHA-256 of the refresh token's secret;
-- without one they are personal keys, and key_hash is the SHA-256 of the key.
ALTER TABLE sessions ADD COLUMN client_id TEXT REFERENCES clients (id) ON DELETE CASCADE;
ALTER TABLE sessions ADD COLUMN scope TEXT;
ALTER TABLE sessions ADD COLUMN name TEXT;
ALTER TABLE sessions ADD COLUMN resource TEXT;
-- The number of the current refresh token, and what is needed to give it again to a client that lost the answer.
ALTER TABLE sessions ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN prev_hash BLOB;
ALTER TABLE sessions ADD COLUMN salt BLOB;
ALTER TABLE sessions ADD COLUMN rotated_at TEXT;
-- Whether the client has used what came with the current refresh token.
ALTER TABLE sessions ADD COLUMN confirmed BOOLEAN NOT NULL DEFAULT TRUE;
CREATE INDEX sessions_client_id ON sessions (client_id);
