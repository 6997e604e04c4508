<?php
/**
 * One request of an ERP with the plugin: runs the PHP code from standard input between the plugin's init and the end of
 * the request, when the plugin pushes the remaining rows. Prints the returned value as JSON.
 *
 *     ERP_DATABASE=mysql://… ERP_FOLDER=/tmp/erp php erp.php < code.php
 */

error_reporting(E_ALL);
ini_set('display_errors', 'stderr');
set_error_handler(function (int $level, string $text, string $file, int $line) {
    if (error_reporting() & $level) {
        fwrite(STDERR, "$text in $file:$line\n");
        exit(3);
    }
    return false;
});
define('FS_FOLDER', getenv('ERP_FOLDER'));

spl_autoload_register(function (string $class) {
    $ours = 'FacturaScripts\\Plugins\\Gancho\\';
    if (str_starts_with($class, $ours)) {
        // ERP_PLUGIN: the folder of another version of the plugin.
        require (getenv('ERP_PLUGIN') ?: __DIR__ . '/../Gancho') . '/' . str_replace('\\', '/', substr($class, strlen($ours))) . '.php';
    } elseif ($class === 'FacturaScripts\\Dinamic\\Lib\\Gancho') {
        class_alias('FacturaScripts\\Plugins\\Gancho\\Lib\\Gancho', $class);
    }
});
foreach (['DataBase', 'Core', 'Model', 'Queue', 'Page'] as $part) {
    require __DIR__ . "/erp/$part.php";
}

// ERP_REQUEST: the request as JSON: `server`, `cookie`; and workers of other plugins: `workers`.
$request = json_decode(getenv('ERP_REQUEST') ?: '{}', true);
$_SERVER = array_merge($_SERVER, $request['server'] ?? []);
$_COOKIE = $request['cookie'] ?? [];

$db = new FacturaScripts\Core\Base\DataBase();
$db->connect();
$plugin = new FacturaScripts\Plugins\Gancho\Init();
$plugin->init();
foreach ($request['workers'] ?? [] as $name => $event) {
    FacturaScripts\Core\WorkQueue::addWorker($name, $event);
}
// The caller is identified after all plugins have started.
if ($request) {
    str_starts_with($_SERVER['REQUEST_URI'] ?? '', '/api/') ? new FacturaScripts\Dinamic\Model\ApiKey() : new FacturaScripts\Dinamic\Model\User();
}
$returned = eval((string)stream_get_contents(STDIN));
// Like the ERP: run a job, roll back open work, close the connection, then run the shutdown functions.
if ($db->inTransaction()) {
    $db->rollback();
}
FacturaScripts\Core\WorkQueue::run();
$db->close();
echo json_encode(['returned' => $returned, 'errors' => FacturaScripts\Core\Base\DataBase::$errors,
    'refused' => FacturaScripts\Core\Base\DataBase::$refused, 'logged' => FacturaScripts\Core\Tools::$logged]), "\n";
