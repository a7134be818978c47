-- Format 2: a person's life after enrolment, and the desks at which it is decided about.

-- Status: 1 active, 2 suspended, 3 revoked, 4 erased. The version counts the captures that were taken in; the rows of
-- `templates` are of that version. `leaf_index` is the present leaf, none once the person is erased.
ALTER TABLE persons ADD COLUMN status INTEGER NOT NULL DEFAULT 1 CHECK (status BETWEEN 1 AND 4);
ALTER TABLE persons ADD COLUMN template_version INTEGER NOT NULL DEFAULT 1 CHECK (template_version >= 1);
ALTER TABLE persons ADD COLUMN leaf_index INTEGER CHECK (leaf_index >= 0);
UPDATE persons SET leaf_index = (SELECT l.leaf_index FROM leaves l WHERE l.person_id = persons.person_id);

-- A person who recovers has a second leaf. What an earlier one certified stays, so that its commitment stays taken; it
-- is in the tree no more.
CREATE TABLE leaves_2 (
    leaf_index  INTEGER PRIMARY KEY CHECK (leaf_index >= 0),
    person_id   INTEGER NOT NULL REFERENCES persons,
    commitment  BLOB NOT NULL UNIQUE CHECK (length(commitment) = 32),
    issued_at   INTEGER NOT NULL CHECK (issued_at >= 0),
    expires_at  INTEGER NOT NULL CHECK (expires_at >= 0),
    assurance   INTEGER NOT NULL CHECK (assurance BETWEEN 0 AND 255),
    leaf        BLOB NOT NULL CHECK (length(leaf) = 32)
) STRICT;
INSERT INTO leaves_2 SELECT leaf_index, person_id, commitment, issued_at, expires_at, assurance, leaf FROM leaves;

-- Kind: 1 enrolled, 2 refreshed, 3 recovered, 4 suspended, 5 reinstated, 6 revoked, 7 renewed, 8 erased, 9 policy adopted.
-- `removed` is the place whose leaf became the empty one, `placed` the place that got `leaf`: the tree follows from these
-- three alone. No row holds anything of a template or a commitment.
CREATE TABLE changes_2 (
    sequence         INTEGER PRIMARY KEY CHECK (sequence > 0),
    at               INTEGER NOT NULL CHECK (at >= 0),
    kind             INTEGER NOT NULL,
    person_id        INTEGER REFERENCES persons,
    policy_id        INTEGER REFERENCES policies,
    template_version INTEGER CHECK (template_version >= 1),
    removed          INTEGER CHECK (removed >= 0),
    placed           INTEGER CHECK (placed >= 0),
    leaf             BLOB CHECK (length(leaf) = 32),
    decision_id      INTEGER NOT NULL REFERENCES decisions,
    leaf_count       INTEGER NOT NULL CHECK (leaf_count >= 0),
    root             BLOB NOT NULL CHECK (length(root) = 32)
) STRICT;
INSERT INTO changes_2
    SELECT c.sequence, c.at, c.kind, c.person_id, NULL, 1, NULL, l.leaf_index, l.leaf, c.decision_id, c.leaf_count, c.root
    FROM changes c LEFT JOIN leaves l ON l.person_id = c.person_id;

DROP TABLE changes;
DROP TABLE leaves;
ALTER TABLE leaves_2 RENAME TO leaves;
ALTER TABLE changes_2 RENAME TO changes;
CREATE INDEX leaves_of_person ON leaves (person_id);
CREATE INDEX changes_of_person ON changes (person_id);
CREATE INDEX decisions_of_person ON decisions (person_id, at);

-- Who asked for a new leaf, and from when on they may have it. State: 1 pending, 2 completed, 3 cancelled. The commitment
-- is there while the recovery is pending.
CREATE TABLE recoveries (
    recovery_id  INTEGER PRIMARY KEY,
    person_id    INTEGER NOT NULL REFERENCES persons,
    requested_at INTEGER NOT NULL CHECK (requested_at >= 0),
    ready_at     INTEGER NOT NULL CHECK (ready_at >= 0),
    expires_at   INTEGER NOT NULL CHECK (expires_at >= 0),
    commitment   BLOB CHECK (length(commitment) = 32),
    state        INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
    decision_id  INTEGER NOT NULL REFERENCES decisions
) STRICT;
CREATE UNIQUE INDEX recoveries_pending ON recoveries (person_id) WHERE state = 1;
CREATE UNIQUE INDEX recoveries_commitment ON recoveries (commitment) WHERE state = 1;

-- Duplicates that people decide about. State: 1 open, 2 the same person, 3 different people. Round 2 is the appeal. The
-- commitment and the rows of `review_templates` are there as long as the review can still be decided.
CREATE TABLE reviews (
    review_id   INTEGER PRIMARY KEY,
    opened_at   INTEGER NOT NULL CHECK (opened_at >= 0),
    state       INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
    round       INTEGER NOT NULL CHECK (round BETWEEN 1 AND 2),
    closed_at   INTEGER CHECK (closed_at >= 0),
    commitment  BLOB CHECK (length(commitment) = 32),
    issued_at   INTEGER NOT NULL CHECK (issued_at >= 0),
    expires_at  INTEGER NOT NULL CHECK (expires_at >= 0),
    assurance   INTEGER NOT NULL CHECK (assurance BETWEEN 0 AND 255),
    person_id   INTEGER REFERENCES persons,
    decision_id INTEGER NOT NULL REFERENCES decisions
) STRICT;
CREATE TABLE review_templates (
    review_id   INTEGER NOT NULL REFERENCES reviews,
    eye         INTEGER NOT NULL CHECK (eye IN (0, 1)),
    record      BLOB NOT NULL,
    UNIQUE (review_id, eye)
) STRICT;
-- One vote of each person in each round. Verdict: 1 the same person, 2 different people.
CREATE TABLE review_votes (
    review_id   INTEGER NOT NULL REFERENCES reviews,
    round       INTEGER NOT NULL CHECK (round BETWEEN 1 AND 2),
    operator    TEXT NOT NULL,
    at          INTEGER NOT NULL CHECK (at >= 0),
    verdict     INTEGER NOT NULL CHECK (verdict IN (1, 2)),
    reason      TEXT NOT NULL,
    PRIMARY KEY (review_id, round, operator)
) STRICT, WITHOUT ROWID;

-- Two people whose eyes match and who were found to be two.
CREATE TABLE exceptions (
    person_id   INTEGER NOT NULL REFERENCES persons,
    other_id    INTEGER NOT NULL REFERENCES persons,
    review_id   INTEGER NOT NULL REFERENCES reviews,
    PRIMARY KEY (person_id, other_id)
) STRICT, WITHOUT ROWID;

-- Role: 1 administrator, 2 operator, 3 adjudicator, 4 auditor. A name is kept after it was removed: decisions have it.
CREATE TABLE operators (
    operator    TEXT PRIMARY KEY,
    role        INTEGER NOT NULL CHECK (role BETWEEN 1 AND 4),
    added_at    INTEGER NOT NULL CHECK (added_at >= 0),
    removed_at  INTEGER CHECK (removed_at >= 0)
) STRICT, WITHOUT ROWID;

-- Capture stations, their Ed25519 keys and the counter of their last capture.
CREATE TABLE stations (
    station     TEXT PRIMARY KEY,
    public_key  BLOB NOT NULL UNIQUE CHECK (length(public_key) = 32),
    counter     INTEGER NOT NULL CHECK (counter >= 0),
    added_at    INTEGER NOT NULL CHECK (added_at >= 0),
    removed_at  INTEGER CHECK (removed_at >= 0)
) STRICT, WITHOUT ROWID;
-- Challenges that were given out and not used yet.
CREATE TABLE challenges (
    challenge   BLOB PRIMARY KEY CHECK (length(challenge) = 32),
    expires_at  INTEGER NOT NULL CHECK (expires_at >= 0)
) STRICT, WITHOUT ROWID;

-- The tree as it was after change `sequence`, so that it need not be hashed again: it follows from `changes`.
CREATE TABLE tree_state (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    sequence    INTEGER NOT NULL CHECK (sequence >= 0)
) STRICT;
CREATE TABLE tree_pages (
    level       INTEGER NOT NULL CHECK (level BETWEEN 0 AND 10),
    page        INTEGER NOT NULL CHECK (page >= 0),
    nodes       BLOB NOT NULL,
    PRIMARY KEY (level, page)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER changes_stay BEFORE UPDATE ON changes
BEGIN SELECT RAISE(ABORT, 'changes are append-only'); END;
CREATE TRIGGER changes_remain BEFORE DELETE ON changes
BEGIN SELECT RAISE(ABORT, 'changes are append-only'); END;
CREATE TRIGGER policies_stay BEFORE UPDATE ON policies
BEGIN SELECT RAISE(ABORT, 'policies are append-only'); END;
CREATE TRIGGER policies_remain BEFORE DELETE ON policies
BEGIN SELECT RAISE(ABORT, 'policies are append-only'); END;
CREATE TRIGGER votes_stay BEFORE UPDATE ON review_votes
BEGIN SELECT RAISE(ABORT, 'votes are append-only'); END;
CREATE TRIGGER votes_remain BEFORE DELETE ON review_votes
BEGIN SELECT RAISE(ABORT, 'votes are append-only'); END;
