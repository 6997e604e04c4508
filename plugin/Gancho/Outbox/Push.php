<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Plugins\Gancho\Server\Answer;
use FacturaScripts\Plugins\Gancho\Server\Client;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * Hands the outbox over to Gancho. Rows stay until Gancho answered that it has them on disk; one process at a
 * time does it, for two seconds at most, and less often while Gancho can't be reached.
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

    private float $deadline;
    private Engine $engine;

    public function __construct(private DataBase $db, private Settings $settings, float $seconds = self::SECONDS)
    {
        $this->deadline = microtime(true) + $seconds;
        $this->engine = Engine::of($db);
    }

    /** Whatever a request of the ERP left behind, once its answer is on its way. */
    public static function afterResponse(): void
    {
        try {
            $settings = new Settings();
            if (!$settings->isDue()) {
                return;
            }
            if (function_exists('fastcgi_finish_request')) {
                fastcgi_finish_request();
            } elseif (PHP_SAPI !== 'cli' && (Lock::isHeld($settings) || !Kick::mayWrite() || Kick::self($settings))) {
                // Here the user would wait: another request does it, or is about to.
                return;
            }
            $db = self::database();
            if ($db !== null) {
                (new self($db, $settings, PHP_SAPI === 'cli' || function_exists('fastcgi_finish_request') ? self::SECONDS : 0.3))->run();
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
        return Quiet::run(function () use ($always) {
            $this->settings->read($this->db);
            $this->engine->refresh();
            if (!$this->settings->isPushing() || !($always || $this->engine->isWaiting())) {
                return false;
            }
            $lock = Lock::take($this->settings);
            // Whoever holds it looks once more before it ends.
            if ($lock === null || !$this->settings->isDue()) {
                return false;
            }
            try {
                return $this->drain($always);
            } finally {
                $lock->release();
            }
        });
    }

    private function drain(bool $always): bool
    {
        $plan = (new Install($this->db, $this->settings))->plan();
        [$rows, $pause] = [self::ROWS, self::PAUSE];
        do {
            $look = Look::at($this->db, $this->settings, $plan, $rows);
            if (!$look['rows'] && !$always) {
                return false;
            }
            $always = false;
            $left = max(0.3, $this->deadline - microtime(true));
            $answer = Client::source($this->settings)->call('POST', 'outbox', $look, $left);
            if ($answer->status !== 202) {
                if (!$this->refused($answer, $look['rows'], $rows)) {
                    return false;
                }
                continue;
            }
            $taken = array_filter((array)($answer->body['taken'] ?? []), 'is_int');
            if ($taken && !$this->engine->remove($taken)) {
                $this->settings->noteFailure('the rows that Gancho took could not be removed', self::BACK_OFF_MAX);
                return false;
            }
            $this->settings->notePush();
            if ($taken) {
                [$rows, $pause] = [self::ROWS, self::PAUSE];
            } elseif ($look['rows']) {
                // An act that goes on, or one that is larger than a look.
                $rows = $look['more'] ? min($rows * 4, self::ROWS_MAX) : $rows;
                usleep((int)min($pause, max(0, ($this->deadline - microtime(true)) * 1e6)));
                $pause *= 2;
            }
        } while (microtime(true) < $this->deadline);
        return true;
    }

    /** Gancho can't take these: fewer are tried, and a row that can never be taken is put aside. */
    private function refused(Answer $answer, array $look, int &$rows): bool
    {
        if (!in_array($answer->status, [400, 413, 422], true) || !$look) {
            $this->settings->noteFailure($answer->sentence(), self::BACK_OFF_MAX);
            return false;
        }
        if (count($look) > 1) {
            $rows = max(1, intdiv(count($look), 4));
            return true;
        }
        $this->settings->noteRefused($look[0]['table'], $answer->sentence());
        return $this->engine->remove([$look[0]['id']]);
    }
}
