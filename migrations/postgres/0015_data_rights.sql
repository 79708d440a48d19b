-- For deletion: what an administrator has done to others. For retention: events that still show an address.
CREATE INDEX audit_events_actor_id ON audit_events (actor_id) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_events_with_address ON audit_events (at) WHERE ip IS NOT NULL;
