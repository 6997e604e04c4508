<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** The result of one attempt of a delivery. */
final class Attempt
{
    /** Maximum delay by `Retry-After`, milliseconds. */
    private const RETRY_AFTER_MAX_MS = 3600000;
    private const MASKED = ['authorization', 'cookie', 'set-cookie', 'proxy-authorization', 'x-webhook-signature', 'x-webhook-signature-next', 'webhook-signature'];

    /**
     * @param int $at its start, milliseconds since 1970
     * @param string|null $kind the failure, as in `AttemptError`, or `status`
     * @param array<string, string> $sent header fields, the webhook's custom ones masked
     * @param array<int, array{0: string, 1: string}> $answered header fields
     */
    public function __construct(
        public int $at,
        public int $durationMs,
        public ?int $status,
        public ?string $kind,
        public string $message,
        public array $sent = [],
        public array $answered = [],
        public string $body = '',
        public bool $truncated = false,
    ) {
    }

    public function isSuccess(): bool
    {
        return $this->status !== null && $this->status >= 200 && $this->status < 300 && $this->kind === null;
    }

    public function isGone(): bool
    {
        return $this->status === 410;
    }

    /**
     * The delivery's next state, with this many attempts left.
     *
     * @return array{state: string, due_at: ?int}
     */
    public function after(int $left): array
    {
        if ($this->isSuccess()) {
            return ['state' => 'delivered', 'due_at' => null];
        }
        if ($left <= 0) {
            return ['state' => 'failed', 'due_at' => null];
        }
        $delays = Deliveries::DELAYS_S;
        $planned = $delays[max(0, count($delays) - $left)] * 1000;
        $asked = in_array($this->status, [429, 503], true) ? min((int)$this->retryAfterMs(), self::RETRY_AFTER_MAX_MS) : 0;
        return ['state' => 'pending', 'due_at' => $this->at + $this->durationMs + max($planned, $asked)];
    }

    /** The form that is stored and shown. */
    public function toArray(int $n): array
    {
        $isMasked = fn(string $name) => in_array(strtolower($name), self::MASKED, true);
        $sent = [];
        foreach ($this->sent as $name => $value) {
            $sent[] = [$name, $isMasked($name) ? '***' : $value];
        }
        return ['n' => $n, 'at' => $this->at, 'duration_ms' => $this->durationMs, 'status' => $this->status, 'kind' => $this->kind, 'message' => $this->message,
            'sent' => $sent, 'answered' => array_map(fn($field) => [$field[0], $isMasked($field[0]) ? '***' : $field[1]], $this->answered),
            'body' => $this->body, 'truncated' => $this->truncated];
    }

    /** Seconds, or a date in any of the three forms of RFC 9110, 5.6.7. */
    public function retryAfterMs(): ?int
    {
        foreach ($this->answered as [$name, $value]) {
            if (strtolower($name) !== 'retry-after') {
                continue;
            }
            $value = trim($value);
            if (ctype_digit($value)) {
                return (int)min((float)$value * 1000, PHP_INT_MAX >> 1);
            }
            foreach (['D, d M Y H:i:s \G\M\T', 'l, d-M-y H:i:s \G\M\T', 'D M j H:i:s Y', 'D M  j H:i:s Y'] as $form) {
                $date = \DateTimeImmutable::createFromFormat("!$form", $value, new \DateTimeZone('UTC'));
                if ($date !== false) {
                    return max(0, $date->getTimestamp() * 1000 - (int)(microtime(true) * 1000));
                }
            }
            return null;
        }
        return null;
    }
}
