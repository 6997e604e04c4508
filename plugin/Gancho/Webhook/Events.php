<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Plugins\Gancho\Event\Json;

/** Stores events, each with a delivery for every webhook that subscribes to it. */
final class Events
{
    /** Maximum size of a body. */
    private const BODY_MAX = 262144;

    public function __construct(private Database $db, private Tables $tables, private Vault $vault)
    {
    }

    /**
     * Call it in a transaction, which holds the feed's numbers from here on.
     *
     * @param array<int, array> $made events from `Acts`; `name` is unique
     * @param array<string, Webhook> $webhooks the possible subscribers
     */
    public function keep(array $made, array $webhooks, ?string $source): void
    {
        $sequence = $this->tables->take('sequence', count($made));
        [$now, $events, $deliveries] = [(int)(microtime(true) * 1000), [], []];
        foreach ($made as $event) {
            [$events[], $isLarge] = $this->row($sequence, $event, $source, $now);
            foreach ($webhooks as $webhook) {
                if ($webhook->wants($event['event'])) {
                    $deliveries[] = Deliveries::row($sequence, $event['event'], $webhook->id, $now, $isLarge ? 'failed' : 'pending');
                }
            }
            $sequence++;
        }
        $this->insert($events, $deliveries);
    }

    /**
     * Sends an event to one webhook, outside the feed, regardless of its subscriptions. The result does not affect its
     * health. Returns false, and stores nothing, if it is too large.
     *
     * @param array<string, mixed> $event as in `keep`
     */
    public function keepApart(array $event, Webhook $webhook, ?string $source): bool
    {
        return $this->db->transaction(function () use ($event, $webhook, $source) {
            $this->tables->take('sequence', 0);
            // Numbers below 0 are outside the feed.
            $n = min(0, $this->db->number('SELECT COALESCE(MIN(n), 0) AS n FROM ' . Tables::EVENTS)) - 1;
            [$row, $isLarge] = $this->row($n, $event, $source, (int)(microtime(true) * 1000));
            if ($isLarge) {
                return false;
            }
            $this->insert([$row], [['replayed' => true] + Deliveries::row($n, $event['event'], $webhook->id, $row['created_at'])]);
            return true;
        });
    }

    /** @return array{0: array<string, mixed>, 1: bool} the row, and whether it is too large: then it is only shown */
    private function row(int $n, array $event, ?string $source, int $now): array
    {
        $id = Id::make('evt');
        $body = self::body($id, $event, $source);
        $isLarge = strlen($body) > self::BODY_MAX;
        $sealed = $this->vault->seal(Json::write(['body' => $isLarge ? null : $body, 'label' => $event['label'], 'object' => $event['object']]), $id);
        return [['n' => $n, 'id' => $id, 'name' => $event['name'], 'type' => $event['event'], 'sealed' => $sealed, 'created_at' => $now], $isLarge];
    }

    private function insert(array $events, array $deliveries): void
    {
        $this->db->insert(Tables::EVENTS, $events);
        if ($deliveries) {
            $first = $this->tables->take('deliveries', count($deliveries));
            $this->db->insert(Tables::DELIVERIES, array_map(fn($row, $place) => ['n' => $first + $place] + $row, $deliveries, array_keys($deliveries)));
        }
    }

    /** The body that is signed and sent. */
    public static function body(string $id, array $event, ?string $source, bool $isTest = false): string
    {
        $origin = ($event['origin'] ?? null) === null ? '' : ',"origin":' . Json::write($event['origin']);
        return '{"id":"' . $id . '","event":"' . $event['event'] . '","created":' . (int)floor($event['at_ms'] / 1000) . ',"data":' . Json::write((object)$event['data'])
            . ',"source":' . ($source === null ? 'null' : "\"$source\"") . $origin . ($isTest ? ',"test":true}' : '}');
    }
}
