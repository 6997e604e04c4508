<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Plugins\Gancho\Event\Json;

/** Keeps events, each with a delivery for every webhook that asks for it. */
final class Events
{
    /** What a receiver is sent at most. */
    private const BODY_MAX = 262144;

    public function __construct(private Database $db, private Tables $tables, private Vault $vault)
    {
    }

    /**
     * In a transaction of the caller's, which has the feed's numbers for itself from here on.
     *
     * @param array<int, array> $made events as `Acts` makes them; `name` is unique
     * @param array<string, Webhook> $webhooks that are asked
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
     * One to one webhook, outside the feed, whatever the webhook asks for. How that ends says nothing of its health. False,
     * and nothing is kept, where it is too large to be sent.
     *
     * @param array<string, mixed> $event as in `keep`
     */
    public function keepApart(array $event, Webhook $webhook, ?string $source): bool
    {
        return $this->db->transaction(function () use ($event, $webhook, $source) {
            $this->tables->take('sequence', 0);
            // Below 0 is no place in the feed.
            $n = min(0, $this->db->number('SELECT COALESCE(MIN(n), 0) AS n FROM ' . Tables::EVENTS)) - 1;
            [$row, $isLarge] = $this->row($n, $event, $source, (int)(microtime(true) * 1000));
            if ($isLarge) {
                return false;
            }
            $this->insert([$row], [['replayed' => true] + Deliveries::row($n, $event['event'], $webhook->id, $row['created_at'])]);
            return true;
        });
    }

    /** @return array{0: array<string, mixed>, 1: bool} the row, and whether it is too large: it is shown then, and not sent */
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

    /** The bytes that are signed and sent. */
    public static function body(string $id, array $event, ?string $source, bool $isTest = false): string
    {
        $origin = ($event['origin'] ?? null) === null ? '' : ',"origin":' . Json::write($event['origin']);
        return '{"id":"' . $id . '","event":"' . $event['event'] . '","created":' . (int)floor($event['at_ms'] / 1000) . ',"data":' . Json::write((object)$event['data'])
            . ',"source":' . ($source === null ? 'null' : "\"$source\"") . $origin . ($isTest ? ',"test":true}' : '}');
    }
}
