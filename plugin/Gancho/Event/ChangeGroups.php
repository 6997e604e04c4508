<?php
namespace FacturaScripts\Plugins\Gancho\Event;

/** Groups outbox rows by connection into change groups, and determines complete ones (EVENTS rule 1). */
final class ChangeGroups
{
    /** Maximum duration of a group, unless it is one transaction. */
    private const LONGEST_MS = 5000;

    /** Rows of complete groups that the last result did not include. */
    public int $left = 0;

    /**
     * @param callable $isHalfMade whether rows leave a document incomplete, such as one without lines, which may take
     * longer
     * @param callable $subjects the names of the records that rows belong to
     * @param int $most maximum rows of a group submitted now; a larger one is left, with later ones
     */
    public function __construct(
        private CommitTracker $tracker,
        private int $quietMs,
        private mixed $isHalfMade,
        private mixed $subjects,
        private int $most = PHP_INT_MAX,
    ) {
    }

    /**
     * The change groups that may be submitted now, in the order of their beginning.
     *
     * @param Row[] $rows in the order of their ids
     * @param bool $more the batch is partial, more rows wait
     * @return array<int, array{rows: Row[], ended: bool}>
     */
    public function ended(array $rows, int $now, bool $more): array
    {
        if (!$more) {
            return $this->tellable($this->groups($rows, $now));
        }
        // A partial batch proves nothing beyond its last row: a closed connection may have left more rows.
        $horizon = $rows ? min(end($rows)->atMs, $now) : $now;
        $seen = array_map(function (Row $row) {
            $seen = clone $row;
            $seen->gone = false;
            return $seen;
        }, $rows);
        $all = $this->groups($seen, $horizon);
        // A group larger than a batch is submitted in parts.
        return $this->tellable($all) ?: ($this->most === PHP_INT_MAX ? $all : []);
    }

    private function groups(array $rows, int $now): array
    {
        $byMark = [];
        foreach ($rows as $place => $row) {
            $byMark[$row->mark][$place] = $row;
        }
        $done = [];
        foreach ($byMark as $own) {
            $open = [];
            foreach ($own as $place => $row) {
                if ($open && !$this->goesOn($open, $row)) {
                    $done[array_key_first($open)] = ['rows' => array_values($open), 'ended' => true];
                    $open = [];
                }
                $open[$place] = $row;
            }
            $done[array_key_first($open)] = ['rows' => array_values($open), 'ended' => $this->hasEnded(array_values($open), $now)];
        }
        ksort($done);
        return array_values($done);
    }

    /** @param Row[] $open */
    private function hasEnded(array $open, int $now): bool
    {
        [$first, $last] = [$open[0], end($open)];
        $isQuiet = $now - $this->tracker->settled($last) > $this->quietMs;
        $isLong = $now - $first->atMs > self::LONGEST_MS;
        return $last->gone || (!$last->busy && ($isLong || ($isQuiet && !($this->isHalfMade)($open))));
    }

    /** Whether a row belongs to its connection's current group: within one transaction, else until a pause. */
    private function goesOn(array $open, Row $row): bool
    {
        [$first, $last] = [reset($open), end($open)];
        if ($last->sharesTransaction($row) === true && !$this->tracker->areApart($last, $row)) {
            return true;
        }
        $isQuiet = $row->atMs - $this->tracker->settled($last) > $this->quietMs;
        $isLong = $row->atMs - $first->atMs > self::LONGEST_MS;
        return !$isLong && (!$isQuiet || ($this->isHalfMade)(array_values($open)));
    }

    /** Complete groups, unless an earlier group touches the same records and is incomplete or left. */
    private function tellable(array $groups): array
    {
        [$held, $free, $this->left] = [[], [], 0];
        foreach ($groups as $group) {
            $touched = ($this->subjects)($group['rows']);
            $isSmall = count($group['rows']) <= $this->most;
            if ($group['ended'] && $isSmall && !array_intersect_key($touched, $held)) {
                $free[] = $group;
            } else {
                $held += $touched;
                $this->left += $group['ended'] ? count($group['rows']) : 0;
            }
        }
        return $free;
    }
}
