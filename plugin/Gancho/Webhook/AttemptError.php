<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** Why an attempt failed without a response: `dns`, `connect`, `tls`, `timeout`, `blocked` or `protocol`. */
final class AttemptError extends \RuntimeException
{
    public function __construct(public string $kind, string $message)
    {
        parent::__construct($message);
    }
}
