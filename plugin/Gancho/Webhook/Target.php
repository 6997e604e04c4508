<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/**
 * The target of a webhook: its URL parsed, validated, and rebuilt from its parts, so that all components interpret it
 * in the same way.
 */
final class Target
{
    private const LENGTH_MAX = 2048;

    private function __construct(public string $scheme, public string $host, public int $port, public string $path)
    {
    }

    /** @throws Refused with the error */
    public static function parse(string $url): self
    {
        if (strlen($url) > self::LENGTH_MAX) {
            throw new Refused('url', 'gancho-url-long');
        }
        if (!preg_match('#^(https?)://([^/?\#]*)([^\#]*)(\#.*)?$#Di', $url, $part) || preg_match('/[^\x21-\x7e]/', $url) || str_contains($url, '\\')) {
            throw new Refused('url', preg_match('#^[a-z][a-z0-9+.-]*:#i', $url) && !preg_match('#^https?:#i', $url) ? 'gancho-url-scheme' : 'gancho-url-form');
        }
        if (str_contains($part[2], '@')) {
            throw new Refused('url', 'gancho-url-credentials');
        }
        if (($part[4] ?? '') !== '') {
            throw new Refused('url', 'gancho-url-fragment');
        }
        if (!preg_match('/^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/Di', $part[2], $at) || (int)($at[2] ?? 1) < 1 || (int)($at[2] ?? 1) > 65535) {
            throw new Refused('url', 'gancho-url-host');
        }
        $scheme = strtolower($part[1]);
        $path = $part[3] === '' || $part[3][0] === '?' ? '/' . $part[3] : $part[3];
        return new self($scheme, self::host(strtolower($at[1])), (int)($at[2] ?? ($scheme === 'https' ? 443 : 80)), $path);
    }

    /** The address, if the host is one. */
    public function literal(): ?string
    {
        $host = trim($this->host, '[]');
        return filter_var($host, FILTER_VALIDATE_IP) ? $host : null;
    }

    /** The URL that is called. */
    public function url(): string
    {
        return "$this->scheme://" . $this->authority() . $this->path;
    }

    /** The host, with its port unless it is the default one. */
    public function authority(): string
    {
        $isUsual = $this->port === ($this->scheme === 'https' ? 443 : 80);
        return $this->host . ($isUsual ? '' : ":$this->port");
    }

    public function origin(): string
    {
        return "$this->scheme://$this->host:$this->port";
    }

    /** Without secret parts, for lists and logs. */
    public function shown(): string
    {
        return "$this->scheme://" . $this->authority() . ($this->path === '/' ? '/' : '/…');
    }

    private static function host(string $host): string
    {
        if ($host[0] === '[') {
            $address = inet_pton(trim($host, '[]'));
            if ($address === false) {
                throw new Refused('url', 'gancho-url-host');
            }
            return '[' . inet_ntop($address) . ']';
        }
        $labels = explode('.', $host);
        $isName = strlen($host) <= 253 && count($labels) === count(array_filter($labels, fn($label) => $label !== '' && strlen($label) <= 63));
        // 0x7f.1, 2130706433 and 127.1 are addresses to some programs and names to others: only the plain form is
        // accepted.
        $isNumeric = preg_match('/^(0x[0-9a-f]*|\d+)$/D', end($labels)) === 1;
        if (!$isName || ($isNumeric && !filter_var($host, FILTER_VALIDATE_IP, FILTER_FLAG_IPV4))) {
            throw new Refused('url', 'gancho-url-host');
        }
        return $host;
    }
}
