<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Plugins\Gancho\Capture\Flags;
use FacturaScripts\Plugins\Gancho\Capture\Parents;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * Installs our objects in the ERP's database, and repairs and removes them. Can be repeated at any time, and never
 * waits long for a table: whoever waits for one holds up all that come after.
 */
final class Install
{
    private const PATIENCE = 2;
    /** How long all of it may take, seconds: people wait for the request in which it happens. */
    private const SECONDS = 20;
    /** The pause between looks at the ERP's tables because of news, seconds. */
    private const PAUSE = 5;

    private Engine $engine;

    public function __construct(private DataBase $db, private Settings $settings)
    {
        $this->engine = Engine::of($db);
    }

    public function plan(): CapturePlan
    {
        return new CapturePlan($this->engine->schema(), $this->engine->links(), $this->settings->models());
    }

    /**
     * Puts in place what is missing or not as it should be. Where the account may make no triggers, the ERP's
     * models report instead. A table that is busy is for the next time. Once the plugin was switched off, only who
     * switches it on may.
     */
    public function mend(bool $switchesOn = false): void
    {
        $this->alone(2 * self::SECONDS, function () use ($switchesOn) {
            if ($switchesOn) {
                $this->settings->setOff(false);
            }
            if (!$this->settings->isOff()) {
                ErrorSilencer::run(fn() => $this->patiently(fn() => $this->mendNow()));
            }
        });
    }

    /**
     * The same after the ERP looked at its tables, for the one request that comes first: it notes each table that it
     * looks at, so that after an update many requests see news within a minute.
     */
    public function mendIfNew(): void
    {
        $this->alone(0, function () {
            // Whoever held the lock until now has seen the same, and one that can't note it would begin again for ever.
            $isDue = $this->settings->areTablesNew() && ($this->settings->state()['mended_at'] ?? 0) + self::PAUSE < time();
            if ($isDue && $this->settings->note(['mended_at' => time()])) {
                ErrorSilencer::run(fn() => $this->patiently(fn() => $this->mendNow()));
            }
        });
    }

    /**
     * Who switches on and who switches off exclude each other: else one leaves behind what the other took away. Nothing
     * is done where another is at work for so long.
     */
    private function alone(float $seconds, callable $work): mixed
    {
        $lock = Lock::ofInstall($this->settings, $seconds);
        try {
            return $lock === null ? null : $work();
        } finally {
            $lock?->release();
        }
    }

    private function mendNow(): void
    {
        $this->settings->note(['tables_seen' => Settings::tablesMark()]);
        $plan = $this->plan();
        $parts = $this->engine->parts($plan);
        $tables = array_filter($parts, fn($name) => !self::isTrigger($name), ARRAY_FILTER_USE_KEY);
        $error = $this->clear($tables) ?? $this->make($tables);
        $this->settings->cache(array_keys($plan->tables));
        $this->settings->note(['unheard' => $plan->uncaptured]);
        if ($error === null && $this->engine->setUp() === null) {
            (new Site($this->engine, $this->settings))->sign(true);
        }
        if ($error === null && !$this->engine->mayMakeTriggers($plan)) {
            // Triggers beside the models' own reports would report things twice.
            $left = $this->drop(fn($name) => self::isTrigger($name));
            $this->settings->note(($left === null ? ['mode' => 'models', 'install_error' => null] : ['install_error' => $left])
                + ['mode_why' => $this->engine->whyNoTriggers()]);
            // After it: one class of another plugin that can't be compiled ends the request.
            $this->settings->note(['parents' => Parents::of($plan)]);
            (new Flags($this->db))->learn();
            return;
        }
        // A table that can't be looked at just now is not gone: its triggers stay.
        $isPartial = $this->engine->isPartial;
        $error ??= $this->drop(fn($name) => self::isTrigger($name) && !isset($parts[$name]) && !$isPartial);
        $error ??= $this->make(array_diff_key($parts, $tables));
        if ($error === null || ($this->settings->state()['mode'] ?? '') !== 'models') {
            $this->settings->note(['mode' => 'triggers']);
        }
        $this->settings->note(['install_error' => $error]);
    }

    /**
     * Takes away everything of ours but the settings, triggers first; what is busy is tried again for a while.
     *
     * @return string[] the SQL that removes what is left, if anything
     */
    public function remove(): array
    {
        $this->settings->setOff(true);
        $remove = function () {
            // Whoever was switching it on meanwhile said otherwise, and is undone now.
            $this->settings->setOff(true);
            return ErrorSilencer::run(fn() => $this->patiently(fn() => $this->removeNow()));
        };
        return $this->alone(2 * self::SECONDS, $remove) ?? $this->left();
    }

    private function removeNow(): array
    {
        $until = microtime(true) + self::SECONDS / 2;
        do {
            $left = $this->drop(fn($name) => self::isTrigger($name));
            foreach (['function ', 'table ', 'sequence '] as $kind) {
                // What triggers still write into stays.
                $left ??= $this->drop(fn($name) => str_starts_with($name, $kind));
            }
            // MariaDB does not list what is being altered at that moment: nothing must be seen several times.
            $seen = $this->engine->installed() ? 0 : ($seen ?? 0) + 1;
        } while ($seen < 3 && microtime(true) < $until && usleep(100000) === null);
        $this->db->exec('DROP TABLE IF EXISTS ganchoplugin_flags');
        if ($this->db->tableExists('cronjobs')) {
            $this->db->exec("DELETE FROM cronjobs WHERE pluginname = 'Gancho'");
        }
        return $this->left();
    }

    /** The SQL that removes what is there, in an order in which it can be run. */
    private function left(): array
    {
        $kinds = ['trigger', 'function', 'table', 'sequence'];
        $names = array_keys($this->engine->installed());
        usort($names, fn($one, $other) => array_search(strtok($one, ' '), $kinds) <=> array_search(strtok($other, ' '), $kinds));
        return array_map(fn($name) => $this->engine->dropOf($name), $names);
    }

    private function patiently(callable $work): mixed
    {
        $this->engine->patience(self::PATIENCE);
        try {
            return $work();
        } finally {
            $this->engine->patience(null);
        }
    }

    /**
     * An outbox of an older version is brought up to date, with what waits in it. One of another must not be written
     * into: it goes, once it is empty; returns it while it is not.
     */
    private function clear(array $tables): ?string
    {
        $name = 'table ' . Engine::OUTBOX;
        $installed = $this->engine->installed();
        if (!isset($installed[$name]) || $installed[$name] === $tables[$name]['mark']) {
            return null;
        }
        $upgrade = ($tables[$name]['older'] ?? [])[$installed[$name]] ?? null;
        if ($upgrade !== null) {
            return $this->db->exec($upgrade) ? null : $name;
        }
        if ($this->engine->isWaiting()) {
            return $name;
        }
        return $this->drop(fn($ours) => self::isTrigger($ours)) ?? $this->drop(fn($ours) => $ours === $name);
    }

    /** Drops those of ours that are chosen; returns one that could not be. */
    private function drop(callable $chosen): ?string
    {
        $until = microtime(true) + self::SECONDS;
        $left = null;
        foreach (array_keys($this->engine->installed()) as $name) {
            if ($chosen($name) && (microtime(true) > $until || !$this->db->exec($this->engine->dropOf($name)))) {
                $left = $name;
            }
        }
        return $left;
    }

    /** Makes those that are missing or not as they should be; returns one that could not be made. */
    private function make(array $parts): ?string
    {
        $until = microtime(true) + self::SECONDS;
        $installed = $this->engine->installed();
        foreach ($parts as $name => ['create' => $create, 'mark' => $mark]) {
            if (isset($installed[$name]) && self::isAsIs($installed[$name], $mark)) {
                continue;
            }
            if (microtime(true) > $until) {
                return $name;
            }
            // A trigger whose table was renamed can't be replaced from here.
            $again = fn() => self::isTrigger($name) && isset($installed[$name])
                && $this->db->exec($this->engine->dropOf($name)) && $this->db->exec($create);
            if (!$this->db->exec($create) && !$again()) {
                return $name;
            }
        }
        return null;
    }

    /** MariaDB shows the texts in a trigger's body with other quotes and backslashes than they were given with. */
    public static function isAsIs(string $installed, string $mark): bool
    {
        $plain = fn($text) => str_replace(['\\', "'"], '', trim($text));
        return $plain($installed) === $plain($mark);
    }

    private static function isTrigger(string $name): bool
    {
        return str_starts_with($name, 'trigger ');
    }
}
