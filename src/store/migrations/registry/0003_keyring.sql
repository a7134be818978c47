-- Format 3: templates that are sealed, each under a key of its own. The keyring holds the keys that wrap those, wrapped
-- themselves under a master key that is not here. A registry without a row has its templates in clear.
CREATE TABLE keyring (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    document    BLOB NOT NULL CHECK (length(document) BETWEEN 24 AND 300000)
) STRICT;
