<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * Brings together what of ours should be in the ERP's database and what is. Can be repeated at any time.
 */
final class Install
{
    private Engine $engine;

    public function __construct(private DataBase $db, private Settings $settings)
    {
        $this->engine = Engine::of($db);
    }

    public function plan(): Plan
    {
        return new Plan($this->engine->schema(), $this->engine->links(), $this->settings->models());
    }

    /**
     * Puts in place what is missing or not as it should be. Where the account may make no triggers, the ERP's
     * models tell instead.
     */
    public function mend(): void
    {
        $plan = $this->plan();
        $parts = $this->engine->parts($plan);
        $installed = $this->engine->installed();
        $tables = array_filter($parts, fn($name) => !self::isTrigger($name), ARRAY_FILTER_USE_KEY);
        $error = $this->make(array_diff_key($tables, $this->asTheyShould($tables, $installed)));
        foreach (array_keys($installed) as $name) {
            if (self::isTrigger($name) && !isset($parts[$name])) {
                $this->db->exec($this->engine->dropOf($name));
            }
        }
        $triggers = array_diff_key($parts, $tables);
        $error ??= $this->make(array_diff_key($triggers, $this->asTheyShould($triggers, $installed)));
        $works = $error === null || count($this->asTheyShould($triggers, $this->engine->installed())) === count($triggers);
        if (!$works) {
            // Half of the triggers beside the models' own words would tell things twice.
            $this->dropTriggers();
        }
        $this->settings->note(['mode' => $works ? 'triggers' : 'models', 'install_error' => $works ? null : $error]);
        $this->settings->cache(array_keys($plan->tables));
        if (!$works) {
            (new \FacturaScripts\Plugins\Gancho\Capture\Flags($this->db))->learn();
        }
    }

    /** Takes everything of ours away: triggers before what they write into. */
    public function remove(): void
    {
        $this->dropTriggers();
        foreach (['function ', 'table ', 'sequence '] as $kind) {
            foreach (array_keys($this->engine->installed()) as $name) {
                if (str_starts_with($name, $kind)) {
                    $this->db->exec($this->engine->dropOf($name));
                }
            }
        }
        $this->settings->drop();
    }

    private function dropTriggers(): void
    {
        foreach (array_keys($this->engine->installed()) as $name) {
            if (self::isTrigger($name)) {
                $this->db->exec($this->engine->dropOf($name));
            }
        }
    }

    /** Makes them, until one can't be made; returns which, and null if all could. */
    private function make(array $parts): ?string
    {
        foreach ($parts as $name => ['create' => $create]) {
            // We do not wait for a table that is in use: whoever waits for it holds up all that come after.
            $patience = $this->db->type() === 'postgresql' ? "SET lock_timeout = '2s'" : 'SET lock_wait_timeout = 2';
            $this->db->exec($patience);
            if (!$this->db->exec($create)) {
                return $name;
            }
        }
        return null;
    }

    /** Those that are there and as they should be. */
    private function asTheyShould(array $parts, array $installed): array
    {
        return array_filter($parts, fn($part, $name) => isset($installed[$name]) && trim($installed[$name]) === trim($part['mark']), ARRAY_FILTER_USE_BOTH);
    }

    private static function isTrigger(string $name): bool
    {
        return str_starts_with($name, 'trigger ');
    }
}
