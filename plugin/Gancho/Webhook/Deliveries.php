<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Plugins\Gancho\Event\Json;

/** Deliveries: pending ones, leases, and results. */
final class Deliveries
{
    /** Minimum seconds before each retry; nothing wakes the plugin exactly then. */
    public const DELAYS_S = [5, 25, 125, 625, 3125];
    /** Maximum deliveries of one webhook per batch, for fairness. */
    private const EACH = 5;

    public function __construct(private Database $db, private ?Vault $vault)
    {
    }

    /** A new row without its number. */
    public static function row(int $event, string $type, string $webhook, int $now, string $state = 'pending'): array
    {
        return ['id' => Id::make('dlv'), 'event' => $event, 'type' => $type, 'webhook' => $webhook, 'state' => $state, 'attempts' => 0,
            'max_attempts' => count(self::DELAYS_S) + 1, 'replayed' => false, 'due_at' => $now, 'created_at' => $now,
            'last_error' => $state === 'failed' ? 'too_large' : null];
    }

    /**
     * Claims due deliveries under a lease. For a failing webhook one, as a probe.
     *
     * @param array<string, Webhook> $webhooks that may be sent to now
     * @param string[] $last webhooks that come after the others
     * @return array<int, array<string, mixed>> with the event's columns
     */
    public function claim(array $webhooks, int $most, int $now, int $leaseMs, array $last = []): array
    {
        $queues = [];
        foreach ($this->dueWebhooks($now) as $id) {
            $webhook = $webhooks[$id] ?? null;
            if ($webhook !== null) {
                $queues[in_array($id, $last, true) ? 1 : 0][] = $this->due($webhook, $now);
            }
        }
        $chosen = array_slice([...self::inTurns($queues[0] ?? []), ...array_slice(self::inTurns($queues[1] ?? []), 0, 1)], 0, $most);
        if (!$chosen) {
            return [];
        }
        $token = bin2hex(random_bytes(16));
        $this->db->run('UPDATE ' . Tables::DELIVERIES . ' SET lease = :token, lease_until = :until WHERE n IN (' . $this->db->list($chosen)
            . ") AND state = 'pending' AND {$this->isFree('')}", self::moments($now) + ['token' => $token, 'until' => $now + $leaseMs]);
        return $this->db->rows('SELECT d.*, e.id AS event_id, e.sealed FROM ' . Tables::DELIVERIES . ' d JOIN ' . Tables::EVENTS
            . ' e ON e.n = d.event WHERE d.lease = :token ORDER BY d.n', ['token' => $token]);
    }

    /** Whether anything is due. */
    public function isAnyDue(int $now): bool
    {
        return $this->dueWebhooks($now) !== [];
    }

    /**
     * Runs after each response of the ERP, so it reads only the first and the last pending delivery of each webhook,
     * however many are pending.
     *
     * @return string[] webhooks with a due delivery, the longest waiting first
     */
    private function dueWebhooks(int $now): array
    {
        $moments = self::moments($now);
        $end = fn(string $order) => '(SELECT d.due_at FROM ' . Tables::DELIVERIES . " d WHERE d.webhook = w.id AND d.state = 'pending' AND {$this->isFree('d.')} "
            . "ORDER BY d.due_at $order LIMIT 1)";
        $queues = $this->db->rows("SELECT w.id, w.failures, {$end('ASC')} AS oldest, {$end('DESC')} AS latest FROM " . Tables::WEBHOOKS . ' w WHERE w.enabled = 1 AND w.paused = 0 '
            . 'AND (w.failures < :failing OR COALESCE(w.probe_at, 0) <= :now OR w.probe_at > :probe) ORDER BY 3, 1', $moments + ['failing' => Webhook::FAILING]);
        // A failing webhook is probed whenever its pause is over, regardless of its deliveries' schedules.
        $isDue = fn(array $queue) => $queue['oldest'] !== null
            && ((int)$queue['failures'] >= Webhook::FAILING || $queue['oldest'] <= $moments['now'] || $queue['latest'] > $moments['far']);
        return array_column(array_filter($queues, $isDue), 'id');
    }

    /** A time further ahead than any delay was scheduled by a clock that was set back since: it is due. */
    private function isDue(string $of): string
    {
        return "({$of}due_at <= :now OR {$of}due_at > :far)";
    }

    private function isFree(string $of): string
    {
        return "({$of}lease_until <= :now OR {$of}lease_until > :leased)";
    }

    private static function moments(int $now): array
    {
        return ['now' => $now, 'far' => $now + 4000000, 'leased' => $now + 60000, 'probe' => $now + 700000];
    }

    private function due(Webhook $webhook, int $now): array
    {
        $due = $webhook->isFailing() ? '' : ' AND ' . $this->isDue('');
        $found = $this->db->rows('SELECT n FROM ' . Tables::DELIVERIES . " WHERE webhook = :id AND state = 'pending'$due AND {$this->isFree('')} ORDER BY due_at, n LIMIT "
            . ($webhook->isFailing() ? 1 : self::EACH), self::moments($now) + ['id' => $webhook->id]);
        return array_map('intval', array_column($found, 'n'));
    }

    /** One of each, then the second of each, and so on. */
    private static function inTurns(array $queues): array
    {
        $turns = [];
        for ($place = 0; $place < self::EACH; $place++) {
            array_push($turns, ...array_column($queues, $place));
        }
        return $turns;
    }

    /**
     * Records an attempt, and updates its delivery and webhook. If another process has claimed the delivery meanwhile,
     * only the attempt and a success are recorded.
     */
    public function record(array $delivery, Attempt $attempt): void
    {
        $this->db->transaction(function () use ($delivery, $attempt) {
            // The same lock order everywhere: the webhook, then its deliveries.
            $webhook = $this->db->row('SELECT failures FROM ' . Tables::WEBHOOKS . ' WHERE id = :id FOR UPDATE', ['id' => $delivery['webhook']]);
            $row = $this->db->row('SELECT * FROM ' . Tables::DELIVERIES . ' WHERE n = :n FOR UPDATE', ['n' => (int)$delivery['n']]);
            if ($row === null) {
                return;
            }
            $this->keep($row, $attempt);
            $isOurs = $row['lease'] === $delivery['lease'] && $row['state'] === 'pending';
            if (!$isOurs && !$attempt->isSuccess()) {
                return;
            }
            $attempts = (int)$row['attempts'] + 1;
            $left = (int)$row['max_attempts'] - $attempts;
            $after = $attempt->after($left);
            $this->db->run('UPDATE ' . Tables::DELIVERIES . ' SET state = :state, attempts = :attempts, due_at = :due, lease = NULL, lease_until = 0, '
                . 'last_at = :at, last_status = :status, last_error = :error WHERE n = :n', ['state' => $after['state'], 'attempts' => $attempts,
                'due' => $after['due_at'], 'at' => $attempt->at, 'status' => $attempt->status, 'error' => $attempt->kind, 'n' => (int)$row['n']]);
            // Manual resends don't make a webhook failing, but they count as a failing one's probe.
            $isFailing = (int)($webhook['failures'] ?? 0) >= Webhook::FAILING;
            if ((int)$row['replayed'] === 0 || $attempt->isSuccess() || $isFailing) {
                (new Health($this->db))->note($row['webhook'], $attempt);
            }
        });
    }

    private function keep(array $row, Attempt $attempt): void
    {
        $sealed = $this->vault->seal(Json::write($attempt->toArray((int)$row['attempts'] + 1)), $row['id']);
        $this->db->insert(Tables::ATTEMPTS, [['delivery' => (int)$row['n'], 'at' => $attempt->at, 'sealed' => $sealed]]);
    }

    /**
     * Resends manually: pending again, with a new plan.
     *
     * @param int[] $numbers
     */
    public function resend(array $numbers): void
    {
        $this->db->run('UPDATE ' . Tables::DELIVERIES . " SET state = 'pending', replayed = 1, max_attempts = attempts + :more, due_at = :now, lease = NULL, lease_until = 0 "
            . 'WHERE n IN (' . $this->db->list($numbers) . ") AND state IN ('failed', 'delivered', 'cancelled') AND COALESCE(last_error, '') <> 'too_large'",
            ['more' => count(self::DELAYS_S) + 1, 'now' => time() * 1000]);
    }

    /** Resends all of a webhook's deliveries that failed since then. @return int how many */
    public function resendFailed(string $webhook, int $sinceMs): int
    {
        $found = $this->db->rows('SELECT n FROM ' . Tables::DELIVERIES . " WHERE webhook = :id AND state = 'failed' AND created_at >= :since AND last_error <> 'too_large' LIMIT 10000",
            ['id' => $webhook, 'since' => $sinceMs]);
        foreach (array_chunk(array_map('intval', array_column($found, 'n')), 500) as $some) {
            $this->resend($some);
        }
        return count($found);
    }

    /** Makes all pending deliveries of a webhook due now. */
    public function retryNow(string $webhook): void
    {
        // Due ones keep their place in the queue.
        $this->db->run('UPDATE ' . Tables::DELIVERIES . " SET due_at = :now WHERE webhook = :id AND state = 'pending' AND due_at > :now", ['now' => time() * 1000, 'id' => $webhook]);
        $this->db->run('UPDATE ' . Tables::WEBHOOKS . ' SET probe_at = 0 WHERE id = :id', ['id' => $webhook]);
    }

    /** Number of a webhook's pending deliveries. */
    public function waiting(string $webhook): int
    {
        return $this->db->number('SELECT COUNT(*) AS n FROM ' . Tables::DELIVERIES . " WHERE webhook = :id AND state = 'pending'", ['id' => $webhook]);
    }

    /**
     * The newest first.
     *
     * @param array{webhook?: string, state?: string, type?: string, before?: int} $filter
     */
    public function page(array $filter, int $most = 50): array
    {
        $where = ['1 = 1'];
        foreach (['webhook' => 'd.webhook = :webhook', 'state' => 'd.state = :state', 'type' => 'd.type = :type', 'before' => 'd.n < :before'] as $name => $condition) {
            if (($filter[$name] ?? '') !== '') {
                $where[] = $condition;
            }
        }
        $rows = $this->db->rows('SELECT d.*, e.id AS event_id, e.sealed FROM ' . Tables::DELIVERIES . ' d JOIN ' . Tables::EVENTS . ' e ON e.n = d.event WHERE '
            . implode(' AND ', $where) . " ORDER BY d.n DESC LIMIT $most", $filter);
        return array_map([$this, 'opened'], $rows);
    }

    /** The bodies of events, the newest first, each with its `sequence`. */
    public function events(int|string $before, int $most): array
    {
        $where = 'n > 0' . ($before === '' ? '' : ' AND n < :before');
        $rows = $this->db->rows('SELECT n, id AS event_id, sealed FROM ' . Tables::EVENTS . " WHERE $where ORDER BY n DESC LIMIT $most", ['before' => $before]);
        return array_map(fn($row) => ['sequence' => (int)$row['n']] + (array)json_decode((string)$this->opened($row)['body']), $rows);
    }

    public function find(string $id): ?array
    {
        $row = $this->db->row('SELECT d.*, e.id AS event_id, e.sealed FROM ' . Tables::DELIVERIES . ' d JOIN ' . Tables::EVENTS
            . ' e ON e.n = d.event WHERE d.id = :id', ['id' => $id]);
        return $row === null ? null : $this->opened($row);
    }

    /** @return array<int, array<string, mixed>> the attempts of a delivery, oldest first */
    public function attempts(array $delivery): array
    {
        $rows = $this->db->rows('SELECT sealed FROM ' . Tables::ATTEMPTS . ' WHERE delivery = :n ORDER BY k', ['n' => (int)$delivery['n']]);
        $read = fn($row) => json_decode((string)$this->vault->unseal($row['sealed'], $delivery['id']), true);
        return array_values(array_filter(array_map($read, $rows)));
    }

    /** The message of the last attempt to a webhook; null if there was none. */
    public function lastMessage(string $webhook): ?string
    {
        $row = $this->db->row('SELECT a.sealed, d.id FROM ' . Tables::ATTEMPTS . ' a JOIN ' . Tables::DELIVERIES
            . ' d ON d.n = a.delivery WHERE d.webhook = :id ORDER BY a.k DESC LIMIT 1', ['id' => $webhook]);
        return $row === null ? null : (json_decode((string)$this->vault->unseal($row['sealed'], $row['id']), true)['message'] ?? null);
    }

    /** With the event's body, label and object. */
    public function opened(array $row): array
    {
        $event = json_decode((string)$this->vault->unseal($row['sealed'], $row['event_id']), true);
        unset($row['sealed']);
        return $row + (is_array($event) ? $event : ['body' => null, 'label' => null, 'object' => null]);
    }
}
