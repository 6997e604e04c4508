<?php
namespace FacturaScripts\Plugins\Gancho\Event;

use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;

/** Reference data of the ERP, needed to interpret changes: document states, users, members of roles. */
final class Known
{
    /** @var array<string, array<string, array>> records by table and key */
    private array $records = [];

    /** Changed reference rows: records by table and key, null for deleted ones. */
    public array $news = [];

    /** @param array<string, array<string, array>> $records normalized */
    public function __construct(array $records)
    {
        $this->records = $records;
    }

    /** Whether records of this table are remembered. */
    public static function isRemembered(string $table): bool
    {
        return in_array($table, ErpSchema::always(), true);
    }

    public function learn(string $table, string $key, ?array $record): void
    {
        if ($record === null) {
            unset($this->records[$table][$key]);
        } else {
            $this->records[$table][$key] = $record;
        }
    }

    /** The user's record as far as known. */
    public function user(string $nick): array
    {
        return $this->records['users'][$nick] ?? ['nick' => $nick];
    }

    /** @return string[] the users known to have this role */
    public function members(string $role): array
    {
        $own = array_filter($this->records['roles_users'] ?? [], fn($row) => ($row['codrole'] ?? null) === $role && is_string($row['nick'] ?? null));
        return array_values(array_column($own, 'nick'));
    }

    /**
     * The meaning of a document state; for a new installation, until its own are loaded.
     *
     * @return array{generates: bool, editable: bool}|null
     */
    public function state(int $id): ?array
    {
        $record = $this->records['estados_documentos'][(string)$id] ?? null;
        if ($record !== null) {
            $makes = $record['generadoc'] ?? null;
            return ['generates' => is_string($makes) && $makes !== '', 'editable' => ($record['editable'] ?? true) !== false];
        }
        $first = ErpSchema::newStates();
        return $id < 1 || $id > $first['last'] ? null
            : ['generates' => in_array($id, $first['generate'], true), 'editable' => in_array($id, $first['editable'], true)];
    }
}
