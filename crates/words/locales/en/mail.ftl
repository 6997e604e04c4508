### Mail to people.

mail-test-subject = Gancho: mail works
mail-test-text = This is a test: mail from Gancho arrives here.
mail-first-subject = Gancho: a delivery to { $name } failed
mail-first-text = A delivery to the webhook { $name } has failed, with no attempts left. Its receiver has been failing since { $since }. Repair the receiver: when it answers again, what failed is resent.
mail-soon-subject = Gancho: { $name } will be disabled tomorrow
mail-soon-text = The webhook { $name } has been failing since { $since } without a single success. After five days it is disabled: then nothing new is collected for it. Repair the receiver before.
mail-disabled-subject = Gancho: { $name } was disabled
mail-disabled-text = The webhook { $name } was disabled after five days without a single success. What waits keeps waiting; nothing new is collected. Mend the receiver, then enable it; what it missed can be sent again.
mail-gone-text = The webhook { $name } was disabled: its receiver answered that it is gone (410). If you still need it, correct the address and enable it.
mail-recovered-subject = Gancho: { $name } works again
mail-recovered-text = The webhook { $name } answers again. What waited is on its way.
mail-down-subject = Gancho: { $name } is disconnected
mail-down-text = The connection { $name } has been down since { $since }: { $why }
mail-up-subject = Gancho: { $name } is connected again
mail-up-text = The connection { $name } works again.
mail-look = Details: { $link }
mail-foot = You get this because your address stands in Gancho's settings.
