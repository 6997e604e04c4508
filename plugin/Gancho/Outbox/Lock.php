<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Plugins\Gancho\Server\Settings;

/** One process at a time hands over. Nobody waits for it. */
final class Lock
{
    private function __construct(private mixed $file)
    {
    }

    public static function take(Settings $settings): ?self
    {
        $file = @fopen($settings->folder() . '/push.lock', 'c');
        if ($file === false) {
            return null;
        }
        if (!flock($file, LOCK_EX | LOCK_NB)) {
            fclose($file);
            return null;
        }
        return new self($file);
    }

    public static function isHeld(Settings $settings): bool
    {
        $lock = self::take($settings);
        $lock?->release();
        return $lock === null;
    }

    public function release(): void
    {
        flock($this->file, LOCK_UN);
        fclose($this->file);
    }
}
