<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** The database refused a statement; what it belonged to was taken back. */
final class DatabaseError extends \RuntimeException
{
}
