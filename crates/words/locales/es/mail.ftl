### Correo a las personas.

mail-test-subject = Gancho: el correo funciona
mail-test-text = Esto es una prueba: el correo de Gancho llega aquí.
mail-first-subject = Gancho: ha fallado una entrega a { $name }
mail-first-text = Una entrega al webhook { $name } ha fallado y no quedan intentos. Su receptor falla desde { $since }. Arregle el receptor: cuando vuelva a responder, lo que falló se reenviará.
mail-soon-subject = Gancho: { $name } se desactivará mañana
mail-soon-text = El webhook { $name } falla desde { $since } sin un solo éxito. A los cinco días se desactiva: a partir de entonces no se recoge nada nuevo para él. Arregle el receptor antes.
mail-disabled-subject = Gancho: { $name } se ha desactivado
mail-disabled-text = El webhook { $name } se ha desactivado tras cinco días sin una sola entrega correcta. Las entregas en espera se conservan; no se recoge nada nuevo. Arregle el receptor y actívelo; lo que se perdió se puede reenviar.
mail-gone-text = El webhook { $name } se ha desactivado: su receptor respondió que ya no existe (410). Si aún lo necesita, corrija la dirección y actívelo.
mail-recovered-subject = Gancho: { $name } vuelve a funcionar
mail-recovered-text = El webhook { $name } vuelve a responder. Las entregas en espera ya se están enviando.
mail-down-subject = Gancho: { $name } está desconectado
mail-down-text = La conexión { $name } está caída desde { $since }: { $why }
mail-up-subject = Gancho: { $name } vuelve a estar conectado
mail-up-text = La conexión { $name } vuelve a funcionar.
mail-look = Más detalles: { $link }
mail-foot = Recibe esto porque su dirección está en los ajustes de Gancho.
