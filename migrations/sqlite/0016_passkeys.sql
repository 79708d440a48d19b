-- Passkeys: keys that sign in without a password, kept by a browser, a phone or a security key.
CREATE TABLE passkeys (
    id            BLOB PRIMARY KEY NOT NULL,
    user_id       BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The name that the authenticator has given it.
    credential_id BLOB NOT NULL UNIQUE,
    -- The public key and the counter, as JSON.
    passkey       TEXT NOT NULL,
    name          TEXT NOT NULL,
    -- The model of the authenticator, if it says so.
    aaguid        BLOB,
    -- Whether it is kept in more than one place.
    synced        BOOLEAN NOT NULL,
    created_at    TEXT NOT NULL,
    last_used_at  TEXT
);
CREATE INDEX passkeys_user_id ON passkeys (user_id);
