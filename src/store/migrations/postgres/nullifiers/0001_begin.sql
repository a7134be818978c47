-- Format 1 in PostgreSQL: the table of format 2 of `migrations/nullifiers`. The primary key is the rule: one nullifier is accepted
-- once per scope, whoever asks first.
CREATE TABLE nullifiers (
    external_nullifier BYTEA NOT NULL CHECK (octet_length(external_nullifier) = 32),
    nullifier          BYTEA NOT NULL CHECK (octet_length(nullifier) = 32),
    accepted_at        BIGINT CHECK (accepted_at >= 0),
    PRIMARY KEY (external_nullifier, nullifier)
);
