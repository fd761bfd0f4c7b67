CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE cases (number INTEGER PRIMARY KEY, name TEXT NOT NULL, consumer_id TEXT NOT NULL,
  digest TEXT NOT NULL, said TEXT NOT NULL, expected TEXT NOT NULL);
CREATE TABLE leases (lease INTEGER PRIMARY KEY, first INTEGER NOT NULL, past INTEGER NOT NULL,
  owner TEXT NOT NULL, taken_at INTEGER NOT NULL, ended_at INTEGER);
CREATE TABLE attempts (attempt INTEGER PRIMARY KEY, req_ids TEXT NOT NULL, written_at INTEGER NOT NULL);
CREATE TABLE answers (attempt INTEGER PRIMARY KEY, outcome TEXT NOT NULL, http_status INTEGER,
  code TEXT, message TEXT, conversation_id TEXT, elapsed_ms REAL, sent_at INTEGER, pairs TEXT NOT NULL,
  explanation TEXT NOT NULL, raw BLOB NOT NULL);
CREATE TABLE found (attempt INTEGER PRIMARY KEY, outcome TEXT NOT NULL, conversation_id TEXT,
  source TEXT NOT NULL, asked_at INTEGER NOT NULL, explanation TEXT NOT NULL);
CREATE TABLE steps (number INTEGER NOT NULL, step TEXT NOT NULL, place INTEGER NOT NULL,
  outcome TEXT NOT NULL, said TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (number, step, place)) WITHOUT ROWID;
CREATE VIEW states AS
  SELECT number, name, consumer_id,
    CASE WHEN found.outcome = 'answered' THEN 'answered'
      WHEN found.outcome = 'absent' THEN 'not sent'
      WHEN tried > ifnull(answers.attempt, 0) THEN 'sending'
      ELSE ifnull(answers.outcome, 'planned') END AS state,
    ifnull(found.conversation_id, answers.conversation_id) AS conversation_id,
    tried, answers.attempt AS attempt, found.outcome AS found, found.explanation AS found_explanation
  FROM (SELECT number, name, consumer_id,
      ifnull((SELECT max(attempt) FROM attempts
        WHERE attempt BETWEEN number * 1000000 AND number * 1000000 + 999999), 0) AS tried,
      (SELECT max(attempt) FROM answers
        WHERE attempt BETWEEN number * 1000000 AND number * 1000000 + 999999) AS last
    FROM cases)
  LEFT JOIN answers ON answers.attempt = last
  LEFT JOIN found ON found.attempt = max(ifnull(last, 0), tried);
