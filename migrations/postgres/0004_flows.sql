-- Who says who somebody is, as it was when the account was made: an OpenID provider's issuer, else the origin
-- that answers for userinfo. NULL: the account is older than this column, and takes over the next sign-in's.
ALTER TABLE accounts ADD COLUMN issuer TEXT;

-- With one more intent and with `remember`. A new table, as in ../sqlite, where no constraint is changed in place.
CREATE TABLE flows (
    state_hash    BYTEA PRIMARY KEY NOT NULL,
    -- UUIDv7: the order of flows, also of those begun in the same second.
    id            UUID NOT NULL,
    browser_hash  BYTEA NOT NULL,
    provider      TEXT NOT NULL,
    pkce_verifier TEXT,
    nonce         TEXT,
    return_to     TEXT,
    intent        TEXT NOT NULL CHECK (intent IN ('sign_in', 'link', 'confirm', 'pending_link')),
    -- "Keep me signed in".
    remember      BOOLEAN NOT NULL DEFAULT FALSE,
    user_id       UUID REFERENCES users (id) ON DELETE CASCADE,
    session_id    UUID,
    -- A pending link keeps the provider's answer here, sealed, until its owner has signed in.
    pending       TEXT,
    expires_at    TIMESTAMPTZ NOT NULL
);
INSERT INTO flows (state_hash, id, browser_hash, provider, pkce_verifier, nonce, return_to, intent, user_id,
                   session_id, pending, expires_at)
SELECT state_hash, id, browser_hash, provider, pkce_verifier, nonce, return_to, intent, user_id, session_id,
       pending, expires_at
FROM sign_in_flows;
DROP TABLE sign_in_flows;
ALTER TABLE flows RENAME TO sign_in_flows;
CREATE INDEX sign_in_flows_browser_hash ON sign_in_flows (browser_hash);
CREATE INDEX sign_in_flows_expires_at ON sign_in_flows (expires_at);

-- Where a flow would have led, for as long as a late or repeated callback may ask. A flow's own row is gone by
-- then: it is used up by its first callback.
CREATE TABLE ways_back (
    state_hash   BYTEA PRIMARY KEY NOT NULL,
    -- UUIDv7: the order of flows.
    id           UUID NOT NULL,
    browser_hash BYTEA NOT NULL,
    intent       TEXT NOT NULL CHECK (intent IN ('sign_in', 'link', 'confirm')),
    return_to    TEXT,
    expires_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX ways_back_browser_hash ON ways_back (browser_hash);
CREATE INDEX ways_back_expires_at ON ways_back (expires_at);
