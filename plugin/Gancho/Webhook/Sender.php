<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Plugins\Gancho\Server\Settings;

/** Makes concurrent attempts, each to one checked address. */
final class Sender
{
    private const CONNECT_MS = 5000;
    private const TOTAL_MS = 10000;
    private const BODY_MAX = 16384;

    public function __construct(private Guard $guard)
    {
    }

    /**
     * @param array<int, array{webhook: Webhook, type: string, event_id: string, sequence: int, attempt: int, body: string}> $requests
     * @param callable $done called with the index and the attempt of each as soon as it has ended
     */
    public function send(array $requests, callable $done): void
    {
        $multi = curl_multi_init();
        $running = [];
        foreach ($requests as $place => $request) {
            try {
                $call = $this->begin($request);
                curl_multi_add_handle($multi, $call->curl);
                $running[spl_object_id($call->curl)] = [$place, $call];
            } catch (AttemptError | Refused $error) {
                $kind = $error instanceof AttemptError ? $error->kind : 'protocol';
                $done($place, new Attempt((int)(microtime(true) * 1000), 0, null, $kind, $error->getMessage()));
            }
        }
        while ($running) {
            curl_multi_exec($multi, $active);
            while ($ended = curl_multi_info_read($multi)) {
                [$place, $call] = $running[spl_object_id($ended['handle'])];
                unset($running[spl_object_id($ended['handle'])]);
                $attempt = $call->attempt($ended['result']);
                curl_multi_remove_handle($multi, $ended['handle']);
                $done($place, $attempt);
            }
            if ($running && curl_multi_select($multi, 1.0) === -1) {
                usleep(5000);
            }
        }
        curl_multi_close($multi);
    }

    private function begin(array $request): Call
    {
        $webhook = $request['webhook'];
        $target = Target::parse($webhook->url());
        $address = $this->guard->address($target);
        $headers = Signature::headers($webhook->secrets(time()), $request['event_id'], $request['type'], $request['sequence'], $request['attempt'], $request['body'], time());
        $headers += ['content-type' => 'application/json', 'user-agent' => 'Gancho/' . Settings::VERSION, 'accept' => '*/*'];
        $own = array_change_key_case($webhook->sealed['headers'], CASE_LOWER);
        // An empty `Expect:` keeps curl from waiting for 100 Continue.
        $fields = [...array_map(fn($name, $value) => $value === '' ? "$name;" : "$name: $value", array_keys($headers + $own), $headers + $own), 'Expect:'];
        $call = new Call($address, ['host' => $target->authority()] + $headers + array_map(fn() => '***', $own), self::BODY_MAX);
        $isV6 = str_contains($address, ':');
        curl_setopt_array($call->curl, [
            CURLOPT_URL => $target->url(),
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $request['body'],
            CURLOPT_HTTPHEADER => $fields,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_PROXY => '',
            CURLOPT_NOPROXY => '*',
            CURLOPT_NOSIGNAL => true,
            CURLOPT_PATH_AS_IS => true,
            CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
            CURLOPT_SSL_VERIFYPEER => true,
            CURLOPT_SSL_VERIFYHOST => 2,
            CURLOPT_CONNECTTIMEOUT_MS => self::CONNECT_MS,
            CURLOPT_TIMEOUT_MS => self::TOTAL_MS,
        ]);
        if ($target->literal() === null) {
            curl_setopt($call->curl, CURLOPT_RESOLVE, ["$target->host:$target->port:" . ($isV6 ? "[$address]" : $address)]);
        }
        return $call;
    }
}
