<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** The header fields that describe and sign a delivery, in the server's order. */
final class Signature
{
    /**
     * @param array{secret: string, next?: string} $secrets `next`: during a rotation
     * @return array<string, string>
     */
    public static function headers(array $secrets, string $id, string $event, int $sequence, int $attempt, string $body, int $now): array
    {
        $next = ($secrets['next'] ?? '') === '' ? null : $secrets['next'];
        $headers = [
            'x-webhook-id' => $id,
            'x-webhook-event' => $event,
            'x-webhook-timestamp' => (string)$now,
            'x-webhook-attempt' => (string)$attempt,
            'x-webhook-sequence' => (string)$sequence,
            'x-webhook-signature' => hash_hmac('sha256', $body, $secrets['secret']),
        ];
        if ($next !== null) {
            $headers['x-webhook-signature-next'] = hash_hmac('sha256', $body, $next);
        }
        $headers += ['webhook-id' => $id, 'webhook-timestamp' => (string)$now];
        $both = array_filter([$secrets['secret'], $next], fn($secret) => $secret !== null);
        $standard = array_filter(array_map(fn($secret) => self::standard($secret, "$id.$now.$body"), $both));
        return $headers + ($standard ? ['webhook-signature' => implode(' ', $standard)] : []);
    }

    /** A new secret. */
    public static function secret(): string
    {
        return 'whsec_' . base64_encode(random_bytes(32));
    }

    /** Standard Webhooks 1.0.0; null unless the secret is `whsec_` and base64. */
    private static function standard(string $secret, string $signed): ?string
    {
        $key = str_starts_with($secret, 'whsec_') ? base64_decode(substr($secret, 6), true) : false;
        return $key === false || $key === '' ? null : 'v1,' . base64_encode(hash_hmac('sha256', $signed, $key, true));
    }
}
