-- How a piece of work that ended before its end goes on, such as with which records: JSON, written by who does it.

ALTER TABLE jobs ADD COLUMN resume TEXT;
