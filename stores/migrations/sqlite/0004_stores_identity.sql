-- Identifies this database among those that may share a cache: an entry that was loaded from another database is a miss.
-- The only row has an id that the database generates. It never changes.

CREATE TABLE stores_identity (
    only_row BOOLEAN NOT NULL DEFAULT TRUE PRIMARY KEY CHECK (only_row = TRUE),
    id       BLOB    NOT NULL DEFAULT (randomblob(16)) CHECK (length(id) = 16)
);

INSERT OR IGNORE INTO stores_identity DEFAULT VALUES;
