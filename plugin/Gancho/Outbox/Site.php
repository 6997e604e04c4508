<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Tools;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * Which installation of the ERP this is. A copy of it, such as one for tests, has the plugin's address and keys, and
 * perhaps rows that were written elsewhere: what happens there must reach no webhook.
 */
final class Site
{
    /** How often Gancho is informed that there is a copy, and the database that somebody takes rows, seconds. */
    private const EVERY = 3600;
    /** How often it is looked whether it is a copy still, seconds. */
    private const AGAIN = 60;

    public function __construct(private Engine $engine, private Settings $settings)
    {
    }

    /**
     * Where this was copied from; null where it is no copy. Neither sign is enough alone: a container has another name
     * whenever it is made anew, and a dump that is restored in place makes all tables anew.
     */
    public function copyOf(): ?string
    {
        [$then, $now] = [$this->engine->setUp(), $this->here()];
        if ($then !== null && $then['made'] !== $now['made']) {
            // Restored from a dump, with the time that was written into it then.
            $this->settings->note(['signed_at' => 0]);
        }
        $isCopy = $then !== null && $then['made'] !== $now['made']
            && [$then['database'], $then['server']] !== [$now['database'], $now['server']];
        return $isCopy ? self::shown($then) : null;
    }

    /** Notes that it is a copy, or is none; says whether it is one. */
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

    /** Whether Gancho is to be informed that there is a copy. */
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

    /** Writes into the database that this is its ERP, and that somebody takes rows; not too often, if that is known. */
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

    /** It is a copy: what was written elsewhere goes, and so do the keys of the ERP that it was copied from. */
    public function disown(\FacturaScripts\Core\Base\DataBase $db): void
    {
        $this->engine->empty();
        $this->settings->save($db, ['url' => '', 'token' => '', 'admin_token' => '']);
        $this->confirm();
    }

    /** For people. */
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
