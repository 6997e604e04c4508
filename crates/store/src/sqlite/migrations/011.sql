-- A delivery may have a body of its own, made by its webhook's template; nothing for the event's.

ALTER TABLE deliveries ADD COLUMN body BLOB;
