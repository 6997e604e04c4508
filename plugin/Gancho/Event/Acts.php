<?php
namespace FacturaScripts\Plugins\Gancho\Event;

use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;

/** Groups the rows of an outbox batch and interprets them: yields the events of complete change groups. */
final class Acts
{
    /** A change group with this many rows is submitted in parts; a smaller one waits until it is complete. */
    private const WHOLE_ROWS = 20000;
    /** Idle time after which a connection's change group is complete. */
    private const QUIET_MS = 300;
    private const TYPE = '/^(?!(endpoint|source)\.)[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/D';

    /**
     * @param string[]|null $models by default those of the catalogue
     * @param int $most maximum rows of a group taken now; a larger one is left, with later changes of the same records
     */
    public function __construct(
        private Shape $shape,
        private CommitTracker $tracker,
        private Known $known,
        private ?array $models,
        private int $most = PHP_INT_MAX,
    ) {
    }

    /**
     * The events of complete change groups, each with the name of its first row and its number in the group, and the
     * processed rows. `waiting`: number of unprocessed rows; `left`: how many of these belong to complete groups.
     *
     * @param array $look as made by `Payload`: `now_ms`, `tables`, `rows`, `documents`, `more`
     * @return array{taken: int[], waiting: int, left: int, events: array<int, array>}
     */
    public function of(array $look): array
    {
        // An empty record may be decoded as an object.
        $plain = fn(array $row) => ['old' => $row['old'] === null ? null : (array)$row['old'], 'new' => $row['new'] === null ? null : (array)$row['new']] + $row;
        $look['rows'] = array_map($plain, $look['rows']);
        $isChange = fn(array $row) => in_array($row['op'], ['I', 'U', 'D'], true);
        $others = array_values(array_filter($look['rows'], fn($row) => !$isChange($row)));
        $rows = array_map([Row::class, 'of'], array_values(array_filter($look['rows'], $isChange)));
        $composer = new Composer(self::tables($look), $this->shape, $look['documents']);
        $this->tracker->note($rows, $look['now_ms'], !$look['more']);
        $groups = new ChangeGroups($this->tracker, self::QUIET_MS, [$composer, 'isHalfMade'], [$composer, 'subjects'], $this->most);
        $ended = $groups->ended($rows, $look['now_ms'], $look['more']);
        $isLargest = count($rows) >= self::WHOLE_ROWS || ($look['largest'] ?? false);
        if ($look['more'] && !$isLargest && array_filter($ended, fn($group) => !$group['ended'])) {
            // A change group larger than this batch: a larger batch follows.
            $ended = [];
        }
        $sessions = self::sessions($others);
        [$changes, $taken] = [[], []];
        foreach ($ended as ['rows' => $act]) {
            if (!$composer->isReadFor($act)) {
                continue;
            }
            foreach ($composer->changes($act) as $change) {
                if ($change->table === 'users') {
                    $change->session = $sessions[$act[0]->mark . "\0" . $change->key] ?? null;
                }
                $changes[] = $change;
            }
            array_push($taken, ...array_map(fn(Row $row) => $row->id, $act));
        }
        $waiting = count($rows) - count($taken);
        $events = $this->understood($changes);
        foreach ($others as $row) {
            if ($row['op'] === 'E' || $waiting === 0) {
                $taken[] = $row['id'];
            }
            array_push($events, ...($row['op'] === 'E' ? self::sent($row) : []));
        }
        return ['taken' => $taken, 'waiting' => $waiting, 'left' => $groups->left, 'events' => $events];
    }

    /** @param Change[] $changes */
    private function understood(array $changes): array
    {
        $watched = $this->models === null ? null : array_map([ErpSchema::class, 'tableOf'], $this->models);
        $isWatched = fn(string $table) => $watched === null ? ErpSchema::kindOf($table) !== null : in_array($table, $watched, true);
        $numbers = [];
        $events = [];
        foreach (Understand::all($changes, $this->known, $isWatched) as $event) {
            $change = $event['change'];
            $number = $numbers[$change->act] = ($numbers[$change->act] ?? 0) + 1;
            $events[] = [
                'name' => "$change->act-$number", 'event' => $event['event'], 'data' => $event['data'], 'label' => $event['label'],
                'object' => ErpSchema::modelOf($change->table) . ':' . $change->key, 'at_ms' => $change->atMs, 'origin' => $event['origin'],
            ];
        }
        return $events;
    }

    /** An event of another plugin. An invalid type is dropped: it can never be sent. */
    private static function sent(array $row): array
    {
        if (!preg_match(self::TYPE, $row['table']) || strlen($row['table']) > 100) {
            return [];
        }
        $data = $row['new'] ?? [];
        $object = $data['object'] ?? null;
        $isObject = is_object($object) || (is_array($object) && !array_is_list($object));
        $data = $isObject ? $data : ['object' => (object)$data];
        return [[
            'name' => "$row[mark]-$row[id]-1", 'event' => $row['table'], 'data' => $data, 'label' => Label::of((array)$data['object']),
            'object' => null, 'at_ms' => $row['at_ms'], 'origin' => Origin::read($row['origin'] ?? null),
        ]];
    }

    /** Changes of users' sessions, by connection and user. */
    private static function sessions(array $notes): array
    {
        $sessions = [];
        foreach ($notes as $row) {
            $session = $row['new']['session'] ?? null;
            if ($row['op'] === 'N' && in_array($session, ['login', 'logout'], true)) {
                $sessions[$row['mark'] . "\0" . ($row['new']['nick'] ?? '')] = $session;
            }
        }
        return $sessions;
    }

    /** @return array<string, array{key: string, columns: array<string, string>}> */
    private static function tables(array $look): array
    {
        return array_map(fn($table) => ['key' => $table['key'], 'columns' => array_column($table['columns'], 1, 0)], (array)$look['tables']);
    }
}
