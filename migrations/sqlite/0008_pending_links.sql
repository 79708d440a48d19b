-- A provider account whose address belongs to a user waits here until that user has signed in in the same browser.
CREATE TABLE pending_links (
    -- A browser has one at most.
    browser_hash BLOB PRIMARY KEY NOT NULL,
    user_id      BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What the provider said of the person, sealed with the key ring.
    sealed       TEXT NOT NULL,
    expires_at   TEXT NOT NULL
);
CREATE INDEX pending_links_expires_at ON pending_links (expires_at);

-- Until now it was a flow that no state led to. A new table: SQLite changes no constraint in place.
CREATE TABLE flows (
    state_hash    BLOB PRIMARY KEY NOT NULL,
    -- UUIDv7: the order of flows, also of those begun in the same second.
    id            BLOB NOT NULL,
    browser_hash  BLOB NOT NULL,
    provider      TEXT NOT NULL,
    pkce_verifier TEXT,
    nonce         TEXT,
    return_to     TEXT,
    intent        TEXT NOT NULL CHECK (intent IN ('sign_in', 'link', 'confirm')),
    -- "Keep me signed in".
    remember      BOOLEAN NOT NULL DEFAULT FALSE,
    user_id       BLOB REFERENCES users (id) ON DELETE CASCADE,
    session_id    BLOB,
    expires_at    TEXT NOT NULL
);
INSERT INTO flows (state_hash, id, browser_hash, provider, pkce_verifier, nonce, return_to, intent, remember, user_id,
                   session_id, expires_at)
SELECT state_hash, id, browser_hash, provider, pkce_verifier, nonce, return_to, intent, remember, user_id,
       session_id, expires_at
FROM sign_in_flows WHERE intent <> 'pending_link';
DROP TABLE sign_in_flows;
ALTER TABLE flows RENAME TO sign_in_flows;
CREATE INDEX sign_in_flows_browser_hash ON sign_in_flows (browser_hash);
CREATE INDEX sign_in_flows_expires_at ON sign_in_flows (expires_at);
