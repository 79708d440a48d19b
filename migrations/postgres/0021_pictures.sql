-- Pictures of users: one each, uploaded or taken over from a provider.
CREATE TABLE pictures (
    user_id    UUID PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The picture's address. Random, and another one for each new picture.
    id         UUID NOT NULL UNIQUE,
    -- NULL once the user has removed the picture.
    webp       BYTEA,
    -- The address at a provider that the picture was fetched from; NULL if the user has uploaded or removed it, and no
    -- provider's picture takes its place.
    source     TEXT,
    updated_at TIMESTAMPTZ NOT NULL
);
