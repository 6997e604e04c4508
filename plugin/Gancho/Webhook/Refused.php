<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Core\Tools;

/** A request is refused because of one field. */
final class Refused extends \RuntimeException
{
    /** @param array<string, string> $facts the message's placeholders */
    public function __construct(public string $field, public string $text, public array $facts = [])
    {
        parent::__construct("$field: $text");
    }

    /** The localized message. */
    public function sentence(): string
    {
        return Tools::lang()->trans($this->text, $this->facts);
    }
}
