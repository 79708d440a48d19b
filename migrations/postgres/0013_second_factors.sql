-- Codes of an authenticator app, as a second factor at sign-in.
CREATE TABLE totp (
    user_id      UUID PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Sealed for this user.
    secret       TEXT NOT NULL,
    -- The last time step whose code was used (RFC 6238): neither it nor an earlier one is good again.
    last_step    BIGINT NOT NULL,
    confirmed_at TIMESTAMPTZ NOT NULL
);

-- SHA-256 of codes for a user who has lost the authenticator app. Each is deleted by its use.
CREATE TABLE recovery_codes (
    hash    BYTEA PRIMARY KEY NOT NULL,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX recovery_codes_user_id ON recovery_codes (user_id);

-- Browsers in which a user signs in without the second factor, by SHA-256 of a cookie.
CREATE TABLE devices (
    hash          BYTEA PRIMARY KEY NOT NULL,
    user_id       UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    trusted_until TIMESTAMPTZ NOT NULL,
    user_agent    TEXT
);
CREATE INDEX devices_user_id ON devices (user_id);
CREATE INDEX devices_trusted_until ON devices (trusted_until);
