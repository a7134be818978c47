-- Format 1: the registry. Times are Unix seconds. Eyes: 0 left, 1 right.
-- Numbers 1, 2, … are given by the program, so that they have no gaps and are never reused.

-- What the registry is; one row, written when it is created.
CREATE TABLE registry (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    created_at  INTEGER NOT NULL CHECK (created_at >= 0),
    tree_arity  INTEGER NOT NULL,
    tree_depth  INTEGER NOT NULL
) STRICT;

-- Every policy it ever had; the newest is in force.
CREATE TABLE policies (
    policy_id   INTEGER PRIMARY KEY,
    adopted_at  INTEGER NOT NULL CHECK (adopted_at >= 0),
    document    TEXT NOT NULL
) STRICT;

CREATE TABLE persons (
    person_id   INTEGER PRIMARY KEY,
    enrolled_at INTEGER NOT NULL CHECK (enrolled_at >= 0)
) STRICT;

CREATE TABLE templates (
    person_id   INTEGER NOT NULL REFERENCES persons,
    eye         INTEGER NOT NULL CHECK (eye IN (0, 1)),
    record      BLOB NOT NULL,
    UNIQUE (person_id, eye)
) STRICT;

-- A commitment is taken for ever: two people with one secret would be one voter with two leaves.
CREATE TABLE leaves (
    leaf_index  INTEGER PRIMARY KEY CHECK (leaf_index >= 0),
    person_id   INTEGER NOT NULL UNIQUE REFERENCES persons,
    commitment  BLOB NOT NULL UNIQUE CHECK (length(commitment) = 32),
    issued_at   INTEGER NOT NULL CHECK (issued_at >= 0),
    expires_at  INTEGER NOT NULL CHECK (expires_at >= 0),
    assurance   INTEGER NOT NULL CHECK (assurance BETWEEN 0 AND 255),
    leaf        BLOB NOT NULL CHECK (length(leaf) = 32)
) STRICT;

CREATE TABLE decisions (
    decision_id INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL CHECK (at >= 0),
    operator    TEXT NOT NULL,
    action      TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    person_id   INTEGER REFERENCES persons,
    policy_id   INTEGER NOT NULL REFERENCES policies,
    software    TEXT NOT NULL,
    details     TEXT NOT NULL
) STRICT;

-- What other processes read to catch up, and the history of roots. Kind: 1 enrolled.
CREATE TABLE changes (
    sequence    INTEGER PRIMARY KEY CHECK (sequence > 0),
    at          INTEGER NOT NULL CHECK (at >= 0),
    kind        INTEGER NOT NULL,
    person_id   INTEGER NOT NULL REFERENCES persons,
    decision_id INTEGER NOT NULL REFERENCES decisions,
    leaf_count  INTEGER NOT NULL CHECK (leaf_count >= 0),
    root        BLOB NOT NULL CHECK (length(root) = 32)
) STRICT;

-- History is written once. A slip of the program (or of a hand at the sqlite3 prompt) stops here.
CREATE TRIGGER decisions_stay BEFORE UPDATE ON decisions
BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;
CREATE TRIGGER decisions_remain BEFORE DELETE ON decisions
BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;
CREATE TRIGGER changes_stay BEFORE UPDATE ON changes
BEGIN SELECT RAISE(ABORT, 'changes are append-only'); END;
CREATE TRIGGER changes_remain BEFORE DELETE ON changes
BEGIN SELECT RAISE(ABORT, 'changes are append-only'); END;
