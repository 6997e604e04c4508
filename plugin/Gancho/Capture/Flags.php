<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use FacturaScripts\Core\Base\DataBase;

/**
 * The ERP sets invoices' paid and overdue flags by plain SQL, bypassing models: without triggers, they are compared
 * with their last known values.
 */
final class Flags
{
    private const TABLE = 'ganchoplugin_flags';
    private const INVOICES = ['facturascli', 'facturasprov'];

    public function __construct(private DataBase $db)
    {
    }

    /** Stores the current flags. Must not be called within a transaction. */
    public function learn(): void
    {
        if (!$this->db->tableExists(self::TABLE)) {
            $this->db->exec('CREATE TABLE ' . self::TABLE . ' (source varchar(64) NOT NULL, id int NOT NULL, '
                . 'pagada smallint NOT NULL, vencida smallint NOT NULL, PRIMARY KEY (source, id))');
        }
        foreach (self::INVOICES as $table) {
            $this->db->exec('INSERT INTO ' . self::TABLE . " (source, id, pagada, vencida) SELECT '$table', f.idfactura, "
                . $this->flag('pagada') . ', ' . $this->flag('vencida') . " FROM $table f LEFT JOIN " . self::TABLE
                . " g ON g.source = '$table' AND g.id = f.idfactura WHERE g.id IS NULL");
        }
    }

    /** Reports flags that changed since; of one invoice, or of all. */
    public function compare(string $table, ?int $id = null): void
    {
        $which = $id === null ? '' : " AND f.idfactura = $id";
        $turned = $this->db->select("SELECT f.*, g.pagada AS ganchoplugin_paid, g.vencida AS ganchoplugin_due FROM $table f JOIN "
            . self::TABLE . " g ON g.source = '$table' AND g.id = f.idfactura WHERE (" . $this->flag('pagada') . ' <> g.pagada OR '
            . $this->flag('vencida') . " <> g.vencida)$which");
        foreach ($turned as $row) {
            $old = ['pagada' => (string)$row['ganchoplugin_paid'], 'vencida' => (string)$row['ganchoplugin_due']];
            unset($row['ganchoplugin_paid'], $row['ganchoplugin_due']);
            foreach ($old as $flag => $value) {
                $old[$flag] = $this->db->type() === 'postgresql' ? ($value === '1' ? 't' : 'f') : $value;
            }
            Models::change($this->db, $table, $old + $row, $row);
            $this->note($table, (int)$row['idfactura']);
        }
    }

    public function compareAll(): void
    {
        $this->learn();
        foreach (self::INVOICES as $table) {
            $this->compare($table);
        }
    }

    /** Stores an invoice's current flags. */
    public function note(string $table, ?int $id): void
    {
        if ($id === null) {
            return;
        }
        $this->db->exec('DELETE FROM ' . self::TABLE . " WHERE source = '$table' AND id = $id");
        $this->db->exec('INSERT INTO ' . self::TABLE . " (source, id, pagada, vencida) SELECT '$table', f.idfactura, "
            . $this->flag('pagada') . ', ' . $this->flag('vencida') . " FROM $table f WHERE f.idfactura = $id");
    }

    private function flag(string $column): string
    {
        return "CASE WHEN f.$column THEN 1 ELSE 0 END";
    }
}
