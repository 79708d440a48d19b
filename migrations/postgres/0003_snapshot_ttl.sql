-- One row: the longest SNAPSHOT_TTL, in seconds, that any process was ever told on this database. So long a
-- snapshot may be shown, whoever sealed it, and so long its marks are kept (auth/src/session/stale.rs).
CREATE TABLE snapshot_ttl (
    longest BIGINT NOT NULL
);
INSERT INTO snapshot_ttl (longest) VALUES (0);
