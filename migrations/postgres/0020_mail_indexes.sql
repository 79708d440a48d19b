-- The order in which mails are taken, whole: without the ids, all mails of one moment were read, with their texts, to
-- sort them.
DROP INDEX mail_outbox_due_at;
CREATE INDEX mail_outbox_due_at ON mail_outbox (due_at, id);
-- Mails that wait are counted without reading them.
CREATE INDEX mail_outbox_kind ON mail_outbox (kind);
