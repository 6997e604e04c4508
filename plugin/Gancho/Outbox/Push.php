<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Plugins\Gancho\Server\Answer;
use FacturaScripts\Plugins\Gancho\Server\Client;
use FacturaScripts\Plugins\Gancho\Server\Settings;
use FacturaScripts\Plugins\Gancho\Webhook\Round;

/**
 * Hands the outbox over to Gancho. Rows stay until Gancho answered that it has them on disk; one process at a
 * time does it, begins nothing more after two seconds, and does it less often while Gancho can't be reached.
 */
final class Push
{
    private const SECONDS = 2.0;
    private const ROWS = 1000;
    /** Looks of an act that is larger than a look. */
    private const ROWS_MAX = 20000;
    /** The longest wait after failures, seconds. */
    private const BACK_OFF_MAX = 600;
    /** How long an act may still go on before it is looked at again at first, microseconds. */
    private const PAUSE = 60000;

    /** How long cron waits for a request that hands over, seconds. */
    private const CRON_WAITS = 12.0;

    /** How often what came meanwhile is looked for. */
    private const PASSES = 3;

    private float $deadline;
    private Engine $engine;

    /** `$seconds`: for how long looks are begun; 0 for one look. `$isCron`: nobody's request pays for it. */
    public function __construct(private DataBase $db, private Settings $settings, private float $seconds = self::SECONDS, private bool $isCron = false)
    {
        $this->deadline = microtime(true) + $seconds;
        $this->engine = Engine::of($db);
    }

    /** Whatever a request of the ERP left behind, once its answer is on its way. */
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
            // Another plugin of the ERP may have added columns: they are captured from their first change on. Where the
            // user would wait for it, cron does it.
            if ($isNew && $isFree && ($db = self::database()) !== null) {
                (new Install($db, $settings->read($db)))->mendIfNew();
            }
            if (!$settings->isDue() || (!$isFree && (Lock::isHeld($settings) || !TriggerPush::mayWrite() || TriggerPush::self($settings)))) {
                // Here the user would wait: another request does it, or is about to.
                return;
            }
            $db = self::database();
            if ($db !== null) {
                (new self($db, $settings, $isFree ? self::SECONDS : 0.3))->run();
            }
        } catch (\Throwable $error) {
            // The ERP comes first, whatever happens to us.
        }
    }

    /** A connection outside any transaction of the ERP's. */
    public static function database(): ?DataBase
    {
        $db = new DataBase();
        if (!$db->connect()) {
            return null;
        }
        if ($db->inTransaction()) {
            // What the request left open is not to be kept.
            $db->rollback();
        }
        return $db;
    }

    /** Hands over what waits, and says whether something is left that could go. `$always`: also says how we are. */
    public function run(bool $always = false): bool
    {
        return ErrorSilencer::run(function () use ($always) {
            $this->settings->read($this->db);
            $this->engine->refresh();
            if ($this->settings->isAlone()) {
                return $this->sendAlone(true);
            }
            if ($this->settings->state()['alone'] ?? false) {
                // What the plugin made of changes before a server had them.
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
                // Whoever came meanwhile found it held, and left what it wrote to us.
            } while (!$left && microtime(true) < $this->deadline && $this->settings->isDue() && $this->engine->isWaiting());
            return $left;
        });
    }

    /** Without a server: makes events and sends them, one process at a time. */
    private function sendAlone(bool $collects): bool
    {
        for ($pass = 0; $pass < self::PASSES; $pass++) {
            // A request is done within seconds; cron does not come again so soon.
            $lock = Lock::take($this->settings, $this->isCron ? min($this->seconds, self::CRON_WAITS) : 0.0);
            if ($lock === null) {
                return false;
            }
            if ($this->isCron && $pass === 0) {
                $this->deadline = microtime(true) + $this->seconds; // what was waited does not count
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
            // Whoever came meanwhile found it held, and left what it wrote to us.
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
        // On a slow machine there is time for one look only: how much of an act must be seen is not found out anew.
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
                // An act that goes on, or one that is larger than a look.
                $rows = $look['more'] ? min($rows * 4, self::ROWS_MAX) : $rows;
                $this->settings->noteLookRows($rows);
                usleep((int)min($pause, max(0, ($this->deadline - microtime(true)) * 1e6)));
                $pause *= 2;
            }
        } while (microtime(true) < $this->deadline);
        return true;
    }

    /** Gancho can't take these: the first row that it can never take is looked for, by halves, and put aside. */
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
            // Only together were they too much.
            return $this->engine->remove(self::taken($answer));
        }
        $this->settings->noteFailure($answer->sentence(), self::BACK_OFF_MAX);
        return false;
    }

    /** A copy of the ERP hands nothing over; Gancho is informed that there is one. */
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
        // Whatever the look took, the answer is waited for as long again.
        $seconds = max($this->seconds ?: self::SECONDS, $this->deadline - microtime(true));
        return Client::source($this->settings)->call('POST', 'outbox', $body, $seconds);
    }

    /** @return int[] */
    private static function taken(Answer $answer): array
    {
        return array_filter((array)($answer->body['taken'] ?? []), 'is_int');
    }
}
