<?php
// A receiver that verifies and shows what came:
//   WEBHOOK_SECRET=whsec_… php -S 127.0.0.1:9000 examples/receiver.php
$body = file_get_contents('php://input'); // the raw body, before parsing
$at = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
$signed = ($_SERVER['HTTP_WEBHOOK_ID'] ?? '') . ".$at.$body";
$key = base64_decode(substr(getenv('WEBHOOK_SECRET'), strlen('whsec_')));
$right = 'v1,' . base64_encode(hash_hmac('sha256', $signed, $key, true));
$given = explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? ''); // two while the secret is being changed
$isOurs = count(array_filter($given, fn($one) => hash_equals($right, $one))) > 0;
if (!$isOurs || abs(time() - (int)$at) > 300) { // five minutes: what was copied can't be sent again later
    http_response_code(401);
    exit('wrong signature');
}
$event = json_decode($body);
error_log("{$event->event} {$event->id} verified");
echo 'ok';
