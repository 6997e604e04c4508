<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

/**
 * What is known of the ERP's tables: which are heard, which columns are derived and which are secret.
 */
final class ErpSchema
{
    /** Models heard by default, each with its table. */
    public const MODELS = [
        'FacturaCliente' => 'facturascli', 'FacturaProveedor' => 'facturasprov',
        'AlbaranCliente' => 'albaranescli', 'AlbaranProveedor' => 'albaranesprov',
        'PedidoCliente' => 'pedidoscli', 'PedidoProveedor' => 'pedidosprov',
        'PresupuestoCliente' => 'presupuestoscli', 'PresupuestoProveedor' => 'presupuestosprov',
        'ReciboCliente' => 'recibospagoscli', 'ReciboProveedor' => 'recibospagosprov',
        'PagoCliente' => 'pagoscli', 'PagoProveedor' => 'pagosprov',
        'Cliente' => 'clientes', 'Proveedor' => 'proveedores', 'Contacto' => 'contactos',
        'Producto' => 'productos', 'Variante' => 'variantes', 'Stock' => 'stocks',
        'User' => 'users', 'Role' => 'roles', 'RoleUser' => 'roles_users', 'RoleAccess' => 'roles_access',
    ];

    /** Without these nothing else can be understood: always heard. */
    public const ALWAYS = ['EstadoDocumento' => 'estados_documentos', 'User' => 'users', 'RoleUser' => 'roles_users'];

    /** Tables of documents, each with the table of their lines, its model, and the column that names the document. */
    public const LINES = [
        'facturascli' => ['lineasfacturascli', 'LineaFacturaCliente', 'idfactura'],
        'facturasprov' => ['lineasfacturasprov', 'LineaFacturaProveedor', 'idfactura'],
        'albaranescli' => ['lineasalbaranescli', 'LineaAlbaranCliente', 'idalbaran'],
        'albaranesprov' => ['lineasalbaranesprov', 'LineaAlbaranProveedor', 'idalbaran'],
        'pedidoscli' => ['lineaspedidoscli', 'LineaPedidoCliente', 'idpedido'],
        'pedidosprov' => ['lineaspedidosprov', 'LineaPedidoProveedor', 'idpedido'],
        'presupuestoscli' => ['lineaspresupuestoscli', 'LineaPresupuestoCliente', 'idpresupuesto'],
        'presupuestosprov' => ['lineaspresupuestosprov', 'LineaPresupuestoProveedor', 'idpresupuesto'],
    ];

    /** By which column a row is known: the primary key may hold another beside it, such as that of a partition. */
    public const KEYS = [
        'facturascli' => 'idfactura', 'facturasprov' => 'idfactura', 'albaranescli' => 'idalbaran',
        'albaranesprov' => 'idalbaran', 'pedidoscli' => 'idpedido', 'pedidosprov' => 'idpedido',
        'presupuestoscli' => 'idpresupuesto', 'presupuestosprov' => 'idpresupuesto', 'recibospagoscli' => 'idrecibo',
        'recibospagosprov' => 'idrecibo', 'pagoscli' => 'idpago', 'pagosprov' => 'idpago', 'clientes' => 'codcliente',
        'proveedores' => 'codproveedor', 'contactos' => 'idcontacto', 'productos' => 'idproducto',
        'variantes' => 'idvariante', 'stocks' => 'idstock', 'users' => 'nick', 'roles' => 'codrole',
        'roles_users' => 'id', 'roles_access' => 'id', 'estados_documentos' => 'idestado',
        'lineasfacturascli' => 'idlinea', 'lineasfacturasprov' => 'idlinea', 'lineasalbaranescli' => 'idlinea',
        'lineasalbaranesprov' => 'idlinea', 'lineaspedidoscli' => 'idlinea', 'lineaspedidosprov' => 'idlinea',
        'lineaspresupuestoscli' => 'idlinea', 'lineaspresupuestosprov' => 'idlinea',
    ];

    /** Columns whose change alone is no news. */
    private const NOISE = [
        'clientes' => ['riesgoalcanzado', 'codsubcuenta'],
        'proveedores' => ['codsubcuenta'],
        'productos' => ['stockfis', 'actualizado'],
        'variantes' => ['stockfis'],
        'users' => ['lastactivity', 'lastip', 'lastbrowser', 'logkey'],
    ];
    private const NOISE_OF_DOCUMENTS = ['numdocs', 'idasiento'];
    private const NOISE_OF_LINES = ['servido', 'actualizastock'];

    /** Tables of which nothing is ever told. */
    private const SECRET_TABLES = ['settings', 'work_events'];
    private const SECRETS = ['apikey', 'api_key', 'logkey', 'passwd', 'password', 'private_key', 'two_factor_secret_key'];

    public static function isNoise(string $table, string $column): bool
    {
        if (isset(self::LINES[$table])) {
            return in_array($column, self::NOISE_OF_DOCUMENTS, true);
        }
        if (self::documentOf($table) !== null) {
            return in_array($column, self::NOISE_OF_LINES, true);
        }
        return in_array($column, self::NOISE[$table] ?? [], true);
    }

    public static function isSecretTable(string $table): bool
    {
        return in_array($table, self::SECRET_TABLES, true);
    }

    public static function isSecret(string $column): bool
    {
        $column = strtolower($column);
        return in_array($column, self::SECRETS, true) || preg_match('/(_secret|_password|_token)$/', $column) === 1;
    }

    /** A record without its secrets. */
    public static function shown(array $record): array
    {
        return array_filter($record, fn($column) => !self::isSecret($column), ARRAY_FILTER_USE_KEY);
    }

    /** The table of a model, or the name itself if it is a table's. */
    public static function tableOf(string $model): string
    {
        $known = self::MODELS + self::ALWAYS;
        return $known[$model] ?? $model;
    }

    /**
     * The document that a table holds lines of: its table and the column that names it.
     *
     * @return array{0: string, 1: string}|null
     */
    public static function documentOf(string $lines): ?array
    {
        foreach (self::LINES as $document => [$table, , $column]) {
            if ($table === $lines) {
                return [$document, $column];
            }
        }
        return null;
    }
}
