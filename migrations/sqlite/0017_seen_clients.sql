-- The browsers and networks that users have signed in with and from, so that they are told of a new one. A mark is a keyed
-- hash of a user and a browser, or of a user and a network.
CREATE TABLE seen_clients (
    mark         BLOB PRIMARY KEY NOT NULL,
    user_id      BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    last_seen_at TEXT NOT NULL
);
CREATE INDEX seen_clients_user_id ON seen_clients (user_id);
CREATE INDEX seen_clients_last_seen_at ON seen_clients (last_seen_at);
