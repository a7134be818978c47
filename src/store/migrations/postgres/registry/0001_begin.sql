-- Format 1 in PostgreSQL: the tables of format 3 of `migrations/registry`, which says what their columns mean. Numbers 1, 2, …
-- are given by the program, so that they have no gaps and are never reused. Every number is BIGINT. Text is compared byte by byte.
-- Records are sealed and do not compress: they are kept outside of their rows, as they are.

CREATE TABLE registry (
    one         BIGINT PRIMARY KEY CHECK (one = 1),
    created_at  BIGINT NOT NULL CHECK (created_at >= 0),
    tree_arity  BIGINT NOT NULL,
    tree_depth  BIGINT NOT NULL
);

CREATE TABLE policies (
    policy_id   BIGINT PRIMARY KEY,
    adopted_at  BIGINT NOT NULL CHECK (adopted_at >= 0),
    document    TEXT NOT NULL
);

CREATE TABLE persons (
    person_id        BIGINT PRIMARY KEY,
    enrolled_at      BIGINT NOT NULL CHECK (enrolled_at >= 0),
    status           BIGINT NOT NULL DEFAULT 1 CHECK (status BETWEEN 1 AND 4),
    template_version BIGINT NOT NULL DEFAULT 1 CHECK (template_version >= 1),
    leaf_index       BIGINT CHECK (leaf_index >= 0)
);

CREATE TABLE templates (
    person_id   BIGINT NOT NULL REFERENCES persons,
    eye         BIGINT NOT NULL CHECK (eye IN (0, 1)),
    record      BYTEA NOT NULL,
    UNIQUE (person_id, eye)
);
ALTER TABLE templates ALTER COLUMN record SET STORAGE EXTERNAL;

CREATE TABLE leaves (
    leaf_index  BIGINT PRIMARY KEY CHECK (leaf_index >= 0),
    person_id   BIGINT NOT NULL REFERENCES persons,
    commitment  BYTEA NOT NULL UNIQUE CHECK (octet_length(commitment) = 32),
    issued_at   BIGINT NOT NULL CHECK (issued_at >= 0),
    expires_at  BIGINT NOT NULL CHECK (expires_at >= 0),
    assurance   BIGINT NOT NULL CHECK (assurance BETWEEN 0 AND 255),
    leaf        BYTEA NOT NULL CHECK (octet_length(leaf) = 32)
);
CREATE INDEX leaves_of_person ON leaves (person_id);

CREATE TABLE decisions (
    decision_id BIGINT PRIMARY KEY,
    at          BIGINT NOT NULL CHECK (at >= 0),
    operator    TEXT NOT NULL,
    action      TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    person_id   BIGINT REFERENCES persons,
    policy_id   BIGINT NOT NULL REFERENCES policies,
    software    TEXT NOT NULL,
    details     TEXT NOT NULL
);
CREATE INDEX decisions_of_person ON decisions (person_id, at);

CREATE TABLE changes (
    sequence         BIGINT PRIMARY KEY CHECK (sequence > 0),
    at               BIGINT NOT NULL CHECK (at >= 0),
    kind             BIGINT NOT NULL,
    person_id        BIGINT REFERENCES persons,
    policy_id        BIGINT REFERENCES policies,
    template_version BIGINT CHECK (template_version >= 1),
    removed          BIGINT CHECK (removed >= 0),
    placed           BIGINT CHECK (placed >= 0),
    leaf             BYTEA CHECK (octet_length(leaf) = 32),
    decision_id      BIGINT NOT NULL REFERENCES decisions,
    leaf_count       BIGINT NOT NULL CHECK (leaf_count >= 0),
    root             BYTEA NOT NULL CHECK (octet_length(root) = 32)
);
CREATE INDEX changes_of_person ON changes (person_id);

CREATE TABLE recoveries (
    recovery_id  BIGINT PRIMARY KEY,
    person_id    BIGINT NOT NULL REFERENCES persons,
    requested_at BIGINT NOT NULL CHECK (requested_at >= 0),
    ready_at     BIGINT NOT NULL CHECK (ready_at >= 0),
    expires_at   BIGINT NOT NULL CHECK (expires_at >= 0),
    commitment   BYTEA CHECK (octet_length(commitment) = 32),
    state        BIGINT NOT NULL CHECK (state BETWEEN 1 AND 3),
    decision_id  BIGINT NOT NULL REFERENCES decisions
);
CREATE UNIQUE INDEX recoveries_pending ON recoveries (person_id) WHERE state = 1;
CREATE UNIQUE INDEX recoveries_commitment ON recoveries (commitment) WHERE state = 1;

CREATE TABLE reviews (
    review_id   BIGINT PRIMARY KEY,
    opened_at   BIGINT NOT NULL CHECK (opened_at >= 0),
    state       BIGINT NOT NULL CHECK (state BETWEEN 1 AND 3),
    round       BIGINT NOT NULL CHECK (round BETWEEN 1 AND 2),
    closed_at   BIGINT CHECK (closed_at >= 0),
    commitment  BYTEA CHECK (octet_length(commitment) = 32),
    issued_at   BIGINT NOT NULL CHECK (issued_at >= 0),
    expires_at  BIGINT NOT NULL CHECK (expires_at >= 0),
    assurance   BIGINT NOT NULL CHECK (assurance BETWEEN 0 AND 255),
    person_id   BIGINT REFERENCES persons,
    decision_id BIGINT NOT NULL REFERENCES decisions
);

CREATE TABLE review_templates (
    review_id   BIGINT NOT NULL REFERENCES reviews,
    eye         BIGINT NOT NULL CHECK (eye IN (0, 1)),
    record      BYTEA NOT NULL,
    UNIQUE (review_id, eye)
);
ALTER TABLE review_templates ALTER COLUMN record SET STORAGE EXTERNAL;

CREATE TABLE review_votes (
    review_id   BIGINT NOT NULL REFERENCES reviews,
    round       BIGINT NOT NULL CHECK (round BETWEEN 1 AND 2),
    operator    TEXT COLLATE "C" NOT NULL,
    at          BIGINT NOT NULL CHECK (at >= 0),
    verdict     BIGINT NOT NULL CHECK (verdict IN (1, 2)),
    reason      TEXT NOT NULL,
    PRIMARY KEY (review_id, round, operator)
);

CREATE TABLE exceptions (
    person_id   BIGINT NOT NULL REFERENCES persons,
    other_id    BIGINT NOT NULL REFERENCES persons,
    review_id   BIGINT NOT NULL REFERENCES reviews,
    PRIMARY KEY (person_id, other_id)
);

CREATE TABLE operators (
    operator    TEXT COLLATE "C" PRIMARY KEY,
    role        BIGINT NOT NULL CHECK (role BETWEEN 1 AND 4),
    added_at    BIGINT NOT NULL CHECK (added_at >= 0),
    removed_at  BIGINT CHECK (removed_at >= 0)
);

CREATE TABLE stations (
    station     TEXT COLLATE "C" PRIMARY KEY,
    public_key  BYTEA NOT NULL UNIQUE CHECK (octet_length(public_key) = 32),
    counter     BIGINT NOT NULL CHECK (counter >= 0),
    added_at    BIGINT NOT NULL CHECK (added_at >= 0),
    removed_at  BIGINT CHECK (removed_at >= 0)
);

CREATE TABLE challenges (
    challenge   BYTEA PRIMARY KEY CHECK (octet_length(challenge) = 32),
    expires_at  BIGINT NOT NULL CHECK (expires_at >= 0)
);

CREATE TABLE tree_state (
    one         BIGINT PRIMARY KEY CHECK (one = 1),
    sequence    BIGINT NOT NULL CHECK (sequence >= 0)
);
CREATE TABLE tree_pages (
    level       BIGINT NOT NULL CHECK (level BETWEEN 0 AND 10),
    page        BIGINT NOT NULL CHECK (page >= 0),
    nodes       BYTEA NOT NULL,
    PRIMARY KEY (level, page)
);

CREATE TABLE keyring (
    one         BIGINT PRIMARY KEY CHECK (one = 1),
    document    BYTEA NOT NULL CHECK (octet_length(document) BETWEEN 24 AND 300000)
);

-- History is written once. A slip of the program (or of a hand at the psql prompt) stops here.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% are append-only', TG_ARGV[0]; END $$;
CREATE TRIGGER decisions_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON decisions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('decisions');
CREATE TRIGGER changes_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON changes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('changes');
CREATE TRIGGER policies_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON policies
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('policies');
CREATE TRIGGER votes_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON review_votes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('votes');
