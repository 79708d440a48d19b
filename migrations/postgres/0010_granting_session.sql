-- The session in which a user granted what a client has not collected yet. It is taken back when that session ends.
ALTER TABLE authorization_codes ADD COLUMN granted_in UUID;
ALTER TABLE device_grants ADD COLUMN granted_in UUID;
CREATE INDEX authorization_codes_granted_in ON authorization_codes (granted_in);
CREATE INDEX device_grants_granted_in ON device_grants (granted_in);
