<?php
namespace FacturaScripts\Core\Template;

use Closure;
use FacturaScripts\Core\Base\DataBase;

/**
 * Stand-in for the base class of the ERP's models: pipes in order around the SQL, updates that set every column,
 * auto-increment keys.
 */
abstract class StandInModel
{
    private static array $pipes = [];
    private array $values = [];
    private array $original = [];

    public function __construct(array $values = [])
    {
        $this->values = $values;
        if (!$values) {
            $this->pipe('clear');
        }
    }

    abstract public static function tableName(): string;

    public static function addExtension(object $extension, int $priority = 100): void
    {
        foreach ((new \ReflectionClass($extension))->getMethods() as $method) {
            $closure = $method->invoke($extension);
            if (!$closure instanceof Closure) {
                throw new \BadMethodCallException("{$method->name} must return a Closure");
            }
            self::$pipes[static::class][$method->name][] = $closure;
        }
    }

    public function __get(string $name)
    {
        return $this->values[$name] ?? null;
    }

    public function __set(string $name, $value): void
    {
        $this->values[$name] = $value;
    }

    public function modelClassName(): string
    {
        return substr(static::class, strrpos(static::class, '\\') + 1);
    }

    public function isDirty(string $name): bool
    {
        return ($this->values[$name] ?? null) !== ($this->original[$name] ?? null);
    }

    public function load($key): bool
    {
        $row = (new DataBase())->select("SELECT * FROM {$this->tableName()} WHERE {$this->primaryColumn()} = '$key'")[0] ?? [];
        [$this->values, $this->original] = [$row, $row];
        return (bool)$row;
    }

    public function save(): bool
    {
        if ($this->pipe('saveBefore') === false) {
            return false;
        }
        $done = $this->original ? $this->update() : $this->insert();
        $this->original = $this->values;
        return $done && $this->pipe('save') !== false;
    }

    private function insert(): bool
    {
        $db = new DataBase();
        $this->pipe('saveInsertBefore');
        $values = array_map([$db, 'var2str'], $this->values);
        if (!$db->exec("INSERT INTO {$this->tableName()} (" . implode(', ', array_keys($values)) . ') VALUES (' . implode(', ', $values) . ')')) {
            return false;
        }
        $this->values[$this->primaryColumn()] ??= $db->lastval();
        $this->changed();
        return $this->pipe('saveInsert') !== false;
    }

    private function update(): bool
    {
        $db = new DataBase();
        $this->pipe('saveUpdateBefore');
        $set = implode(', ', array_map(fn($name, $value) => "$name = " . $db->var2str($value), array_keys($this->values), $this->values));
        if (!$db->exec("UPDATE {$this->tableName()} SET $set WHERE {$this->primaryColumn()} = " . $db->var2str($this->{$this->primaryColumn()}))) {
            return false;
        }
        $this->changed();
        return $this->pipe('saveUpdate') !== false;
    }

    public function delete(): bool
    {
        $db = new DataBase();
        $this->pipe('deleteBefore');
        $done = $db->exec("DELETE FROM {$this->tableName()} WHERE {$this->primaryColumn()} = " . $db->var2str($this->{$this->primaryColumn()}));
        return $done && $this->pipe('delete') !== false;
    }

    /** The ERP's work after the SQL and before the last pipes. */
    protected function changed(): void
    {
    }

    private function pipe(string $name)
    {
        foreach (self::$pipes[static::class][$name] ?? [] as $closure) {
            $said = $closure->bindTo($this, static::class)();
            if ($said !== null) {
                return $said;
            }
        }
        return null;
    }
}

namespace FacturaScripts\Dinamic\Model;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Core\Template\StandInModel;

class Cliente extends StandInModel
{
    public static function tableName(): string
    {
        return 'clientes';
    }

    public static function primaryColumn(): string
    {
        return 'codcliente';
    }
}

/** Not in the catalogue. */
class GrupoClientes extends StandInModel
{
    public static function tableName(): string
    {
        return 'gruposclientes';
    }

    public static function primaryColumn(): string
    {
        return 'codgrupo';
    }
}

class Producto extends StandInModel
{
    public static function tableName(): string
    {
        return 'productos';
    }

    public static function primaryColumn(): string
    {
        return 'idproducto';
    }
}

class FacturaCliente extends StandInModel
{
    public static function tableName(): string
    {
        return 'facturascli';
    }

    public static function primaryColumn(): string
    {
        return 'idfactura';
    }
}

class LineaFacturaCliente extends StandInModel
{
    public static function tableName(): string
    {
        return 'lineasfacturascli';
    }

    public static function primaryColumn(): string
    {
        return 'idlinea';
    }
}

class ReciboCliente extends StandInModel
{
    public static function tableName(): string
    {
        return 'recibospagoscli';
    }

    public static function primaryColumn(): string
    {
        return 'idrecibo';
    }

    /** The invoice's flags are written by plain SQL. */
    protected function changed(): void
    {
        $paid = in_array($this->pagado, [true, 't', '1', 1], true) ? 'TRUE' : 'FALSE';
        (new DataBase())->exec("UPDATE facturascli SET pagada = $paid WHERE idfactura = {$this->idfactura}");
    }
}

class ApiKey extends StandInModel
{
    public static function tableName(): string
    {
        return 'api_keys';
    }

    public static function primaryColumn(): string
    {
        return 'id';
    }
}

class User extends StandInModel
{
    public static function tableName(): string
    {
        return 'users';
    }

    public static function primaryColumn(): string
    {
        return 'nick';
    }
}
