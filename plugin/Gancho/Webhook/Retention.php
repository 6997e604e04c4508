<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** What is old goes, a little at a time; and what is more than small quotas bear. */
final class Retention
{
    private const PIECE = 500;

    public function __construct(private Alone $alone)
    {
    }

    public function clean(): void
    {
        $days = max(1, (int)$this->alone->settings->get('keep_days'));
        $before = (time() - $days * 86400) * 1000;
        $this->expire($before);
        $isTooLarge = $this->alone->tables->bytes() > max(1, (int)$this->alone->settings->get('keep_mb')) * 1000000;
        $this->remove($before, $isTooLarge);
    }

    /** What waited all that time for a webhook that nobody switched on is over. */
    private function expire(int $before): void
    {
        $this->alone->db->run('UPDATE ' . Tables::DELIVERIES . " SET state = 'failed', last_error = 'expired', lease = NULL WHERE state = 'pending' AND created_at < :before AND lease_until < :now",
            ['before' => $before, 'now' => time() * 1000]);
    }

    /** The oldest events that nothing waits for, with their deliveries and attempts; where there is too much, whatever their age. */
    private function remove(int $before, bool $isTooLarge): void
    {
        $db = $this->alone->db;
        $age = $isTooLarge ? '' : ' AND e.created_at < :before';
        $db->transaction(function () use ($db, $age, $before) {
            $found = $db->rows('SELECT e.n FROM ' . Tables::EVENTS . ' e WHERE NOT EXISTS (SELECT 1 FROM ' . Tables::DELIVERIES . " d WHERE d.event = e.n AND d.state = 'pending')$age "
                . 'ORDER BY e.n LIMIT ' . self::PIECE, ['before' => $before]);
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
