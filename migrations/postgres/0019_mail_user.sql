-- Whose mail it is, if it is about a user: it goes with that user, and no other. Mails that are written already are about
-- nobody, until they are sent or given up.
ALTER TABLE mail_outbox ADD COLUMN user_id UUID REFERENCES users (id) ON DELETE CASCADE;
CREATE INDEX mail_outbox_user_id ON mail_outbox (user_id);
