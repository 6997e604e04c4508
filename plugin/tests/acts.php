<?php
/**
 * The plugin's events for outbox batches: reads a JSON line per sequence from standard input; prints the events of its
 * batches as JSON.
 */

use FacturaScripts\Plugins\Gancho\Event\{Acts, CommitTracker, Json, Known, Shape};

error_reporting(E_ALL);
set_error_handler(function (int $level, string $text, string $file, int $line) {
    fwrite(STDERR, "$text in $file:$line\n");
    exit(3);
});
spl_autoload_register(function (string $class) {
    $ours = 'FacturaScripts\\Plugins\\Gancho\\';
    require __DIR__ . '/../Gancho/' . str_replace('\\', '/', substr($class, strlen($ours))) . '.php';
});

/** A record whose nested objects stay objects. */
$record = fn($object) => $object === null ? null : (array)$object;
$row = function ($row) use ($record) {
    $row = (array)$row;
    [$row['old'], $row['new']] = [$record($row['old']), $record($row['new'])];
    return $row;
};
$document = function ($document) use ($record) {
    $document = (array)$document;
    [$document['record'], $document['lines']] = [$record($document['record']), array_map($record, $document['lines'])];
    return $document;
};
$event = fn($event) => [$event['event'], Json::write($event['data']), $event['label'], $event['object'], $event['at_ms'],
    $event['origin'] === null ? null : Json::write($event['origin'])];

while (($line = fgets(STDIN)) !== false) {
    $sequence = json_decode($line);
    $tables = json_decode($line, true)['tables'];
    [$tracker, $known, $made] = [new CommitTracker(), new Known([]), []];
    foreach ($sequence->looks as $look) {
        // As stored between requests.
        $tracker = CommitTracker::read(json_decode((string)json_encode($tracker->toArray()), true));
        $acts = new Acts(new Shape('Europe/Madrid'), $tracker, $known, $sequence->models);
        $look = ['now_ms' => $look->now_ms, 'tables' => $tables, 'rows' => array_map($row, $look->rows),
            'documents' => array_map($document, $look->documents), 'more' => $look->more, 'largest' => $look->largest];
        $of = $acts->of($look);
        $made[] = ['taken' => $of['taken'], 'waiting' => $of['waiting'], 'events' => array_map($event, $of['events'])];
    }
    echo json_encode($made, JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR), "\n";
}
