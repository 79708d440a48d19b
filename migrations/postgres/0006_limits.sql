-- From which networks (/24, /48) an account was signed in from lately, and what finding events by age and by
-- kind takes.
CREATE TABLE sign_in_networks (
    id      UUID PRIMARY KEY NOT NULL,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    network TEXT NOT NULL,
    last_at TIMESTAMPTZ NOT NULL,
    UNIQUE (user_id, network)
);
CREATE INDEX sign_in_networks_last_at ON sign_in_networks (last_at);

CREATE INDEX audit_events_at ON audit_events (at);
CREATE INDEX audit_events_kind ON audit_events (user_id, kind, id);
