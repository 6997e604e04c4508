<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Plugins\Gancho\Server\Answer;
use FacturaScripts\Plugins\Gancho\Server\Client;
use FacturaScripts\Plugins\Gancho\Server\Settings;
use FacturaScripts\Plugins\Gancho\Webhook\Round;

/**
 * Pushes the outbox to Gancho. Rows stay until Gancho responded that it has them on disk; one process at a time pushes,
 * starts no batch after two seconds, and backs off while Gancho can't be reached.
 */
final class Push
{
    private const SECONDS = 2.0;
    private const ROWS = 1000;
    /** Maximum rows of a batch for a large change group. */
    private const ROWS_MAX = 20000;
    /** Maximum back-off after failures, seconds. */
    private const BACK_OFF_MAX = 600;
    /** Initial pause before an incomplete change group is read again, microseconds. */
    private const PAUSE = 60000;

    /** How long cron waits for a request that is pushing, seconds. */
    private const CRON_WAITS = 12.0;

    /** How often rows added meanwhile are pushed in the same request. */
    private const PASSES = 3;

    private float $deadline;
    private Engine $engine;

    /** `$seconds`: how long new batches are started; 0 for one batch. `$isCron`: no user waits for it. */
    public function __construct(private DataBase $db, private Settings $settings, private float $seconds = self::SECONDS, private bool $isCron = false)
    {
        $this->deadline = microtime(true) + $seconds;
        $this->engine = Engine::of($db);
    }

    /** Pushes what a request of the ERP wrote, after its response was sent. */
    public static function afterResponse(): void
    {
        try {
            $settings = new Settings();
            $isNew = $settings->areTablesNew();
            if (!$isNew && !$settings->isDue()) {
                return;
            }
            $isFree = PHP_SAPI === 'cli' || function_exists('fastcgi_finish_request');
            if (function_exists('fastcgi_finish_request')) {
                fastcgi_finish_request();
            }
            // Another plugin of the ERP may have added columns: they are captured from their first change on. If the
            // user would have to wait for it, cron does it.
            if ($isNew && $isFree && ($db = self::database()) !== null) {
                (new Install($db, $settings->read($db)))->mendIfNew();
            }
            if (!$settings->isDue() || (!$isFree && (Lock::isHeld($settings) || !TriggerPush::mayWrite() || TriggerPush::self($settings)))) {
                // The user would wait here: another request pushes, or is about to.
                return;
            }
            $db = self::database();
            if ($db !== null) {
                (new self($db, $settings, $isFree ? self::SECONDS : 0.3))->run();
            }
        } catch (\Throwable $error) {
            // The ERP has priority over our errors.
        }
    }

    /** A connection outside any transaction of the ERP. */
    public static function database(): ?DataBase
    {
        $db = new DataBase();
        if (!$db->connect()) {
            return null;
        }
        if ($db->inTransaction()) {
            // Open work of the request must not be committed.
            $db->rollback();
        }
        return $db;
    }

    /** Pushes waiting rows; returns whether rows are left that could be pushed. `$always`: also sends the status. */
    public function run(bool $always = false): bool
    {
        return ErrorSilencer::run(function () use ($always) {
            $this->settings->read($this->db);
            $this->engine->refresh();
            if ($this->settings->isAlone()) {
                return $this->sendAlone(true);
            }
            if ($this->settings->state()['alone'] ?? false) {
                // Events that the plugin made before a server took over.
                $this->sendAlone(false);
            }
            if (!$this->settings->isPushing()) {
                return false;
            }
            if (!$always && !$this->engine->isWaiting()) {
                $site = new Site($this->engine, $this->settings);
                if ($site->isToBeSigned() && !$site->isCopy()) {
                    $site->sign();
                }
                return false;
            }
            do {
                $lock = Lock::take($this->settings);
                if ($lock === null || !$this->settings->isDue()) {
                    return false;
                }
                try {
                    $left = $this->drain($always);
                } finally {
                    $lock->release();
                }
                $this->engine->refresh();
                // Another request may have found the lock held, and left its rows to us.
            } while (!$left && microtime(true) < $this->deadline && $this->settings->isDue() && $this->engine->isWaiting());
            return $left;
        });
    }

    /** Without a server: makes events and sends them, one process at a time. */
    private function sendAlone(bool $collects): bool
    {
        for ($pass = 0; $pass < self::PASSES; $pass++) {
            // Requests end within seconds; cron's next run is much later.
            $lock = Lock::take($this->settings, $this->isCron ? min($this->seconds, self::CRON_WAITS) : 0.0);
            if ($lock === null) {
                return false;
            }
            if ($this->isCron && $pass === 0) {
                $this->deadline = microtime(true) + $this->seconds; // the wait does not count
            }
            try {
                $newest = $this->engine->newest();
                $until = max($this->deadline, microtime(true) + 0.3 * $pass);
                $round = new Round($this->db, $this->settings, $until, $this->isCron);
                $left = $round->run($collects);
            } finally {
                $lock->release();
            }
            $this->engine->refresh();
            if ($round->isLeftToCron && $this->engine->newest() === $newest) {
                return false;
            }
            // Another request may have found the lock held, and left its rows to us.
            if ($left || !$collects || !$this->engine->isWaiting() || !$this->settings->isDue()) {
                return $left;
            }
        }
        return !$round->isLeftToCron;
    }

    private function drain(bool $always): bool
    {
        $site = new Site($this->engine, $this->settings);
        if ($site->isCopy()) {
            $this->tellCopy($site);
            return false;
        }
        $plan = (new Install($this->db, $this->settings))->plan();
        // A slow machine has time for one batch only: start with the number of rows that the current group needs.
        [$rows, $pause] = [max(self::ROWS, $this->settings->lookRows()), self::PAUSE];
        do {
            $look = Payload::at($this->db, $this->settings, $plan, $rows);
            if (!$look['rows'] && !$always) {
                $site->sign();
                return false;
            }
            $always = false;
            $answer = $this->send($look);
            if ($answer->status !== 202) {
                if (!$this->refused($answer, $plan, $look)) {
                    return false;
                }
                continue;
            }
            $taken = self::taken($answer);
            if ($taken && !$this->engine->remove($taken)) {
                $this->settings->noteFailure('the rows that Gancho took could not be removed', self::BACK_OFF_MAX);
                return false;
            }
            $this->settings->notePush();
            $site->sign();
            if ($taken) {
                [$rows, $pause] = [self::ROWS, self::PAUSE];
                $this->settings->noteLookRows($rows);
            } elseif ($look['rows']) {
                // A change group is incomplete, or larger than a batch.
                $rows = $look['more'] ? min($rows * 4, self::ROWS_MAX) : $rows;
                $this->settings->noteLookRows($rows);
                usleep((int)min($pause, max(0, ($this->deadline - microtime(true)) * 1e6)));
                $pause *= 2;
            }
        } while (microtime(true) < $this->deadline);
        return true;
    }

    /** Gancho refuses these rows: find the first one that it can never accept by bisection, and set it aside. */
    private function refused(Answer $answer, CapturePlan $plan, array $look): bool
    {
        $rows = $look['rows'];
        while ($rows && in_array($answer->status, [400, 413, 422], true)) {
            if (count($rows) === 1) {
                $this->settings->noteRefused($rows[0]['table'], $answer->sentence());
                return $this->engine->remove([$rows[0]['id']]);
            }
            $half = array_slice($rows, 0, intdiv(count($rows), 2));
            $answer = $this->send(Payload::of($this->engine, $this->settings, $plan, ['rows' => $half, 'more' => true] + $look));
            if ($answer->status === 202) {
                $this->engine->remove(self::taken($answer));
                $rows = array_slice($rows, count($half));
                $answer = $this->send(Payload::of($this->engine, $this->settings, $plan, ['rows' => $rows, 'more' => true] + $look));
            } else {
                $rows = $half;
            }
        }
        if ($answer->status === 202) {
            // They were too large only together.
            return $this->engine->remove(self::taken($answer));
        }
        $this->settings->noteFailure($answer->sentence(), self::BACK_OFF_MAX);
        return false;
    }

    /** A copy of the ERP pushes nothing; Gancho is informed of the copy. */
    private function tellCopy(Site $site): void
    {
        if ($site->isToBeReported()) {
            $look = ['now_ms' => (int)(microtime(true) * 1000), 'rows' => [], 'more' => false];
            $plan = (new Install($this->db, $this->settings))->plan();
            if ($this->send(Payload::of($this->engine, $this->settings, $plan, $look))->status === 202) {
                $site->noteReported();
            }
        }
    }

    private function send(array $body): Answer
    {
        // However long the batch took, the response may take as long again.
        $seconds = max($this->seconds ?: self::SECONDS, $this->deadline - microtime(true));
        return Client::source($this->settings)->call('POST', 'outbox', $body, $seconds);
    }

    /** @return int[] */
    private static function taken(Answer $answer): array
    {
        return array_filter((array)($answer->body['taken'] ?? []), 'is_int');
    }
}
