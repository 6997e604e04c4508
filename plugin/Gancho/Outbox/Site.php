<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Tools;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * Identifies this ERP installation. A copy, such as one for tests, has the plugin's address and keys, and perhaps rows
 * written elsewhere: its changes must reach no webhook.
 */
final class Site
{
    /** Interval of reporting a copy to Gancho, and of recording in the database that rows are taken, seconds. */
    private const EVERY = 3600;
    /** Interval of checking whether it is still a copy, seconds. */
    private const AGAIN = 60;

    public function __construct(private Engine $engine, private Settings $settings)
    {
    }

    /**
     * The location of the original; null if this is no copy. Neither property is enough alone: a recreated container
     * has another name, and a dump restored in place recreates all tables.
     */
    public function copyOf(): ?string
    {
        [$then, $now] = [$this->engine->setUp(), $this->here()];
        if ($then !== null && $then['made'] !== $now['made']) {
            // Restored from a dump, with the time recorded then.
            $this->settings->note(['signed_at' => 0]);
        }
        $isCopy = $then !== null && $then['made'] !== $now['made']
            && [$then['database'], $then['server']] !== [$now['database'], $now['server']];
        return $isCopy ? self::shown($then) : null;
    }

    /** Records whether it is a copy, and returns it. */
    public function isCopy(): bool
    {
        $of = $this->copyOf();
        if ($of !== null) {
            $this->settings->note(['copy' => $of, 'next_at' => time() + self::AGAIN]);
        } elseif ($this->settings->state()['copy'] ?? null) {
            $this->settings->note(['copy' => null]);
        }
        return $of !== null;
    }

    /** Whether to report the copy to Gancho. */
    public function isToBeReported(): bool
    {
        return ($this->settings->state()['copy_told_at'] ?? 0) + self::EVERY < time();
    }

    public function noteReported(): void
    {
        $this->settings->note(['copy_told_at' => time()]);
    }

    public function isToBeSigned(): bool
    {
        return ($this->settings->state()['signed_at'] ?? 0) + self::EVERY < time();
    }

    /** Writes the setup record, with the time at which rows were last taken; at intervals, if that is recorded. */
    public function sign(bool $always = false): void
    {
        if ($always || $this->isToBeSigned()) {
            $this->engine->writeSetUp($this->here());
            $this->settings->note(['signed_at' => time()]);
        }
    }

    /** The ERP has moved here. */
    public function confirm(): void
    {
        $this->sign(true);
        $this->settings->note(['copy' => null, 'next_at' => 0]);
    }

    /** It is a copy: removes rows written elsewhere, and the keys of the original ERP. */
    public function disown(\FacturaScripts\Core\Base\DataBase $db): void
    {
        $this->engine->empty();
        $this->settings->save($db, ['url' => '', 'token' => '', 'admin_token' => '']);
        $this->confirm();
    }

    /** Its display name. */
    public function name(): string
    {
        $url = method_exists(Tools::class, 'siteUrl') ? (string)Tools::siteUrl() : '';
        return ($url === '' ? '' : "$url, ") . self::shown($this->here());
    }

    private function here(): array
    {
        $site = $this->engine->site();
        return ['server' => $site['server'] . '|' . rawurlencode(FS_FOLDER)] + $site;
    }

    private static function shown(array $site): string
    {
        return $site['database'] . ' (' . rawurldecode(str_replace('|', ', ', $site['server'])) . ')';
    }
}
