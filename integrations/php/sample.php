<?php
// A receiver: WEBHOOK_SECRET=whsec_… IDS=/tmp/ids php -S 127.0.0.1:9000 sample.php
require __DIR__ . '/GanchoReceiver.php';

try {
    $event = (new GanchoReceiver((string)getenv('WEBHOOK_SECRET')))->receive();
} catch (GanchoRefused $refused) {
    http_response_code(401);
    exit($refused->getMessage());
}
$done = (new GanchoIds(getenv('IDS') ?: __DIR__ . '/ids'))->once($event['id'], function () use ($event) {
    // A sample, sent by hand, is nothing to book.
    $what = ($event['test'] ?? false) ? 'a test of' : 'handled';
    error_log("$what {$event['event']} {$event['id']}");
});
http_response_code($done === GanchoIds::BUSY ? 503 : 200);
echo $done;
