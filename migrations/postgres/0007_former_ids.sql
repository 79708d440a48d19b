-- Ids that sessions had until a moment ago, by the same hash as sessions.key_hash (auth/src/session/former.rs).
CREATE TABLE former_ids (
    key_hash   BYTEA PRIMARY KEY NOT NULL,
    -- No reference: the session may have ended, and the id is a former one all the same.
    session_id UUID NOT NULL,
    forget_at  TIMESTAMPTZ NOT NULL
);
CREATE INDEX former_ids_forget_at ON former_ids (forget_at);
