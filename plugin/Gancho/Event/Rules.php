<?php
namespace FacturaScripts\Plugins\Gancho\Event;

use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;

/** Interprets changes: the events of each, in order (EVENTS, rules 2 to 11). */
final class Rules
{
    /** Users already reported per group: deleting a role deletes its rows, all in one user action. */
    private array $reported = [];

    public function __construct(private Known $known)
    {
    }

    /** @return array<int, array{event: string, data: array, label: ?string}> */
    public function events(Change $change): array
    {
        $kind = ErpSchema::kindOf($change->table);
        return match ($kind) {
            null => $this->other($change),
            'permission' => $this->permissions($change),
            'user' => $this->user($change),
            default => [...$this->record($change, $kind), ...$this->flags($change, $kind), ...$this->more($change, $kind)],
        };
    }

    private function event(string $noun, string $verb, array $object, array $more = []): array
    {
        return ['event' => "$noun.$verb", 'data' => ['object' => (object)$object] + $more, 'label' => Label::of($object)];
    }

    private function own(Change $change, string $verb, array $more = []): array
    {
        return $this->event(ErpSchema::nounOf($change->table) ?? 'model', $verb, $change->after ?? $change->before ?? [], $more);
    }

    private static function previous(Change $change): array
    {
        return ['previous' => (object)self::diff($change)->previous];
    }

    private static function diff(Change $change): Diff
    {
        return Diff::of($change->table, $change->before, $change->after);
    }

    private function record(Change $change, string $kind): array
    {
        return match (true) {
            $change->op === 'I' => [$this->own($change, $kind === 'payment' ? 'recorded' : 'created')],
            $change->op === 'D' => [$this->own($change, 'deleted')],
            !$change->isUpdate() => [$this->own($change, 'updated')],
            default => self::diff($change)->isNews() ? [$this->own($change, 'updated', self::previous($change))] : [],
        };
    }

    /** Paid and due: a flag changed, whatever changed it. A cash invoice is created due, which is not an event. */
    private function flags(Change $change, string $kind): array
    {
        $flags = ErpSchema::flagsOf($kind);
        if ($flags === null) {
            return [];
        }
        [$paid, $due] = $flags;
        if ($change->op === 'I') {
            return ($change->after[$paid] ?? null) === true ? [$this->own($change, 'paid')] : [];
        }
        if (!$change->isUpdate()) {
            return [];
        }
        $turned = fn(string $flag, bool $on) => ($change->before[$flag] ?? null) === !$on && ($change->after[$flag] ?? null) === $on;
        $verbs = [];
        if ($turned($paid, true)) {
            $verbs[] = 'paid';
        }
        if ($turned($paid, false)) {
            $verbs[] = 'unpaid';
        } elseif ($turned($due, true)) {
            $verbs[] = 'overdue';
        }
        return array_map(fn($verb) => $this->own($change, $verb, self::previous($change)), $verbs);
    }

    /** Approved documents and low stock. */
    private function more(Change $change, string $kind): array
    {
        if (!$change->isUpdate()) {
            return [];
        }
        $verb = match ($kind) {
            'document', 'invoice' => $this->isApproved($change, $kind === 'invoice') ? 'approved' : null,
            'stock' => self::isLow($change->after) && !self::isLow($change->before) ? 'low' : null,
            default => null,
        };
        return $verb === null ? [] : [$this->own($change, $verb, self::previous($change))];
    }

    private function isApproved(Change $change, bool $isInvoice): bool
    {
        [$old, $new] = [$change->before['idestado'] ?? null, $change->after['idestado'] ?? null];
        if (!is_int($old) || !is_int($new) || $old === $new) {
            return false;
        }
        $reached = $this->known->state($new);
        return $reached !== null && ($reached['generates'] || ($isInvoice && !$reached['editable']));
    }

    private static function isLow(array $stock): bool
    {
        $number = fn(string $column) => is_int($stock[$column] ?? null) || is_float($stock[$column] ?? null) ? (float)$stock[$column] : null;
        [$there, $least] = [$number('disponible'), $number('stockmin')];
        return $there !== null && $least !== null && $least > 0.0 && $there < $least;
    }

    private function user(Change $change): array
    {
        if (!$change->isUpdate()) {
            return $this->record($change, 'user');
        }
        $diff = self::diff($change);
        $changed = array_diff(array_map('strval', array_keys($change->secrets)), ['logkey']);
        sort($changed, SORT_STRING);
        $events = [];
        if ($diff->isNews() || $changed) {
            $events[] = $this->own($change, 'updated', ($diff->isNews() ? self::previous($change) : []) + ($changed ? ['changed' => $changed] : []));
        }
        [$was, $is] = [$change->before['enabled'] ?? null, $change->after['enabled'] ?? null];
        if (is_bool($was) && is_bool($is) && $was !== $is) {
            $events[] = $this->own($change, $is ? 'enabled' : 'disabled');
        }
        // The database can't distinguish a login from a logout: both replace the session key.
        $session = $change->session ?? (isset($change->secrets['logkey']) ? 'session_changed' : null);
        return $session === null ? $events : [...$events, $this->own($change, $session)];
    }

    /** One event for each user affected. */
    private function permissions(Change $change): array
    {
        $sides = array_values(array_filter([$change->before, $change->after], 'is_array'));
        if (!$sides || (count($sides) === 2 && !Diff::of($change->table, $sides[0], $sides[1], false)->isNews())) {
            return [];
        }
        $texts = fn(string $column) => array_filter(array_map(fn($side) => $side[$column] ?? null, $sides), 'is_string');
        $affected = $change->table === 'roles_users' ? $texts('nick')
            : array_merge([], ...array_map(fn($role) => $this->known->members($role), array_values($texts('codrole'))));
        $affected = array_unique($affected);
        sort($affected, SORT_STRING);
        $events = [];
        foreach ($affected as $nick) {
            if (!isset($this->reported[$change->act][$nick])) {
                $this->reported[$change->act][$nick] = true;
                $events[] = $this->event('user', 'permissions_changed', $this->known->user($nick), ['cause' => (object)end($sides)]);
            }
        }
        return $events;
    }

    /** A selected model outside the catalogue. */
    private function other(Change $change): array
    {
        $model = ['model' => ErpSchema::modelOf($change->table)];
        if (!$change->isUpdate()) {
            return [$this->own($change, $change->op === 'D' ? 'deleted' : 'saved', $model)];
        }
        return self::diff($change)->isNews() ? [$this->own($change, 'saved', self::previous($change) + $model)] : [];
    }
}
