<?php
namespace FacturaScripts\Plugins\Gancho\Event;

/** Which rows of the outbox are one act of one connection, and which acts have ended (EVENTS rule 1). */
final class ChangeGroups
{
    /** No act takes longer, unless it is one transaction. */
    private const LONGEST_MS = 5000;

    /**
     * @param callable $isHalfMade whether rows leave a document half made, such as one without lines, which may take its time
     * @param callable $subjects what rows are about, as names
     */
    public function __construct(
        private CommitTracker $tracker,
        private int $quietMs,
        private mixed $isHalfMade,
        private mixed $subjects,
    ) {
    }

    /**
     * The acts that may be submitted now, in the order in which they began.
     *
     * @param Row[] $rows in the order of their ids
     * @param bool $more the look was cut short, more rows wait
     * @return array<int, array{rows: Row[], ended: bool}>
     */
    public function ended(array $rows, int $now, bool $more): array
    {
        if (!$more) {
            return $this->tellable($this->groups($rows, $now));
        }
        // A look that was cut short knows nothing beyond its last row: whoever is gone may have left more.
        $horizon = $rows ? min(end($rows)->atMs, $now) : $now;
        $seen = array_map(function (Row $row) {
            $seen = clone $row;
            $seen->gone = false;
            return $seen;
        }, $rows);
        $all = $this->groups($seen, $horizon);
        // An act larger than a look is submitted in parts.
        return $this->tellable($all) ?: $all;
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

    /** Whether a row belongs to the act that its connection has begun: always within one transaction, else until a pause. */
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

    /** Those that ended, unless one that began before touches the same rows and goes on. */
    private function tellable(array $groups): array
    {
        [$held, $free] = [[], []];
        foreach ($groups as $group) {
            $touched = ($this->subjects)($group['rows']);
            if ($group['ended'] && !array_intersect_key($touched, $held)) {
                $free[] = $group;
            } else {
                $held += $touched;
            }
        }
        return $free;
    }
}
