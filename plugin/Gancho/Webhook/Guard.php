<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** Resolves hosts and decides which address is called; every call passes this check. */
final class Guard
{
    /** Lifetime of cached addresses, seconds: PHP waits for each lookup. */
    private const KEPT_S = 60;
    private const KEPT_EMPTY_S = 3;
    /** A host whose lookup took longer than this comes last. */
    private const SLOW_MS = 500;

    /** @var array<string, array{at: int, ms: int, addresses: string[]}> */
    private array $known;

    /** @param string[] $allowed hosts, addresses, and ranges with `/`, that may be called nevertheless */
    public function __construct(private array $allowed, private string $cache)
    {
        $known = json_decode((string)@file_get_contents($cache), true);
        $this->known = is_array($known) ? $known : [];
    }

    /** The address to call. @throws AttemptError `dns` or `blocked` */
    public function address(Target $target): string
    {
        $addresses = $target->literal() === null ? $this->lookUp($target->host) : [$target->literal()];
        foreach ($addresses as $address) {
            $why = $this->refusal($target, $address);
            if ($why !== null) {
                // One refused address refuses all, since that indicates an attack.
                throw new AttemptError('blocked', "$address is not called: it is $why");
            }
        }
        return $addresses[0];
    }

    /** Whether this host's last lookup was slow, and it would be looked up now. */
    public function isSlow(Target $target): bool
    {
        $known = $this->known[$target->host] ?? null;
        return $known !== null && $known['ms'] > self::SLOW_MS && $known['at'] + self::KEPT_S < time();
    }

    public function refusal(Target $target, string $address): ?string
    {
        $why = Address::refusal($address);
        if ($why === null) {
            return null;
        }
        $bytes = Address::canonical((string)inet_pton($address));
        $plain = (string)inet_ntop($bytes);
        $isNamed = in_array($plain, $this->allowed, true) && $target->literal() !== null;
        if ($why === 'cloud metadata') {
            return $isNamed ? null : $why;
        }
        $isInRange = array_filter($this->allowed, fn($entry) => str_contains($entry, '/') && Address::isIn($bytes, $entry));
        return $isNamed || $isInRange || in_array(trim($target->host, '[]'), $this->allowed, true) ? null : $why;
    }

    /** @return string[] at least one */
    private function lookUp(string $host): array
    {
        $known = $this->known[$host] ?? null;
        // Failures are cached only briefly: otherwise a short outage of the name server would use up the retries.
        $kept = $known === null ? 0 : ($known['addresses'] ? self::KEPT_S : self::KEPT_EMPTY_S);
        if ($known === null || $known['at'] + $kept < time() || $known['at'] > time()) {
            $began = microtime(true);
            $addresses = gethostbynamel($host) ?: array_column(@dns_get_record($host, DNS_AAAA) ?: [], 'ipv6');
            $known = ['at' => time(), 'ms' => (int)((microtime(true) - $began) * 1000), 'addresses' => $addresses];
            $this->known = array_filter($this->known, fn($other) => $other['at'] > time() - 3600);
            $this->known[$host] = $known;
            // Best effort: if this fails, the next request looks it up again.
            @file_put_contents($this->cache, (string)json_encode($this->known), LOCK_EX);
        }
        if (!$known['addresses']) {
            throw new AttemptError('dns', "no address was found for $host");
        }
        return $known['addresses'];
    }
}
