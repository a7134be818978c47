-- Format 2: when a nullifier was accepted, in seconds since 1970, for answers that say it; null where nobody told.
ALTER TABLE nullifiers ADD COLUMN accepted_at INTEGER CHECK (accepted_at >= 0);
