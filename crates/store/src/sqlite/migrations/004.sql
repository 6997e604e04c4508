-- When a delivery ended that no attempt ended: what expired is kept for a day from then on, to be seen.

ALTER TABLE deliveries ADD COLUMN ended_at INTEGER;
