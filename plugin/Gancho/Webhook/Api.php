<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/**
 * Webhooks, events and deliveries in the ERP's API. Not a model of the ERP: models assign every posted column, and
 * return all of them.
 */
final class Api
{
    private const WRITABLE = ['url', 'events', 'name', 'secret', 'headers', 'enabled', 'paused'];
    private const MOST = 500;

    public function __construct(private Alone $alone, private string $who)
    {
    }

    /**
     * @param array<string, mixed> $fields of the form
     * @param array<string, mixed> $query
     * @return array{0: int, 1: array} status and body
     */
    public function answer(string $method, string $resource, string $id, array $fields, array $query): array
    {
        try {
            return match ([$resource, $method, $id !== '']) {
                ['ganchowebhooks', 'GET', false] => [200, array_values(array_map([$this, 'shown'], $this->alone->webhooks->all()))],
                ['ganchowebhooks', 'GET', true] => [200, $this->shown($this->find($id))],
                ['ganchowebhooks', 'POST', false] => $this->add($fields),
                ['ganchowebhooks', 'PUT', true], ['ganchowebhooks', 'PATCH', true] => $this->change($this->find($id), $fields),
                ['ganchowebhooks', 'DELETE', true] => $this->remove($this->find($id)),
                ['ganchoevents', 'GET', false], ['ganchodeliveries', 'GET', false] => [200, $this->list($resource, $query)],
                ['ganchodeliveries', 'GET', true] => [200, $this->delivery($id)],
                default => [405, ['error' => "$method is not for $resource" . ($id === '' ? '' : '/…')]],
            };
        } catch (NotFound) {
            return [404, ['error' => 'there is no such record']];
        } catch (Refused $refused) {
            return [400, ['error' => $refused->sentence(), 'field' => $refused->field]];
        }
    }

    private function find(string $id): Webhook
    {
        return $this->alone->webhooks->find($id) ?? throw new NotFound();
    }

    private function add(array $fields): array
    {
        $webhook = $this->alone->webhooks->add(self::read($fields), $this->who);
        // The secret is returned only here.
        return [200, ['ok' => 'added', 'data' => ['url' => $webhook->url()] + $this->shown($webhook) + ['secret' => $webhook->sealed['secret']]]];
    }

    private function change(Webhook $webhook, array $fields): array
    {
        $this->alone->webhooks->update($webhook, self::read($fields), $this->who);
        return [200, ['ok' => 'changed', 'data' => $this->shown($webhook)]];
    }

    private function remove(Webhook $webhook): array
    {
        $this->alone->webhooks->remove($webhook, $this->who);
        return [200, ['ok' => 'removed', 'data' => ['id' => $webhook->id]]];
    }

    /** The writable fields of a form: texts, and `1` or `0`. */
    private static function read(array $fields): array
    {
        $read = [];
        foreach ($fields as $name => $value) {
            if (!in_array($name, self::WRITABLE, true)) {
                throw new Refused((string)$name, 'gancho-field-unknown', ['%field%' => (string)$name]);
            }
            $read[$name] = match ($name) {
                'enabled', 'paused' => self::flag($name, $value),
                'headers' => is_array($value) ? $value : json_decode((string)$value, true),
                default => $value,
            };
        }
        return $read;
    }

    private static function flag(string $name, mixed $value): bool
    {
        return match ($value) {
            '1', 'true', true, 1 => true,
            '0', 'false', false, 0 => false,
            default => throw new Refused($name, 'gancho-flag-bad', ['%field%' => $name]),
        };
    }

    private function shown(Webhook $webhook): array
    {
        return [
            'id' => $webhook->id, 'url' => $webhook->shownUrl(), 'name' => $webhook->name, 'events' => $webhook->events, 'enabled' => $webhook->enabled,
            'paused' => $webhook->paused, 'reason' => $webhook->reason, 'state' => $webhook->state(), 'consecutive_failures' => $webhook->health['failures'],
            'last_success_at' => self::time($webhook->health['last_success_at']), 'last_failure_at' => self::time($webhook->health['last_failure_at']),
            'pending' => $this->alone->deliveries->waiting($webhook->id), 'created_at' => self::time($webhook->createdAt),
        ];
    }

    /** Newest first; `limit`, and `before`: the last number seen. */
    private function list(string $resource, array $query): array
    {
        $limit = max(1, min(self::MOST, (int)($query['limit'] ?? 50)));
        $before = (int)($query['before'] ?? 0) ?: '';
        if ($resource === 'ganchoevents') {
            return $this->alone->deliveries->events($before, $limit);
        }
        $filter = array_map(fn($name) => preg_replace('/[^a-z0-9_.]/', '', (string)($query[$name] ?? '')), array_combine($names = ['webhook', 'state', 'type'], $names));
        return array_map([$this, 'shownDelivery'], $this->alone->deliveries->page($filter + ['before' => $before], $limit));
    }

    private function delivery(string $id): array
    {
        $delivery = $this->alone->deliveries->find($id) ?? throw new NotFound();
        return $this->shownDelivery($delivery) + ['attempts_made' => $this->alone->deliveries->attempts($delivery), 'body' => json_decode((string)$delivery['body'])];
    }

    private function shownDelivery(array $row): array
    {
        return [
            'n' => (int)$row['n'], 'id' => $row['id'], 'event_id' => $row['event_id'], 'event' => $row['type'], 'label' => $row['label'], 'webhook' => $row['webhook'],
            'state' => $row['state'], 'attempts' => (int)$row['attempts'], 'max_attempts' => (int)$row['max_attempts'], 'next_attempt_at' => self::time($row['due_at']),
            'created_at' => self::time($row['created_at']), 'last_at' => self::time($row['last_at']),
            'last_status' => $row['last_status'] === null ? null : (int)$row['last_status'], 'last_error' => $row['last_error'],
        ];
    }

    private static function time(mixed $ms): ?string
    {
        return $ms === null ? null : gmdate('Y-m-d\TH:i:s', intdiv((int)$ms, 1000)) . sprintf('.%03dZ', (int)$ms % 1000);
    }
}
