<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** There is no record with this id. */
final class NotFound extends \RuntimeException
{
}
