<?php
// A receiver that verifies and shows what came:
//   WEBHOOK_SECRET=whsec_… php -S 127.0.0.1:9000 examples/receiver.php
$body = file_get_contents('php://input'); // the raw body, before parsing
$right = hash_hmac('sha256', $body, getenv('WEBHOOK_SECRET'));
if (!hash_equals($right, $_SERVER['HTTP_X_WEBHOOK_SIGNATURE'] ?? '')) {
    http_response_code(401);
    exit('wrong signature');
}
$event = json_decode($body);
error_log("{$event->event} {$event->id} verified");
echo 'ok';
