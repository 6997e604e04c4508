<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/**
 * Encrypts values that the ERP's lists and API would show to users who can read its tables: secrets, addresses, bodies,
 * responses. The key is in a file outside the database, so that a dump or a copied database does not contain it.
 */
final class Vault
{
    private const CIPHER = 'aes-256-gcm';

    private function __construct(private string $key)
    {
    }

    /** The key's file; as PHP code it is executed, not shown. */
    public static function file(string $folder): string
    {
        return "$folder/key.php";
    }

    /** Null without a key; `$make`: creates one if there is none. */
    public static function open(string $folder, bool $make = false): ?self
    {
        if (!function_exists('openssl_encrypt')) {
            return null;
        }
        $file = self::file($folder);
        clearstatcache(true, $file);
        if ($make && !is_file($file)) {
            self::make($file);
        }
        // Read, not executed: PHP may have cached compiled code of an earlier file with this name.
        $key = preg_match("/return '([A-Za-z0-9+\/=]+)';/", (string)@file_get_contents($file), $found) ? base64_decode($found[1], true) : false;
        return is_string($key) && strlen($key) === 32 ? new self($key) : null;
    }

    /** Created atomically, by one process only. */
    private static function make(string $file): void
    {
        $draft = "$file." . bin2hex(random_bytes(6));
        $before = umask(0177);
        $handle = @fopen($draft, 'x');
        umask($before);
        if ($handle === false) {
            return;
        }
        $text = "<?php\n// Gancho's key: without it what it keeps in the database can't be read.\nreturn '"
            . base64_encode(random_bytes(32)) . "';\n";
        $isWhole = fwrite($handle, $text) === strlen($text) && fflush($handle);
        fclose($handle);
        if (!$isWhole) {
            @unlink($draft);
            return; // the disk is full
        }
        // Of two concurrent ones, one stays: link fails if the file exists.
        @link($draft, $file) || is_file($file) || @rename($draft, $file);
        @unlink($draft);
    }

    /** `$of`: its owner, such as an id; it can be opened only with the same owner. */
    public function seal(string $text, string $of): string
    {
        $nonce = random_bytes(12);
        $sealed = openssl_encrypt($text, self::CIPHER, $this->key, OPENSSL_RAW_DATA, $nonce, $tag, $of);
        return base64_encode($nonce . $tag . $sealed);
    }

    /** Null if it was sealed with another key, or for another owner. */
    public function unseal(?string $sealed, string $of): ?string
    {
        $raw = base64_decode((string)$sealed, true);
        if ($raw === false || strlen($raw) < 28) {
            return null;
        }
        $text = openssl_decrypt(substr($raw, 28), self::CIPHER, $this->key, OPENSSL_RAW_DATA, substr($raw, 0, 12), substr($raw, 12, 16), $of);
        return $text === false ? null : $text;
    }

    /** A text that can only be created with the key. */
    public function sign(string $text): string
    {
        return hash_hmac('sha256', $text, $this->key);
    }

    /** Identifies this key. */
    public function fingerprint(): string
    {
        return substr(hash_hmac('sha256', 'gancho key', $this->key), 0, 16);
    }
}
