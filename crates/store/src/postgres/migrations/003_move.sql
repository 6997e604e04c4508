-- What was kept without partitions, once there are some.
INSERT INTO events SELECT n, id, type, created, arrived_at, source, object, label, body FROM old_events;
INSERT INTO deliveries SELECT ((e.arrived_at / 86400000) << 40) + d.n, d.id, d.event, d.endpoint, d.state, d.reason, d.lane,
    d.attempts, d.max_attempts, d.due, d.leased, d.node, d.created_at, d.last_at, d.last_status, d.last_error, d.last_ms,
    d.ended_at, d.job, d.body FROM old_deliveries d JOIN old_events e ON e.n = d.event;
INSERT INTO attempts SELECT ((e.arrived_at / 86400000) << 40) + d.n, a.n, convert_to(a.attempt, 'UTF8')
    FROM old_attempts a JOIN old_deliveries d ON d.n = a.delivery JOIN old_events e ON e.n = d.event;
INSERT INTO searched SELECT s.n, e.arrived_at, s.text FROM old_searched s JOIN old_events e ON e.n = s.n;
UPDATE issues SET delivery = ((e.arrived_at / 86400000) << 40) + d.n
    FROM old_deliveries d JOIN old_events e ON e.n = d.event WHERE d.n = issues.delivery;
SELECT setval('delivery_numbers', max(n)) FROM old_deliveries HAVING max(n) > 0;
DROP TABLE old_searched, old_attempts, old_deliveries, old_events;
