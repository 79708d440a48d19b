-- What takes more than one request: a sign-in that waits for its second factor, a factor that is being set up.
CREATE TABLE ceremonies (
    id         BLOB PRIMARY KEY NOT NULL,
    kind       TEXT NOT NULL,
    -- SHA-256 of the flow cookie, or the id of the session, whichever it belongs to.
    owner      BLOB NOT NULL,
    -- SHA-256 of what the answer will contain, where an owner may have several of a kind under way; otherwise empty.
    challenge  BLOB NOT NULL,
    -- NULL as long as nobody knows whose it is.
    user_id    BLOB REFERENCES users (id) ON DELETE CASCADE,
    -- Sealed for its kind, its owner and its user.
    state      TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    UNIQUE (kind, owner, challenge)
);
CREATE INDEX ceremonies_user_id ON ceremonies (user_id);
CREATE INDEX ceremonies_expires_at ON ceremonies (expires_at);
