<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** Removes old data in small batches, and data beyond quotas. */
final class Retention
{
    private const PIECE = 500;
    /** Interval between two checks, seconds, beyond which the clock is not trusted at once. */
    private const JUMP_S = 2 * 86400;
    /** Five days and a margin: the longest outage that deliveries wait for. */
    private const OUTAGE_S = 6 * 86400;

    public function __construct(private Alone $alone)
    {
    }

    public function clean(): void
    {
        $cleaned = (int)$this->alone->tables->get('cleaned_at');
        $this->alone->tables->put('cleaned_at', (string)time());
        if ($cleaned !== 0 && abs(time() - $cleaned) > self::JUMP_S) {
            return; // perhaps the clock was set wrong: the next check confirms it
        }
        $days = max(1, (int)$this->alone->settings->get('keep_days'));
        $before = (time() - $days * 86400) * 1000;
        // Not before an outage may end.
        $this->expire(min($before, (time() - self::OUTAGE_S) * 1000));
        $isTooLarge = $this->alone->tables->bytes() > max(1, (int)$this->alone->settings->get('keep_mb')) * 1000000;
        $this->remove($before, $isTooLarge);
    }

    /** Fails deliveries that waited all that time for a disabled webhook. */
    private function expire(int $before): void
    {
        $this->alone->db->run('UPDATE ' . Tables::DELIVERIES . " SET state = 'failed', last_error = 'expired', lease = NULL WHERE state = 'pending' AND created_at < :before AND lease_until < :now",
            ['before' => $before, 'now' => time() * 1000]);
    }

    /** Removes the oldest events without pending deliveries; beyond the quota, regardless of age. */
    private function remove(int $before, bool $isTooLarge): void
    {
        $db = $this->alone->db;
        $age = $isTooLarge ? '' : ' AND e.created_at < :before';
        $db->transaction(function () use ($db, $age, $before) {
            $found = $db->rows('SELECT e.n FROM ' . Tables::EVENTS . ' e WHERE NOT EXISTS (SELECT 1 FROM ' . Tables::DELIVERIES . " d WHERE d.event = e.n AND d.state = 'pending')$age "
                . 'ORDER BY e.created_at, e.n LIMIT ' . self::PIECE, ['before' => $before]);
            if (!$found) {
                return;
            }
            $events = $db->list(array_map('intval', array_column($found, 'n')));
            $db->run('DELETE FROM ' . Tables::ATTEMPTS . ' WHERE delivery IN (SELECT n FROM ' . Tables::DELIVERIES . " WHERE event IN ($events))");
            $db->run('DELETE FROM ' . Tables::DELIVERIES . " WHERE event IN ($events)");
            $db->run('DELETE FROM ' . Tables::EVENTS . " WHERE n IN ($events)");
        });
    }
}
