<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Core\Base\DataBase as ErpDatabase;
use FacturaScripts\Plugins\Gancho\Server\{Answer, Client, Settings};

/**
 * Moves webhooks to a Gancho server, or imports them from a file. The plugin still sends the events that it made; later
 * changes are the server's: nothing is sent twice or lost. It can be repeated.
 */
final class Move
{
    public function __construct(private Alone $alone)
    {
    }

    /**
     * Moves webhooks to the server in the settings. Each webhook is recorded as soon as it exists there, so that a
     * repetition after an interruption creates none twice.
     *
     * @return Answer|null the refusal; null if everything is done
     */
    public function toServer(ErpDatabase $erp): ?Answer
    {
        $settings = $this->alone->settings;
        $reached = Client::source($settings)->call('GET', 'sources');
        if (in_array($reached->status, [0, 401, 404], true)) {
            return $reached;
        }
        foreach ($this->alone->webhooks->all() as $webhook) {
            if ($this->alone->tables->get("moved:$webhook->id") !== null) {
                continue;
            }
            $answer = Client::admin($settings)->call('POST', 'endpoints', self::fields($webhook));
            // The id exists already: it was created before, and recording it was interrupted.
            if ($answer->status !== 201 && $answer->status !== 409) {
                return $answer;
            }
            $this->alone->tables->put("moved:$webhook->id", '1');
        }
        $settings->save($erp, ['way' => 'push']);
        return null;
    }

    /** In the format of the server's API. */
    private static function fields(Webhook $webhook): array
    {
        $secrets = $webhook->secrets(time());
        return ['id' => $webhook->id, 'url' => $webhook->url(), 'events' => $webhook->events, 'secret' => $secrets['next'] ?: $secrets['secret'], 'enabled' => $webhook->enabled,
            'paused' => $webhook->paused, 'headers' => (object)$webhook->sealed['headers']] + ($webhook->name === '' ? [] : ['name' => $webhook->name]);
    }

    /** All webhooks with their secrets, for a backup or an import elsewhere. */
    public function export(): string
    {
        $webhooks = array_map([self::class, 'fields'], array_values($this->alone->webhooks->all()));
        return (string)json_encode(['webhooks' => $webhooks], JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
    }

    /**
     * Adds the missing webhooks of an exported file, all of them or none.
     *
     * @return int how many
     * @throws Refused with the error
     */
    public function import(string $json, string $who): int
    {
        $read = json_decode($json, true);
        $list = is_array($read) ? $read['webhooks'] ?? $read['data'] ?? null : null;
        if (!is_array($list)) {
            throw new Refused('file', 'gancho-import-bad');
        }
        $known = ['id' => 1, 'url' => 1, 'events' => 1, 'name' => 1, 'secret' => 1, 'headers' => 1, 'enabled' => 1, 'paused' => 1];
        $there = $this->alone->webhooks->all();
        $new = array_filter($list, fn($one) => is_array($one) && !isset($there[$one['id'] ?? '']));
        foreach ($new as $one) {
            if (isset($one['id']) && !preg_match('/^ep_[0-9a-z]{26}$/D', (string)$one['id'])) {
                throw new Refused('id', 'gancho-import-bad');
            }
        }
        $this->alone->db->transaction(function () use ($new, $known, $who) {
            foreach ($new as $one) {
                $this->alone->webhooks->insert(array_filter(array_intersect_key($one, $known), fn($value) => $value !== null), $who);
            }
        });
        return count($new);
    }
}
