<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Plugins\Gancho\Event\Json;
use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;

/** The webhooks stored by the plugin. */
final class Webhooks
{
    private const MOST = 100;
    private const HEALTH = ['failures', 'failures_since', 'failing_ms', 'probe_at', 'last_success_at', 'last_failure_at', 'last_status', 'last_error', 'mailed'];

    public function __construct(private Database $db, private Vault $vault, private Guard $guard)
    {
    }

    /** @return array<string, Webhook> by id, the oldest first */
    public function all(): array
    {
        $rows = $this->db->rows('SELECT * FROM ' . Tables::WEBHOOKS . ' ORDER BY created_at, id');
        return array_column(array_map([$this, 'read'], $rows), null, 'id');
    }

    public function find(string $id): ?Webhook
    {
        $row = $this->db->row('SELECT * FROM ' . Tables::WEBHOOKS . ' WHERE id = :id', ['id' => $id]);
        return $row === null ? null : $this->read($row);
    }

    /**
     * Adds one.
     *
     * @param array<string, mixed> $fields url, events, name, secret, headers, enabled, paused
     * @throws Refused with the invalid field
     */
    public function add(array $fields, string $who): Webhook
    {
        return $this->db->transaction(fn() => $this->insert($fields, $who));
    }

    /** The same in an existing transaction. */
    public function insert(array $fields, string $who): Webhook
    {
        if ($this->db->number('SELECT COUNT(*) AS n FROM ' . Tables::WEBHOOKS) >= self::MOST) {
            throw new Refused('url', 'gancho-too-many', ['%most%' => (string)self::MOST]);
        }
        $now = time() * 1000;
        $health = array_fill_keys(self::HEALTH, null);
        $webhook = new Webhook($fields['id'] ?? Id::make('ep'), '', [], ['url' => '', 'secret' => Signature::secret(), 'headers' => []], true, false, null,
            ['failures' => 0, 'failing_ms' => 0] + $health, $now, $now);
        $this->change($webhook, $fields + ['url' => '', 'events' => []]);
        $this->db->insert(Tables::WEBHOOKS, [$this->row($webhook) + ['created_at' => $webhook->createdAt]]);
        $this->note($who, 'added', $webhook, $webhook->shownUrl());
        return $webhook;
    }

    /** Changes one. @throws Refused with the invalid field */
    public function update(Webhook $webhook, array $fields, string $who): void
    {
        $this->change($webhook, $fields);
        $webhook->updatedAt = max(time() * 1000, $webhook->updatedAt + 1);
        $health = [];
        if (($fields['enabled'] ?? false) || array_key_exists('url', $fields) || ($fields['paused'] ?? null) === false) {
            // After a repair, users want to see at once whether it works.
            $isAnew = ($fields['enabled'] ?? false) || array_key_exists('url', $fields);
            // Enabling it again or changing its URL resets its health.
            $health = ($isAnew ? ['failures' => 0, 'failures_since' => null, 'failing_ms' => 0, 'mailed' => null] : []) + ['probe_at' => 0];
        }
        // Unchanged columns are not written: a concurrent attempt may be recorded, and disable the webhook.
        $kept = $webhook->health + (isset($fields['enabled']) ? [] : ['enabled' => 1, 'reason' => 1]) + (isset($fields['paused']) ? [] : ['paused' => 1]);
        $row = $health + array_diff_key($this->row($webhook), $kept);
        $webhook->health = $health + $webhook->health;
        $this->db->transaction(function () use ($webhook, $row, $fields, $who) {
            $this->save($webhook->id, $row);
            $this->note($who, 'changed', $webhook, implode(' ', array_keys($fields)));
        });
    }

    private function save(string $id, array $row): void
    {
        $set = array_map(fn($column, $value) => "$column = " . $this->db->literal($value), array_keys($row), $row);
        $this->db->run('UPDATE ' . Tables::WEBHOOKS . ' SET ' . implode(', ', $set) . ' WHERE id = ' . $this->db->literal($id));
    }

    /** With its deliveries and their attempts. */
    public function remove(Webhook $webhook, string $who): void
    {
        $this->db->transaction(function () use ($webhook, $who) {
            $this->db->row('SELECT id FROM ' . Tables::WEBHOOKS . ' WHERE id = :id FOR UPDATE', ['id' => $webhook->id]);
            $own = 'SELECT n FROM ' . Tables::DELIVERIES . ' WHERE webhook = ' . $this->db->literal($webhook->id);
            $this->db->run('DELETE FROM ' . Tables::ATTEMPTS . " WHERE delivery IN ($own)");
            $this->db->run('DELETE FROM ' . Tables::DELIVERIES . ' WHERE webhook = :id', ['id' => $webhook->id]);
            $this->db->run('DELETE FROM ' . Tables::WEBHOOKS . ' WHERE id = :id', ['id' => $webhook->id]);
            $this->note($who, 'removed', $webhook, $webhook->shownUrl());
        });
    }

    /** In a copy of the ERP: disables all; only the original sends pending deliveries. */
    public function disableAll(string $who): void
    {
        $this->db->transaction(function () use ($who) {
            $this->db->run('UPDATE ' . Tables::DELIVERIES . " SET state = 'cancelled', lease = NULL WHERE state = 'pending'");
            $this->db->run('UPDATE ' . Tables::WEBHOOKS . " SET enabled = 0, reason = 'copy'");
            $this->db->insert(Tables::HISTORY, [['at' => time() * 1000, 'who' => substr($who, 0, 50), 'action' => 'disabled', 'webhook' => '', 'details' => '*']]);
        });
    }

    /** Rotates the secret: until the rotation is finished, deliveries are signed with both. */
    public function rotateSecret(Webhook $webhook, string $who, int $overlapS = 86400): string
    {
        $secrets = $webhook->secrets(time());
        $next = Signature::secret();
        $webhook->sealed = ['secret' => $secrets['secret'], 'next' => $next, 'next_until' => time() + $overlapS] + $webhook->sealed;
        $this->update($webhook, [], $who);
        return $next;
    }

    /** The audit log, newest first. */
    public function history(int $most = 50): array
    {
        return $this->db->rows('SELECT at, who, action, webhook, details FROM ' . Tables::HISTORY . " ORDER BY k DESC LIMIT $most");
    }

    private function note(string $who, string $action, Webhook $webhook, string $details): void
    {
        $this->db->insert(Tables::HISTORY, [['at' => time() * 1000, 'who' => substr($who, 0, 50), 'action' => $action, 'webhook' => $webhook->id, 'details' => $details]]);
    }

    private function change(Webhook $webhook, array $fields): void
    {
        $before = $webhook->sealed['url'];
        foreach ($fields as $field => $value) {
            match ($field) {
                'url' => $webhook->sealed['url'] = $this->target((string)$value)->url(),
                'events' => $webhook->events = self::patterns($value),
                'name' => $webhook->name = (string)preg_replace('/^(.{100}).*$/us', '$1', trim((string)$value)),
                'secret' => $value === '' || $value === null ? null : $webhook->sealed = ['secret' => self::secret((string)$value), 'next' => ''] + $webhook->sealed,
                'headers' => $webhook->sealed['headers'] = self::headers($value),
                'enabled' => $webhook->enabled = (bool)$value,
                'paused' => $webhook->paused = (bool)$value,
                'id' => null,
                default => throw new Refused($field, 'gancho-field-unknown', ['%field%' => $field]),
            };
        }
        if (isset($fields['enabled'])) {
            $webhook->reason = null; // disabled by a user
        }
        if ($before !== '' && !isset($fields['headers']) && Target::parse($before)->origin() !== Target::parse($webhook->url())->origin()) {
            // Custom header fields are not sent to another address.
            $webhook->sealed['headers'] = [];
        }
    }

    private function target(string $url): Target
    {
        $target = Target::parse(trim($url));
        $literal = $target->literal();
        $why = $literal === null ? null : $this->guard->refusal($target, $literal);
        if ($why !== null) {
            throw new Refused('url', 'gancho-url-refused', ['%address%' => $literal, '%why%' => $why]);
        }
        return $target;
    }

    /** @return string[] */
    private static function patterns(mixed $value): array
    {
        $patterns = is_array($value) ? array_values(array_filter($value, 'is_string')) : preg_split('/[\s,]+/', (string)$value, -1, PREG_SPLIT_NO_EMPTY);
        if (!$patterns || count($patterns) > 100) {
            throw new Refused('events', 'gancho-events-none');
        }
        foreach ($patterns as $pattern) {
            if (!Pattern::isOne($pattern)) {
                throw new Refused('events', 'gancho-events-bad', ['%pattern%' => $pattern]);
            }
            self::checkNoun($pattern);
        }
        return array_values(array_unique($patterns));
    }

    /** For a noun of the catalogue the type must exist: `invoice.payed` would never occur. */
    private static function checkNoun(string $pattern): void
    {
        foreach (ErpSchema::events() as [$noun, , $verbs]) {
            $types = array_map(fn($verb) => "$noun.$verb", [...$verbs, 'snapshot']);
            if (str_starts_with($pattern, "$noun.") && !str_contains($pattern, '*') && !in_array($pattern, $types, true)) {
                usort($types, fn($one, $other) => levenshtein($one, $pattern) <=> levenshtein($other, $pattern));
                throw new Refused('events', 'gancho-events-unknown', ['%pattern%' => $pattern, '%nearest%' => $types[0]]);
            }
        }
    }

    private static function secret(string $secret): string
    {
        if (strlen($secret) < 8 || strlen($secret) > 200 || preg_match('/[^\x21-\x7e]/', $secret)) {
            throw new Refused('secret', 'gancho-secret-bad');
        }
        return $secret;
    }

    /** @return array<string, string> */
    private static function headers(mixed $value): array
    {
        if (!is_array($value) || count($value) > 20) {
            throw new Refused('headers', 'gancho-headers-bad', ['%name%' => '']);
        }
        foreach ($value as $name => $text) {
            $isGood = preg_match("/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/D", (string)$name) && is_string($text) && preg_match('/^[\x20-\x7e]{0,2048}$/D', $text);
            if (!$isGood || ErpSchema::isForbiddenHeader((string)$name)) {
                throw new Refused('headers', 'gancho-headers-bad', ['%name%' => (string)$name]);
            }
        }
        return $value;
    }

    private function row(Webhook $webhook): array
    {
        $sealed = $this->vault->seal(Json::write(['headers' => (object)$webhook->sealed['headers']] + $webhook->sealed), $webhook->id);
        return [
            'id' => $webhook->id, 'sealed' => $sealed, 'name' => $webhook->name, 'events' => implode(' ', $webhook->events),
            'enabled' => $webhook->enabled, 'paused' => $webhook->paused, 'reason' => $webhook->reason, 'updated_at' => $webhook->updatedAt,
        ] + $webhook->health;
    }

    private function read(array $row): Webhook
    {
        $text = $this->vault->unseal($row['sealed'], $row['id']);
        if ($text === null) {
            throw new KeyLost();
        }
        $sealed = json_decode($text, true);
        $number = fn($value) => $value === null ? null : (int)$value;
        $health = array_intersect_key($row, array_flip(self::HEALTH));
        $texts = ['last_error' => $health['last_error'], 'mailed' => $health['mailed']];
        return new Webhook($row['id'], $row['name'], explode(' ', $row['events']), $sealed, (int)$row['enabled'] === 1, (int)$row['paused'] === 1,
            $row['reason'], $texts + array_map($number, $health), (int)$row['created_at'], (int)$row['updated_at']);
    }
}
