DROP INDEX users_to_erase;
ALTER TABLE users DROP COLUMN erased_at;
ALTER TABLE users DROP COLUMN deleted_at;
