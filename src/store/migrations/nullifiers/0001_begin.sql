-- Format 1: the nullifiers that a relying party has accepted, 32 canonical bytes each.
-- The primary key is the rule: one nullifier is accepted once per scope.
CREATE TABLE nullifiers (
    external_nullifier BLOB NOT NULL CHECK (length(external_nullifier) = 32),
    nullifier          BLOB NOT NULL CHECK (length(nullifier) = 32),
    PRIMARY KEY (external_nullifier, nullifier)
) STRICT, WITHOUT ROWID;
