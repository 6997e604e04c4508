<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** A webhook: its target, subscriptions and health. */
final class Webhook
{
    /** After this many consecutive failed attempts it is failing: it is only probed. */
    public const FAILING = 10;

    /**
     * @param array{url: string, secret: string, next?: string, next_until?: int, headers: array<string, string>} $sealed
     * @param string[] $events patterns
     * @param array<string, mixed> $health the table's health columns
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

    /** Without secret parts. */
    public function shownUrl(): string
    {
        try {
            return Target::parse($this->sealed['url'])->shown();
        } catch (Refused) {
            return '***';
        }
    }

    /** @return array{secret: string, next: string} the secrets that sign deliveries at this time */
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

    /** `idle`, `ok`, `failing`, `paused` or `disabled`, as on the server. */
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
