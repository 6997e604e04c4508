<?php
namespace FacturaScripts\Plugins\Gancho\Event;

/**
 * The earliest commit time of each row: after the last batch that did not show it. It is stored between batches.
 */
final class CommitTracker
{
    /** @var array<int, int> by row */
    private array $committedAfter = [];

    /** @var array<int, int> which look showed a row first */
    private array $seenIn = [];

    private int $looks = 0;

    /** The last complete batch. */
    private ?int $lastLook = null;

    public static function read(array $kept): self
    {
        $tracker = new self();
        $tracker->committedAfter = array_map('intval', (array)($kept['committed_after'] ?? []));
        $tracker->seenIn = array_map('intval', (array)($kept['seen_in'] ?? []));
        $tracker->looks = (int)($kept['looks'] ?? 0);
        $tracker->lastLook = isset($kept['last_look']) ? (int)$kept['last_look'] : null;
        return $tracker;
    }

    public function toArray(): array
    {
        return ['committed_after' => $this->committedAfter, 'seen_in' => $this->seenIn, 'looks' => $this->looks, 'last_look' => $this->lastLook];
    }

    /**
     * Records what a batch showed. A partial batch proves nothing about rows that it left out.
     *
     * @param Row[] $rows
     */
    public function note(array $rows, int $now, bool $whole): void
    {
        [$after, $seen] = [[], []];
        foreach ($rows as $row) {
            $settled = $this->lastLook !== null && $row->atMs <= $this->lastLook ? $this->lastLook : $row->atMs;
            $after[$row->id] = $this->committedAfter[$row->id] ?? $settled;
            $seen[$row->id] = $this->seenIn[$row->id] ?? $this->looks;
        }
        [$this->committedAfter, $this->seenIn] = [$after, $seen];
        $this->lastLook = $whole ? $now : null;
        // Rows left out of a partial batch may have been committed together with those it showed.
        $this->looks += $whole ? 1 : 0;
    }

    /** Removes taken rows, which don't appear again. @param int[] $ids */
    public function forget(array $ids): void
    {
        $this->committedAfter = array_diff_key($this->committedAfter, array_flip($ids));
        $this->seenIn = array_diff_key($this->seenIn, array_flip($ids));
    }

    /** Whether two rows first appeared in different batches. */
    public function areApart(Row $one, Row $other): bool
    {
        return ($this->seenIn[$one->id] ?? null) !== ($this->seenIn[$other->id] ?? null);
    }

    /** The earliest commit time of a row, by the database's clock. */
    public function settled(Row $row): int
    {
        return $this->committedAfter[$row->id] ?? $row->atMs;
    }
}
