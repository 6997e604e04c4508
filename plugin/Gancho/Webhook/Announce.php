<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/**
 * Makes `endpoint.failing`, `endpoint.recovered` and `endpoint.disabled` for webhooks that subscribe to them. The last
 * announced state of each webhook is stored and compared with its current state, so that each transition makes one
 * event even if PHP is killed in between.
 */
final class Announce
{
    public function __construct(private Alone $alone)
    {
    }

    /** Returns whether there was something to announce. */
    public function run(): bool
    {
        if (!$this->changes($this->alone->webhooks->all(), $this->announced())) {
            return false;
        }
        return $this->alone->db->transaction(function () {
            // A concurrent announcement waits here, and finds nothing left.
            $this->alone->tables->take('sequence', 0);
            $webhooks = $this->alone->webhooks->all();
            $announced = $this->announced();
            $changes = $this->changes($webhooks, $announced);
            $made = [];
            foreach ($changes as $id => $state) {
                if ($state !== 'ok' || self::hasRecovered($webhooks[$id], $announced[$id])) {
                    $made[] = $this->event($webhooks[$id], $state, $announced[$id] ?? []);
                }
                $announced[$id] = ['state' => $state, 'since' => $webhooks[$id]->health['failures_since']];
            }
            $made = array_filter($made, fn($event) => array_filter($webhooks, fn(Webhook $one) => $one->enabled && $one->wants($event['event'])));
            if ($made) {
                $events = new Events($this->alone->db, $this->alone->tables, $this->alone->vault);
                $events->keep(array_values($made), array_filter($webhooks, fn(Webhook $one) => $one->enabled), null);
            }
            $this->alone->tables->put('announced', (string)json_encode(array_intersect_key($announced, $webhooks)));
            return $made !== [];
        });
    }

    /** @return array<string, array{state: string, since: ?int}> by webhook */
    private function announced(): array
    {
        return (array)json_decode((string)$this->alone->tables->get('announced'), true);
    }

    /**
     * The webhooks whose state differs from the announced one: `ok`, `failing` or `disabled`.
     *
     * @param array<string, Webhook> $webhooks
     * @return array<string, string>
     */
    private function changes(array $webhooks, array $announced): array
    {
        $now = array_map([self::class, 'state'], $webhooks);
        return array_filter($now, fn($state, $id) => $state !== ($announced[$id]['state'] ?? 'ok'), ARRAY_FILTER_USE_BOTH);
    }

    /** A webhook disabled by a user counts as ok: that needs no event. */
    private static function state(Webhook $webhook): string
    {
        return match (true) {
            !$webhook->enabled => in_array($webhook->reason, ['gone', 'failing'], true) ? 'disabled' : 'ok',
            $webhook->isFailing() => 'failing',
            default => 'ok',
        };
    }

    /** By itself: not if a user enabled it again, or changed its URL. */
    private static function hasRecovered(Webhook $webhook, array $before): bool
    {
        return $before['state'] === 'failing' && $webhook->enabled && (int)$webhook->health['last_success_at'] >= (int)$before['since'];
    }

    private function event(Webhook $webhook, string $state, array $before): array
    {
        $since = $state === 'ok' ? ($before['since'] ?? null) : $webhook->health['failures_since'];
        $object = [
            'failures_since' => $since === null ? null : gmdate('Y-m-d\TH:i:s.', intdiv((int)$since, 1000)) . sprintf('%03dZ', (int)$since % 1000),
            'id' => $webhook->id,
            'last_error' => $state === 'ok' ? null : $this->alone->deliveries->lastMessage($webhook->id),
            'name' => $webhook->name === '' ? null : $webhook->name,
            'reason' => $state === 'disabled' ? $webhook->reason : null,
            'url' => $webhook->shownUrl(),
        ];
        $verb = ['ok' => 'recovered', 'failing' => 'failing', 'disabled' => 'disabled'][$state];
        return ['name' => Id::make('own'), 'event' => "endpoint.$verb", 'label' => $object['name'], 'object' => null, 'at_ms' => (int)(microtime(true) * 1000),
            'data' => ['object' => (object)$object]];
    }
}
