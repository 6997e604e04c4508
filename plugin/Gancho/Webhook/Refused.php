<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Core\Tools;

/** What somebody asked for can't be done, because of one field. */
final class Refused extends \RuntimeException
{
    /** @param array<string, string> $facts what the text names */
    public function __construct(public string $field, public string $text, public array $facts = [])
    {
        parent::__construct("$field: $text");
    }

    /** In the reader's language. */
    public function sentence(): string
    {
        return Tools::lang()->trans($this->text, $this->facts);
    }
}
