<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/**
 * Encrypts what the ERP's lists and API would show to whoever can read its tables: secrets, addresses, bodies,
 * answers. The key is in a file beside the database, which a dump or a copied database does not hold.
 */
final class Vault
{
    private const CIPHER = 'aes-256-gcm';

    private function __construct(private string $key)
    {
    }

    /** The key's file, which PHP runs and nobody is shown. */
    public static function file(string $folder): string
    {
        return "$folder/key.php";
    }

    /** Nothing where there is no key; `$make`: makes one where there is none. */
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
        // Read, not run: PHP may keep compiled code of another file that had this name.
        $key = preg_match("/return '([A-Za-z0-9+\/=]+)';/", (string)@file_get_contents($file), $found) ? base64_decode($found[1], true) : false;
        return is_string($key) && strlen($key) === 32 ? new self($key) : null;
    }

    /** Made by one process only, whole or not at all. */
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
        // Of two at the same moment one stays: link refuses where there is a file.
        @link($draft, $file) || is_file($file) || @rename($draft, $file);
        @unlink($draft);
    }

    /** `$of`: what it belongs to, such as an id; it can be opened as that only. */
    public function seal(string $text, string $of): string
    {
        $nonce = random_bytes(12);
        $sealed = openssl_encrypt($text, self::CIPHER, $this->key, OPENSSL_RAW_DATA, $nonce, $tag, $of);
        return base64_encode($nonce . $tag . $sealed);
    }

    /** Nothing where it was sealed with another key, or as something else. */
    public function unseal(?string $sealed, string $of): ?string
    {
        $raw = base64_decode((string)$sealed, true);
        if ($raw === false || strlen($raw) < 28) {
            return null;
        }
        $text = openssl_decrypt(substr($raw, 28), self::CIPHER, $this->key, OPENSSL_RAW_DATA, substr($raw, 0, 12), substr($raw, 12, 16), $of);
        return $text === false ? null : $text;
    }

    /** A text that only who has the key can make. */
    public function sign(string $text): string
    {
        return hash_hmac('sha256', $text, $this->key);
    }

    /** Distinguishes this key from another. */
    public function fingerprint(): string
    {
        return substr(hash_hmac('sha256', 'gancho key', $this->key), 0, 16);
    }
}
