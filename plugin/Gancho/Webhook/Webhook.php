<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** A webhook: where events go, which, and how it has gone. */
final class Webhook
{
    /** So many failed attempts in a row make it failing: it is tried now and then only. */
    public const FAILING = 10;

    /**
     * @param array{url: string, secret: string, next?: string, next_until?: int, headers: array<string, string>} $sealed
     * @param string[] $events patterns
     * @param array<string, mixed> $health columns of the table that say how it has gone
     */
    public function __construct(
        public string $id,
        public string $name,
        public array $events,
        public array $sealed,
        public bool $enabled,
        public bool $paused,
        public ?string $reason,
        public array $health,
        public int $createdAt,
        public int $updatedAt,
    ) {
    }

    public function url(): string
    {
        return $this->sealed['url'];
    }

    /** Without what may be secret in it. */
    public function shownUrl(): string
    {
        try {
            return Target::parse($this->sealed['url'])->shown();
        } catch (Refused) {
            return '***';
        }
    }

    /** @return array{secret: string, next: string} by which this moment's deliveries are signed */
    public function secrets(int $now): array
    {
        $next = $this->sealed['next'] ?? '';
        $isOver = $next !== '' && ($this->sealed['next_until'] ?? 0) <= $now;
        return $isOver ? ['secret' => $next, 'next' => ''] : ['secret' => $this->sealed['secret'], 'next' => $next];
    }

    public function wants(string $type): bool
    {
        foreach ($this->events as $pattern) {
            if (Pattern::matches($pattern, $type)) {
                return true;
            }
        }
        return false;
    }

    public function isFailing(): bool
    {
        return $this->health['failures'] >= self::FAILING;
    }

    /** `idle`, `ok`, `failing`, `paused` or `disabled`, as the server calls them. */
    public function state(): string
    {
        return match (true) {
            !$this->enabled => 'disabled',
            $this->paused => 'paused',
            $this->isFailing() => 'failing',
            $this->health['last_success_at'] === null && $this->health['last_failure_at'] === null => 'idle',
            default => 'ok',
        };
    }
}
