<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Plugins\Gancho\Server\Client;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * Hands the outbox over to Gancho. Rows stay until Gancho answered that it has them on disk; one process at a
 * time does it, for two seconds at most, and less often while Gancho can't be reached.
 */
final class Push
{
    private const SECONDS = 2.0;
    private const ROWS = 200;
    /** The longest wait after failures, seconds. */
    private const BACK_OFF_MAX = 600;
    /** How long an act may still go on before it is looked at again, microseconds. */
    private const PAUSE = 60000;

    private float $deadline;

    public function __construct(private DataBase $db, private Settings $settings)
    {
        $this->deadline = microtime(true) + self::SECONDS;
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
            } elseif (PHP_SAPI !== 'cli') {
                // Here the user would wait: another request does it.
                Kick::self();
                return;
            }
            $db = self::database();
            if ($db !== null) {
                (new self($db, $settings))->run();
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

    /** Hands over what waits. `$always`: even if nothing does, to say how we are. */
    public function run(bool $always = false): void
    {
        $this->settings->read($this->db);
        if (!$this->settings->isPushing()) {
            return;
        }
        $engine = Engine::of($this->db);
        $engine->refresh();
        if (!$always && !$engine->isWaiting()) {
            return;
        }
        $lock = $this->lock();
        if ($lock === null) {
            return;
        }
        try {
            $this->drain($engine, $always);
        } finally {
            flock($lock, LOCK_UN);
            fclose($lock);
        }
    }

    private function drain(Engine $engine, bool $always): void
    {
        do {
            $look = Look::at($this->db, $this->settings, self::ROWS);
            if (!$look['rows'] && !$always) {
                return;
            }
            $always = false;
            $left = $this->deadline - microtime(true);
            $answer = Client::source($this->settings)->call('POST', 'outbox', $look, max(0.3, $left));
            if ($answer->status !== 202) {
                $this->settings->noteFailure($answer->sentence(), self::BACK_OFF_MAX);
                return;
            }
            $taken = $answer->body['taken'] ?? [];
            if ($taken && !$engine->remove($taken)) {
                $this->settings->noteFailure('the rows that Gancho took could not be removed', self::BACK_OFF_MAX);
                return;
            }
            $this->settings->notePush();
            if (!$taken) {
                if (!$look['rows']) {
                    return;
                }
                usleep(self::PAUSE);
            }
        } while (microtime(true) < $this->deadline);
    }

    /** One at a time; who comes while another is about to end waits shortly. */
    private function lock()
    {
        $file = fopen($this->settings->folder() . '/push.lock', 'c');
        if ($file === false) {
            return null;
        }
        while (!flock($file, LOCK_EX | LOCK_NB)) {
            if (microtime(true) + 0.1 > $this->deadline) {
                fclose($file);
                return null;
            }
            usleep(self::PAUSE);
        }
        return $file;
    }
}
