<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** There is no record of this id. */
final class NotFound extends \RuntimeException
{
}
