-- Mails that are to be sent. A row is written in the transaction that causes its mail, and deleted when the mail is sent.
CREATE TABLE mail_outbox (
    -- UUIDv7. The Message-ID is made from it, so that it stays the same at every try.
    id            UUID PRIMARY KEY NOT NULL,
    -- What the mail is for; `none` for one that is never sent.
    kind          TEXT NOT NULL,
    -- The address. A row of the kind `none` holds none.
    recipient     TEXT,
    -- Subject, text and HTML, sealed with the key ring: they hold links that open something.
    body          TEXT NOT NULL,
    due_at        TIMESTAMPTZ NOT NULL,
    tries         INTEGER NOT NULL DEFAULT 0,
    -- Until then, the row belongs to the instance that is sending it.
    claimed_until TIMESTAMPTZ,
    give_up_at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX mail_outbox_due_at ON mail_outbox (due_at);
CREATE INDEX mail_outbox_give_up_at ON mail_outbox (give_up_at);

-- Links and codes that were sent by mail and wait to be used, once.
CREATE TABLE mail_tokens (
    -- SHA-256 of the token.
    hash         BYTEA PRIMARY KEY NOT NULL,
    -- UUIDv7: the order of tokens, also of those made in the same second.
    id           UUID NOT NULL,
    purpose      TEXT NOT NULL,
    -- Whose it is; NULL while the address has no user.
    user_id      UUID REFERENCES users (id) ON DELETE CASCADE,
    -- The one address that the token proves.
    address      TEXT NOT NULL,
    -- HMAC of the code in the same mail, if there is one.
    code_hash    BYTEA,
    -- SHA-256 of the flow cookie of the browser that asked, if the token is for that browser only.
    browser_hash BYTEA,
    -- How many wrong codes are still accepted.
    tries_left   INTEGER NOT NULL,
    -- What else the purpose needs.
    data         JSONB,
    expires_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX mail_tokens_user_id ON mail_tokens (user_id, purpose);
CREATE INDEX mail_tokens_address ON mail_tokens (address, purpose);
CREATE INDEX mail_tokens_browser_hash ON mail_tokens (browser_hash);
CREATE INDEX mail_tokens_expires_at ON mail_tokens (expires_at);
