-- Failures to sign in with an address, in a row, whether or not a user has it. The address is a keyed hash.
CREATE TABLE sign_in_failures (
    address_hmac BLOB PRIMARY KEY NOT NULL,
    failures     INTEGER NOT NULL,
    updated_at   TEXT NOT NULL
);
CREATE INDEX sign_in_failures_updated_at ON sign_in_failures (updated_at);
