<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** Effects of attempts on their webhook: failing after ten failures, disabled after five days, reset by a success. */
final class Health
{
    private const PROBE_MAX_MS = 600000;
    private const DAYS_MS = 5 * 86400000;
    /** Maximum time counted between two failures: a site that sends nothing for days does not fail for days. */
    private const STEP_MS = 900000;

    public function __construct(private Database $db)
    {
    }

    /** Call it in the attempt's transaction. */
    public function note(string $webhook, Attempt $attempt): void
    {
        $row = $this->db->row('SELECT failures, failures_since, failing_ms, last_failure_at, enabled FROM ' . Tables::WEBHOOKS . ' WHERE id = :id FOR UPDATE', ['id' => $webhook]);
        if ($row === null) {
            return;
        }
        $ended = $attempt->at + $attempt->durationMs;
        $attempt->isSuccess() ? $this->succeeded($webhook, $row, $ended) : $this->failed($webhook, $row, $attempt, $ended);
    }

    private function succeeded(string $webhook, array $row, int $ended): void
    {
        $this->db->run('UPDATE ' . Tables::WEBHOOKS . ' SET failures = 0, failures_since = NULL, failing_ms = 0, probe_at = NULL, mailed = NULL, last_success_at = :at WHERE id = :id',
            ['at' => $ended, 'id' => $webhook]);
        if ((int)$row['failures'] < Webhook::FAILING) {
            return;
        }
        // The outage is over: pending deliveries are sent, and those that failed meanwhile are resent.
        $this->db->run('UPDATE ' . Tables::DELIVERIES . " SET due_at = :now WHERE webhook = :id AND state = 'pending' AND due_at > :now", ['now' => $ended, 'id' => $webhook]);
        $this->db->run('UPDATE ' . Tables::DELIVERIES . " SET state = 'pending', replayed = 1, max_attempts = attempts + :more, due_at = :now "
            . "WHERE webhook = :id AND state = 'failed' AND last_at >= :since", ['more' => count(Deliveries::DELAYS_S) + 1, 'now' => $ended, 'id' => $webhook,
            'since' => (int)($row['failures_since'] ?? $ended)]);
    }

    private function failed(string $webhook, array $row, Attempt $attempt, int $ended): void
    {
        $failures = (int)$row['failures'] + 1;
        $since = (int)($row['failures_since'] ?? $attempt->at);
        // At the pace of the retry plan, at least every ten minutes.
        $over = max(0, $failures - Webhook::FAILING);
        $pause = min((Deliveries::DELAYS_S[$over] ?? 3125) * 1000, self::PROBE_MAX_MS);
        $failing = (int)$row['failing_ms'] + ($failures > 1 ? max(0, min(self::STEP_MS, $ended - (int)$row['last_failure_at'])) : 0);
        $reason = $attempt->isGone() ? 'gone' : ($failures >= Webhook::FAILING && $failing >= self::DAYS_MS ? 'failing' : null);
        $this->db->run('UPDATE ' . Tables::WEBHOOKS . ' SET failures = :failures, failures_since = :since, failing_ms = :failing, probe_at = :probe, last_failure_at = :at, '
            . 'last_status = :status, last_error = :error' . ($reason === null || (int)$row['enabled'] === 0 ? '' : ', enabled = 0, reason = :reason') . ' WHERE id = :id',
            ['failures' => $failures, 'since' => $since, 'failing' => $failing, 'probe' => $ended + $pause, 'at' => $ended, 'status' => $attempt->status, 'error' => $attempt->kind,
            'reason' => $reason, 'id' => $webhook]);
    }
}
