-- A source that a person paused.

ALTER TABLE sources ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
