-- What was read by a node is refused when another node changed it meanwhile.

ALTER TABLE sources ADD COLUMN reference_version INTEGER NOT NULL DEFAULT 0;   -- of the rows remembered of it
ALTER TABLE sources ADD COLUMN seen_version INTEGER NOT NULL DEFAULT 0;        -- rises when somebody begins to ask it
