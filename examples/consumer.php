<?php
// Reads the feed: GANCHO_URL=http://127.0.0.1:8420 GANCHO_TOKEN=gancho_… php consumer.php books
// Make the consumer first: gancho consumer add books --types 'invoice.*'
[$name, $base, $token] = [$argv[1], rtrim(getenv('GANCHO_URL'), '/'), getenv('GANCHO_TOKEN')];

function call(string $method, string $url, ?array $body = null): array
{
    global $token;
    $curl = curl_init($url);
    curl_setopt_array($curl, [
        CURLOPT_CUSTOMREQUEST => $method, CURLOPT_RETURNTRANSFER => true, CURLOPT_FAILONERROR => true, CURLOPT_TIMEOUT => 60,
        CURLOPT_HTTPHEADER => ["Authorization: Bearer $token", 'Content-Type: application/json'],
    ]);
    if ($body !== null) {
        curl_setopt($curl, CURLOPT_POSTFIELDS, json_encode($body));
    }
    $answer = curl_exec($curl);
    if ($answer === false) {
        throw new RuntimeException(curl_error($curl));
    }
    return json_decode($answer, true);
}

while (true) {
    try {
        // Waits up to 30 seconds for news.
        $page = call('GET', "$base/api/v1/consumers/$name/events?wait=30");
        foreach ($page['data'] as $event) {
            echo "handled {$event['event']} {$event['id']}\n"; // your work; a second time, if you end before the next line
            call('POST', "$base/api/v1/consumers/$name/ack", ['sequence' => $event['sequence']]);
        }
    } catch (RuntimeException $error) {
        fwrite(STDERR, $error->getMessage() . ": trying again in five seconds\n");
        sleep(5);
    }
}
