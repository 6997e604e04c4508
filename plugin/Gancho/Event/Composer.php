<?php
namespace FacturaScripts\Plugins\Gancho\Event;

use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;

/**
 * Composes the rows of a change group into changes of records: documents include their lines, and a changed line is an
 * update of its document (EVENTS rule 9).
 */
final class Composer
{
    /** @var array<string, array> documents as they are now, by table and key: `record`, `lines` */
    private array $read = [];

    /**
     * @param array<string, array{key: string, columns: array<string, string>}> $tables the captured ones
     * @param array<int, array{table: string, key: string, record: ?array, lines: array}> $documents
     */
    public function __construct(private array $tables, private Shape $shape, array $documents)
    {
        foreach ($documents as $document) {
            $this->read[$document['table'] . "\0" . $document['key']] = $document;
        }
    }

    /** The record that a row belongs to, for lines their document; null if unknown. */
    public function subject(Row $row): ?array
    {
        if (!isset($this->tables[$row->table])) {
            return null;
        }
        [$table, $column] = $this->documentOf($row->table) ?? [$row->table, $this->tables[$row->table]['key']];
        $record = $row->record();
        return array_key_exists($column, $record) ? [$table, self::keyText($record[$column])] : null;
    }

    /**
     * All records that rows touch, to keep the order of groups per record.
     *
     * @param Row[] $rows
     * @return array<string, true>
     */
    public function subjects(array $rows): array
    {
        $touched = [];
        foreach ($rows as $row) {
            $subject = $this->subject($row);
            if ($subject !== null) {
                $touched[implode("\0", $subject)] = true;
            }
        }
        return $touched;
    }

    /** Whether rows leave a new document incomplete: without lines or with total 0. */
    public function isHalfMade(array $rows): bool
    {
        foreach ($this->touched($rows) as $document => ['own' => $own, 'lines' => $lines]) {
            if (!array_filter($own, fn(Row $row) => $row->op === 'I')) {
                continue;
            }
            $last = end($own);
            $total = $last->after['total'] ?? null;
            $isEmpty = is_numeric($total) && (float)$total === 0.0;
            $hasLines = (bool)array_filter($lines, fn(Row $row) => $row->after !== null);
            if ($last->op !== 'D' && (!$hasLines || $isEmpty)) {
                return true;
            }
        }
        return false;
    }

    /** Whether all documents that a group needs were read. */
    public function isReadFor(array $rows): bool
    {
        foreach ($this->touched($rows) as $document => ['own' => $own]) {
            $isGone = $own && end($own)->op === 'D';
            if (!$isGone && !isset($this->read[$document])) {
                return false;
            }
        }
        return true;
    }

    /**
     * The changes of a change group, in order.
     *
     * @param Row[] $rows
     * @return Change[]
     */
    public function changes(array $rows): array
    {
        $act = $rows[0]->name();
        $touched = $this->touched($rows);
        $changes = [];
        foreach ($rows as $row) {
            $subject = $this->subject($row);
            if ($subject === null) {
                continue;
            }
            $document = $touched[implode("\0", $subject)] ?? null;
            if ($document === null) {
                $changes[] = $this->change($act, $row, $subject[1]);
            } elseif ($this->documentOf($row->table) === null) {
                $change = $this->change($act, $row, $subject[1]);
                $this->addLines($change, $row, $subject, $document);
                $change->origins = [self::origin($document)];
                $changes[] = $change;
            } elseif (!$document['own'] && end($document['lines']) === $row) {
                // Lines belong to their document: placed at its last row, or instead of it.
                $change = $this->linesOnly($act, $row, $subject, $document);
                array_push($changes, ...($change === null ? [] : [$change]));
            }
        }
        return $changes;
    }

    public static function keyText(mixed $key): string
    {
        return is_string($key) ? $key : Json::write($key);
    }

    public function shaped(string $table, array $record): array
    {
        return $this->shape->record($table, $record, $this->tables[$table]['columns']);
    }

    /** The normalized current record, a document with its lines; null if it does not exist. */
    public function whole(string $table, string $key): ?array
    {
        $read = $this->read["$table\0$key"] ?? null;
        if (($read['record'] ?? null) === null) {
            return null;
        }
        $lines = $this->linesOf($table);
        return ($lines === null ? [] : ['lines' => $this->list($lines, $read['lines'])]) + $this->shaped($table, $read['record']);
    }

    private function documentOf(string $table): ?array
    {
        $document = ErpSchema::documentOf($table);
        return $document !== null && isset($this->tables[$document[0]]) ? $document : null;
    }

    /** The table of a document's lines, if it is captured. */
    private function linesOf(string $document): ?string
    {
        $lines = ErpSchema::lines()[$document][0] ?? null;
        return $lines !== null && isset($this->tables[$lines]) ? $lines : null;
    }

    /** @return array<string, array{own: Row[], lines: Row[]}> by document */
    private function touched(array $rows): array
    {
        $touched = [];
        foreach ($rows as $row) {
            $subject = $this->subject($row);
            $isLine = $this->documentOf($row->table) !== null;
            if ($subject !== null && ($isLine || $this->linesOf($row->table) !== null)) {
                $touched[implode("\0", $subject)] ??= ['own' => [], 'lines' => []];
                $touched[implode("\0", $subject)][$isLine ? 'lines' : 'own'][] = $row;
            }
        }
        return $touched;
    }

    /** Who made the change, if the same for all rows. */
    private static function origin(array $document): ?array
    {
        return Origin::shared(array_map(fn(Row $row) => $row->origin, [...$document['own'], ...$document['lines']]));
    }

    private function change(string $act, Row $row, string $key): Change
    {
        $side = fn(?array $record) => $record === null ? null : $this->shaped($row->table, $record);
        $secrets = $row->op === 'U' ? array_fill_keys(array_filter($row->secrets, [ErpSchema::class, 'isSecret']), true) : [];
        return new Change($act, $row->table, $key, $row->op, $side($row->before), $side($row->after), $row->atMs, $secrets, [$row->origin]);
    }

    /** Adds lines to both sides of a document's own change: old lines to its first row, new lines to its last. */
    private function addLines(Change $change, Row $row, array $subject, array $document): void
    {
        [$isFirst, $isLast] = [reset($document['own']) === $row, end($document['own']) === $row];
        $isGone = end($document['own'])->op === 'D';
        [$old, $new] = $this->lines($subject, $document);
        if ($change->after !== null && $isLast) {
            $change->after['lines'] = $new;
            $now = $this->read[implode("\0", $subject)]['record'] ?? null;
            if ($now !== null) {
                $change->after = self::withDerived($subject[0], $change->after, $this->shaped($subject[0], $now));
            }
        }
        if ($change->before !== null && ($isGone ? $isLast : $isFirst && $document['lines'])) {
            $change->before['lines'] = $old;
            $change->oldest = $change->before;
        }
    }

    /** A document of which only lines changed. */
    private function linesOnly(string $act, Row $row, array $subject, array $document): ?Change
    {
        $now = $this->read[implode("\0", $subject)]['record'] ?? null;
        if ($now === null) {
            return null;
        }
        [$old, $new] = $this->lines($subject, $document);
        $record = $this->shaped($subject[0], $now);
        return new Change($act, $subject[0], $subject[1], 'U', ['lines' => $old] + $record, ['lines' => $new] + $record,
            $row->atMs, [], [self::origin($document)]);
    }

    /** A document's lines before and after a change group. */
    private function lines(array $subject, array $document): array
    {
        $table = $this->linesOf($subject[0]);
        if ($table === null) {
            return [null, null];
        }
        $key = $this->tables[$table]['key'];
        [$first, $last] = [[], []];
        foreach ($document['lines'] as $row) {
            $name = $row->before[$key] ?? $row->after[$key] ?? null;
            if ($name === null) {
                continue;
            }
            $name = self::keyText($name);
            if (!array_key_exists($name, $first)) {
                $first[$name] = $row->before;
            }
            $last[$name] = $row->after;
        }
        $isMade = (bool)array_filter($document['own'], fn(Row $row) => $row->op === 'I');
        $isGone = $document['own'] && end($document['own'])->op === 'D';
        $read = $this->read[implode("\0", $subject)]['lines'] ?? null;
        $read = $read === null ? null : array_column($read, null, $key);
        // Created or deleted in the group, which then contains all of its lines.
        $now = $read !== null && !$isMade && !$isGone ? $read : array_filter($last, 'is_array');
        $before = array_filter($first + $now, 'is_array');
        $derived = fn(array $line, $name) => isset($read[$name]) ? self::withDerived($table, $line, $read[$name]) : $line;
        $now = array_map($derived, $now, array_keys($now));
        return [$this->list($table, $before), $this->list($table, $now)];
    }

    private function list(string $table, array $lines): array
    {
        $key = fn(array $line) => self::keyText($line[$this->tables[$table]['key']] ?? '');
        usort($lines, fn($one, $other) => strcmp($key($one), $key($other)));
        return Shape::sortLines(array_map(fn($line) => $this->shaped($table, $line), $lines));
    }

    /** Triggers don't write ignored columns, which the ERP derives: they are copied from the current record. */
    private static function withDerived(string $table, array $record, array $now): array
    {
        foreach ($now as $column => $value) {
            if (ErpSchema::isIgnored($table, (string)$column)) {
                $record[$column] = $value;
            }
        }
        return $record;
    }
}
