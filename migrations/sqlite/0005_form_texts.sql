-- What somebody typed into a form that was not done, until the form's page has it again: a few minutes.
CREATE TABLE form_texts (
    id         BLOB PRIMARY KEY NOT NULL,
    user_id    BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Sealed with the key ring, never in clear.
    sealed     TEXT NOT NULL,
    expires_at TEXT NOT NULL
);
CREATE INDEX form_texts_user_id ON form_texts (user_id);
CREATE INDEX form_texts_expires_at ON form_texts (expires_at);
