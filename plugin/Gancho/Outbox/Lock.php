<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Plugins\Gancho\Server\Settings;

/** Locks: one process at a time pushes, and one installs or removes objects. */
final class Lock
{
    private function __construct(private mixed $file)
    {
    }

    /** `$seconds`: maximum wait. */
    public static function take(Settings $settings, float $seconds = 0.0): ?self
    {
        return self::held(@fopen($settings->folder() . '/push.lock', 'c'), $seconds);
    }

    /** The lock for our objects in the ERP's database: waited for, or a later process would undo the other's work. */
    public static function ofInstall(Settings $settings, float $seconds): ?self
    {
        // If the folder is not writable, a lock in the system's temporary folder is used.
        $file = @fopen($settings->folder() . '/install.lock', 'c')
            ?: @fopen(sys_get_temp_dir() . '/gancho-install-' . md5(FS_FOLDER) . '.lock', 'c');
        return self::held($file, $seconds);
    }

    private static function held(mixed $file, float $seconds): ?self
    {
        $until = microtime(true) + $seconds;
        while ($file !== false) {
            if (flock($file, LOCK_EX | LOCK_NB)) {
                return new self($file);
            }
            if (microtime(true) > $until) {
                fclose($file);
                return null;
            }
            usleep(50000);
        }
        return null;
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
