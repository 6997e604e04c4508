<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Plugins\Gancho\Capture\Flags;
use FacturaScripts\Plugins\Gancho\Capture\Parents;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * Installs our objects in the ERP's database, and repairs and removes them. Idempotent, and never waits long for a
 * table: a waiting DDL statement blocks all later statements on it.
 */
final class Install
{
    private const PATIENCE = 2;
    /** Maximum duration, seconds: users wait for the request in which it runs. */
    private const SECONDS = 20;
    /** How long MariaDB hides a table at most, microseconds: the end of ALTER TABLE takes a millisecond or a few. */
    private const HIDDEN_US = 50000;
    /** Maximum plans until two consecutive ones agree. */
    private const PLANS = 5;
    /** Minimum interval between checks of the ERP's changed tables, seconds. */
    private const PAUSE = 5;

    private Engine $engine;

    public function __construct(private DataBase $db, private Settings $settings)
    {
        $this->engine = Engine::of($db);
    }

    /** The plan now. Read again if a table that was captured is missing: MariaDB hides what is being altered. */
    public function plan(): CapturePlan
    {
        $plan = $this->planOnce();
        if (array_diff($this->settings->state()['tables'] ?? [], array_keys($plan->tables))) {
            usleep(self::HIDDEN_US);
            return $this->planTwice();
        }
        return $plan;
    }

    private function planOnce(): CapturePlan
    {
        return new CapturePlan($this->engine->schema(), $this->engine->links(), $this->settings->models());
    }

    /** What to install: hidden tables or foreign keys would leave triggers incomplete, so two plans must agree. */
    private function planTwice(): CapturePlan
    {
        for ($try = 1, $last = null; ; $try++, $last = $plan) {
            $plan = $this->planOnce();
            if ($plan == $last || $try === self::PLANS) {
                return $plan;
            }
            usleep(self::HIDDEN_US);
        }
    }

    /**
     * Creates missing or outdated objects. If the account may not create triggers, the ERP's models report changes
     * instead. A busy table is left for the next time. After the plugin was disabled, only enabling it installs
     * anything.
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
     * The same after the ERP checked its tables, for the first request only: the ERP records each table that it checks,
     * so after an update many requests detect changes within a minute.
     */
    public function mendIfNew(): void
    {
        $this->alone(0, function () {
            // The previous holder of the lock has seen the same; one that can't record it would start again forever.
            $isDue = $this->settings->areTablesNew() && ($this->settings->state()['mended_at'] ?? 0) + self::PAUSE < time();
            if ($isDue && $this->settings->note(['mended_at' => time()])) {
                ErrorSilencer::run(fn() => $this->patiently(fn() => $this->mendNow()));
            }
        });
    }

    /**
     * Enabling and disabling exclude each other; otherwise one would leave objects that the other removed. Does nothing
     * if the lock is not available in time.
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
        $plan = $this->planTwice();
        $parts = $this->engine->parts($plan);
        $tables = array_filter($parts, fn($name) => !self::isTrigger($name), ARRAY_FILTER_USE_KEY);
        $error = $this->clear($tables) ?? $this->make($tables);
        $this->settings->cache(array_keys($plan->tables));
        $this->settings->note(['unheard' => $plan->uncaptured]);
        if ($error === null && $this->engine->setUp() === null) {
            (new Site($this->engine, $this->settings))->sign(true);
        }
        if ($error === null && !$this->engine->mayMakeTriggers($plan)) {
            // Triggers in addition to models would report changes twice.
            $left = $this->drop(fn($name) => self::isTrigger($name));
            $this->settings->note(($left === null ? ['mode' => 'models', 'install_error' => null] : ['install_error' => $left])
                + ['mode_why' => $this->engine->whyNoTriggers()]);
            // Afterwards: a class of another plugin that can't be compiled ends the request.
            $this->settings->note(['parents' => Parents::of($plan)]);
            (new Flags($this->db))->learn();
            return;
        }
        $error ??= $this->dropUnwanted($plan, $parts);
        $error ??= $this->make(array_diff_key($parts, $tables));
        if ($error === null || ($this->settings->state()['mode'] ?? '') !== 'models') {
            $this->settings->note(['mode' => 'triggers']);
        }
        $this->settings->note(['install_error' => $error]);
    }

    /**
     * Removes all our objects except the settings, triggers first; busy ones are retried for a while.
     *
     * @return string[] the SQL that removes what is left, if anything
     */
    public function remove(): array
    {
        $this->settings->setOff(true);
        $remove = function () {
            // A concurrent enabling is undone now.
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
                // Objects that triggers still write to stay.
                $left ??= $this->drop(fn($name) => str_starts_with($name, $kind));
            }
            // MariaDB hides objects that are being altered: several reads must find nothing.
            $seen = $this->engine->installed() ? 0 : ($seen ?? 0) + 1;
        } while ($seen < 3 && microtime(true) < $until && usleep(100000) === null);
        $this->db->exec('DROP TABLE IF EXISTS ganchoplugin_flags');
        if ($this->db->tableExists('cronjobs')) {
            $this->db->exec("DELETE FROM cronjobs WHERE pluginname = 'Gancho'");
        }
        return $this->left();
    }

    /** The SQL that removes the installed objects, in an order in which it can be run. */
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
     * Upgrades an outbox of an older version, with its rows. Triggers must not write to one of another version: it is
     * dropped once it is empty; returned until then.
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

    /**
     * Triggers outside the plan. A trigger goes with its table: one whose table the schema lacks shows that MariaDB hid
     * the table, which was being altered, and stays.
     */
    private function dropUnwanted(CapturePlan $plan, array $parts): ?string
    {
        $isOther = fn($name) => self::isTrigger($name) && !isset($parts[$name]);
        $others = array_values(array_filter(array_keys($this->engine->installed()), $isOther));
        if (!$others || $this->engine->isPartial) {
            return null;
        }
        $tables = $this->engine->tablesOf($others);
        return $this->drop(fn($name) => isset($tables[$name]) && in_array($tables[$name], $plan->known, true));
    }

    /** Drops selected objects; returns one that could not be dropped. */
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

    /** Creates missing or outdated objects; returns one that could not be created. */
    private function make(array $parts): ?string
    {
        $until = microtime(true) + self::SECONDS;
        $installed = $this->engine->installed();
        foreach ($parts as $name => ['create' => $create, 'mark' => $mark]) {
            $isThere = isset($installed[$name]);
            // What an incomplete schema says of an installed trigger may lack tables and foreign keys.
            if ($isThere && (self::isAsIs($installed[$name], $mark) || self::isTrigger($name) && $this->engine->isPartial)) {
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

    /** MariaDB shows strings in a trigger's body with other quotes and backslashes than in its definition. */
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
