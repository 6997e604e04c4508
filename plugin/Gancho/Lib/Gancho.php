<?php
namespace FacturaScripts\Plugins\Gancho\Lib;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Core\Tools;
use FacturaScripts\Plugins\Gancho\Capture\Hooks;
use FacturaScripts\Plugins\Gancho\Outbox\Write;

/**
 * For other plugins:
 *
 *     use FacturaScripts\Dinamic\Lib\Gancho;
 *     Gancho::send('subscription.renewed', ['codcliente' => '7', 'until' => '2027-01-01']);
 *     Gancho::addHook('FacturaCliente::save', function ($invoice) { … });
 */
class Gancho
{
    /** Maximum size of an event for Gancho. */
    private const BYTES = 200000;
    private const TYPE = '/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/';

    /**
     * Sends an event of your own to all webhooks that subscribe to its type. It belongs to the ERP's transaction: after
     * a rollback it is not sent.
     *
     * @param string $type `noun.verb`, at most 100 characters
     * @param array $data becomes `data.object`, or all of `data` if it has an `object`
     */
    public static function send(string $type, array $data): bool
    {
        try {
            if (!preg_match(self::TYPE, $type) || strlen($type) > 100) {
                Tools::log('gancho')->error("Gancho::send: $type is no type of an event, such as subscription.renewed");
                return false;
            }
            $json = json_encode($data);
            if ($json === false || strlen($json) > self::BYTES || ($data !== [] && array_is_list($data))) {
                Tools::log('gancho')->error("Gancho::send: the data of $type is no record: names and values, at most 200 kB as JSON");
                return false;
            }
            return Write::row(new DataBase(), $type, 'E', null, $data);
        } catch (\Throwable $error) {
            Tools::log('gancho')->error('Gancho::send: ' . $error->getMessage());
            return false;
        }
    }

    /**
     * Runs a function whenever records of a model are saved or deleted; call this from your Init::init().
     *
     * @param string $name `FacturaCliente::save`; also saveBefore, saveInsert, saveUpdate, deleteBefore, delete…
     */
    public static function addHook(string $name, callable $function): bool
    {
        try {
            return Hooks::add($name, $function);
        } catch (\Throwable $error) {
            Tools::log('gancho')->error('Gancho::addHook: ' . $error->getMessage());
            return false;
        }
    }
}
