<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Core\Base\DataBase as ErpDatabase;
use FacturaScripts\Plugins\Gancho\Event\{Acts, CommitTracker, Composer, Json, Known, Shape};
use FacturaScripts\Plugins\Gancho\Outbox\{CapturePlan, Engine, ErpSchema, Install, Payload};
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * Makes events and their deliveries from the outbox. Events, deliveries, reference data and the removal of rows are one
 * transaction: if PHP ends midway, all or nothing is done.
 */
final class Collect
{
    private const ROWS = 1000;
    private const ROWS_MAX = 20000;
    /** In a request, if cron runs: larger change groups are left to cron, which has more memory and time. */
    private const ACT_BEHIND = 200;

    private Engine $engine;

    public function __construct(
        private ErpDatabase $erp,
        private Database $db,
        private Tables $tables,
        private Vault $vault,
        private Webhooks $webhooks,
        private Settings $settings,
        private bool $leavesLarge,
    ) {
        $this->engine = Engine::of($erp);
    }

    /**
     * Processes complete change groups. `rows`: number processed; `waiting`: rows of incomplete groups; `more`: whether
     * the outbox has more rows; `left`: all waiting rows belong to groups too large for a request, which cron
     * processes.
     *
     * @return array{rows: int, waiting: int, more: bool, left: bool, events: int}
     */
    public function run(): array
    {
        $plan = (new Install($this->erp, $this->settings))->plan();
        $this->engine->refresh();
        // A pass that did not finish, for example because of memory, is retried with fewer rows.
        $failed = (int)($this->settings->state()['collecting'] ?? 0);
        if ($failed > self::ROWS && $this->leavesLarge) {
            // Cron finds out the possible number of rows: requests must not interfere.
            return ['rows' => 0, 'waiting' => 0, 'more' => false, 'left' => true, 'events' => 0];
        }
        $most = $failed > 0 ? max(1, intdiv($failed, 4)) : self::ROWS_MAX;
        $grown = $this->leavesLarge ? 0 : (int)($this->tables->get('look_rows') ?? 0);
        $wanted = min($most, max(self::ROWS, $grown));
        $this->settings->note(['collecting' => $wanted]);
        try {
            $done = $this->collect($plan, $wanted, $failed > 0);
        } catch (\Throwable $error) {
            // A deadlock or a lost connection is unrelated to the number of rows; a repeated failure may be related.
            $this->settings->note((int)($this->settings->state()['failures'] ?? 0) < 2 ? ['collecting' => $this->leavesLarge ? $failed : 0] : []);
            throw $error;
        }
        $isOver = $done['rows'] === 0 || $wanted >= self::ROWS;
        $this->settings->note(['collecting' => match (true) {
            $this->leavesLarge && $done['rows'] === 0 => $failed,
            $isOver => 0,
            default => $wanted * 4,
        }]);
        return $done;
    }

    /** `$inParts`: don't wait for a change group that is larger than this many rows. */
    private function collect(CapturePlan $plan, int $rows, bool $inParts): array
    {
        return $this->db->transaction(function () use ($plan, $rows, $inParts) {
            // A concurrent process waits here; afterwards it reads only the remaining rows.
            $this->tables->take('sequence', 0);
            $look = $this->engine->look($rows);
            if (!$look['rows']) {
                return ['rows' => 0, 'waiting' => 0, 'more' => false, 'left' => false, 'events' => 0];
            }
            $look = ['largest' => $look['largest'] || $inParts] + Payload::acts($this->engine, $plan, $look);
            $tracker = CommitTracker::read((array)json_decode((string)$this->tables->get('looks'), true));
            $known = $this->known($plan);
            $shape = new Shape((string)date_default_timezone_get());
            $most = $this->leavesLarge ? self::ACT_BEHIND : PHP_INT_MAX;
            $acts = (new Acts($shape, $tracker, $known, $this->settings->models(), $most))->of($look);
            $this->keep($acts['events']);
            $this->learn($known);
            $tracker->forget($acts['taken']);
            $this->tables->put('looks', (string)json_encode($tracker->toArray()));
            if (!$this->leavesLarge) {
                $this->tables->put('look_rows', (string)($look['more'] && !$acts['taken'] ? min($rows * 4, self::ROWS_MAX) : self::ROWS));
            }
            // Last, so that failures before this keep them.
            if ($acts['taken'] && !$this->engine->remove($acts['taken'])) {
                throw new DatabaseError('the rows could not be removed from the outbox');
            }
            $isLeft = $this->leavesLarge && !$acts['taken'] && ($look['more'] || $acts['left'] === $acts['waiting']);
            return ['rows' => count($acts['taken']), 'waiting' => $acts['waiting'], 'more' => $look['more'], 'left' => $isLeft, 'events' => count($acts['events'])];
        });
    }

    /** @param array<int, array> $made events from `Acts` */
    private function keep(array $made): void
    {
        $webhooks = $made ? array_filter($this->webhooks->all(), fn(Webhook $webhook) => $webhook->enabled) : [];
        if ($webhooks) { // otherwise there are no subscribers
            (new Events($this->db, $this->tables, $this->vault))->keep($made, $webhooks, (string)$this->tables->get('source'));
        }
    }

    /** The stored reference data of the ERP; read from its tables if nothing is stored yet. */
    private function known(CapturePlan $plan): Known
    {
        $records = [];
        foreach ($this->db->rows('SELECT source, code, record FROM ' . Tables::KNOWN) as $row) {
            $records[$row['source']][$row['code']] = json_decode((string)$this->vault->unseal($row['record'], $row['source']), true) ?? [];
        }
        if ($records) {
            return new Known($records);
        }
        $known = new Known([]);
        $shape = new Shape((string)date_default_timezone_get());
        foreach (array_intersect_key($plan->tables, array_flip(ErpSchema::always())) as $table => $captured) {
            foreach ($this->engine->records($plan, $table) as $record) {
                $shaped = $shape->record($table, $record, $captured['columns']);
                $key = Composer::keyText($record[$captured['key']] ?? null);
                $known->learn($table, $key, $shaped);
                $known->news[$table][$key] = $shaped;
            }
        }
        return $known;
    }

    private function learn(Known $known): void
    {
        foreach ($known->news as $table => $records) {
            $codes = array_map('strval', array_keys($records));
            $this->db->run('DELETE FROM ' . Tables::KNOWN . ' WHERE source = :source AND code IN (' . $this->db->list($codes) . ')', ['source' => $table]);
            $kept = array_filter($records, 'is_array');
            $row = fn($record, $code) => ['source' => $table, 'code' => (string)$code, 'record' => $this->vault->seal(Json::write((object)$record), $table)];
            $this->db->insert(Tables::KNOWN, array_map($row, $kept, array_keys($kept)));
        }
    }
}
