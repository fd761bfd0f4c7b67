CREATE TABLE events (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    conversation TEXT NOT NULL,
    kind TEXT NOT NULL,
    dialog TEXT,
    sequence INTEGER,
    at INTEGER,
    received INTEGER NOT NULL,
    handed INTEGER NOT NULL DEFAULT 0,
    originator TEXT,
    role TEXT,
    audience TEXT,
    text TEXT,
    skill TEXT,
    state TEXT,
    stage TEXT,
    raw TEXT NOT NULL
) STRICT;
CREATE INDEX of_conversation ON events (conversation, kind);
