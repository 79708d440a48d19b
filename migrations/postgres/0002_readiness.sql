-- One row, which a readiness probe writes: whether a database can be written is known by writing to it.
CREATE TABLE readiness (
    id INTEGER PRIMARY KEY,
    written_at TIMESTAMPTZ NOT NULL
);
