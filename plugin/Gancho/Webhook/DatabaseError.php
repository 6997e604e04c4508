<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** The database refused a statement; its transaction was rolled back. */
final class DatabaseError extends \RuntimeException
{
}
