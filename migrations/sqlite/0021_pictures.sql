-- Pictures of users: one each, uploaded or taken over from a provider.
CREATE TABLE pictures (
    user_id    BLOB PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The picture's address. Random, and another one for each new picture.
    id         BLOB NOT NULL UNIQUE,
    -- NULL once the user has removed the picture.
    webp       BLOB,
    -- The address at a provider that the picture was fetched from; NULL if the user has uploaded or removed it, and no
    -- provider's picture takes its place.
    source     TEXT,
    updated_at TEXT NOT NULL
);
