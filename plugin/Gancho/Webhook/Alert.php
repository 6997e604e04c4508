<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Core\Tools;

/**
 * Alerts the ERP's administrators by the ERP's mail: at the first failed attempt of an outage, a day before a webhook
 * is disabled, and when that happens. Each once.
 */
final class Alert
{
    private const MAILER = 'FacturaScripts\\Dinamic\\Lib\\Email\\NewMail';
    private const DAY_MS = 86400000;

    public function __construct(private Alone $alone)
    {
    }

    /** At most one mail, so that requests don't wait long for this process. */
    public function send(): void
    {
        foreach ($this->alone->webhooks->all() as $webhook) {
            $what = self::due($webhook);
            if ($what !== null && $webhook->health['mailed'] !== $what) {
                $this->alone->db->run('UPDATE ' . Tables::WEBHOOKS . ' SET mailed = :what WHERE id = :id', ['what' => $what, 'id' => $webhook->id]);
                $this->mail($webhook, $what);
                return;
            }
        }
    }

    /** The alert due for a webhook: `failing`, `ending` or `disabled`. */
    private static function due(Webhook $webhook): ?string
    {
        return match (true) {
            !$webhook->enabled && in_array($webhook->reason, ['gone', 'failing'], true) => 'disabled',
            !$webhook->enabled || $webhook->health['failures'] === 0 => null,
            $webhook->isFailing() && $webhook->health['failing_ms'] > 4 * self::DAY_MS => 'ending',
            default => 'failing',
        };
    }

    private function mail(Webhook $webhook, string $what): void
    {
        if (!class_exists(self::MAILER)) {
            return;
        }
        try {
            $mail = self::MAILER::create();
            $to = array_column($this->alone->db->rows("SELECT email FROM users WHERE admin = true AND enabled = true AND email <> '' ORDER BY nick LIMIT 5"), 'email');
            if (!$to || !$mail->canSendMail()) {
                return;
            }
            $facts = ['%webhook%' => $webhook->name ?: $webhook->shownUrl(), '%count%' => (string)$webhook->health['failures']];
            foreach ($to as $address) {
                $mail->to($address);
            }
            $mail->subject(Tools::lang()->trans("gancho-mail-$what", $facts))->body(Tools::lang()->trans("gancho-mail-$what-body", $facts))->send();
        } catch (\Throwable $error) {
            $this->alone->settings->note(['mail_error' => get_class($error)]);
        }
    }
}
