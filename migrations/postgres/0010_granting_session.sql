-- The session in which a user granted what a client has not collected yet. Without that session it is worth nothing.
ALTER TABLE authorization_codes ADD COLUMN granted_in UUID;
ALTER TABLE device_grants ADD COLUMN granted_in UUID;
