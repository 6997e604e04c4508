# Tiempos.

time-now = ahora
time-ago = hace { $span }
time-in = en { $span }
never = nunca
yes = sí
no = no
items = 
    { $count ->
       [one] { $count } elemento
       *[other] { $count } elementos
    }
sure-cancel = Sí, cancelarla
sure-remove = Sí, eliminar para siempre
sure-token-hint = Los programas que usan esta clave dejarán de tener acceso de inmediato.
sure-finish = Sí, solo la nueva desde ahora
sure-finish-hint = Los receptores que aún comprueben con la clave antigua rechazarán lo que llegue.
verify-show = Ver la clave y cómo verificar
source-removed = una conexión eliminada:
filter-unread = El filtro «{ $name }» no es válido: corríjalo o quítelo para ver resultados.
none-so-far = Nada entre lo más reciente: siga buscando con «Anteriores».
events-none = Ningún evento coincide con estos filtros.
check-now = Comprobar ahora

# En todas las páginas.

skip = Ir al contenido
nav-label = Principal
nav-open = Abrir el menú
close = Cerrar
keys-title = Teclas
keys-search = buscar
keys-walk = recorrer una lista
keys-enter-name = Intro
keys-enter = abrir la fila
keys-choose = marcar la fila
keys-help = ver las teclas
tabs-label = Partes de esta página
search-label = Buscar
search-placeholder = Número de documento, id, webhook…
logout = Salir
live-stale = sin conexión en vivo: reconectando
live-new = Hay # más · mostrar
copied = Copiado
copy = Copiar
save = Guardar
cancel = Cancelar
back = Volver
any = cualquiera
more-settings = Más ajustes
page-next = Anteriores
page-first = Las más recientes
to-overview = Ir al resumen
to-settings = Ajustes
to-check = Comprobar
to-event = El evento
shown-once = Solo se muestra esta vez: guárdela en un lugar seguro.
problem-title = No se ha podido completar
problem-fields = Hay campos que revisar.

# Entrar.

login-title = Entrar
login-button = Entrar
login-forgot = ¿Ha olvidado la contraseña?
login-forgot-hint = Pida a un administrador que le ponga otra en Ajustes › Personas. Si el administrador es usted: en el servidor de Gancho, gancho user passwd NOMBRE pone una nueva.
login-nobody = Aún no hay nadie que pueda entrar: abra el enlace de un solo uso que mostró gancho serve al arrancar, o ejecute gancho user add.
label-login-name = Nombre
label-password = Contraseña
setup-title = Le damos la bienvenida a Gancho
setup-intro = Cree su usuario administrador. Después, este enlace dejará de funcionar.
setup-button = Empezar
setup-used = Este enlace ya se usó, o el servidor se ha reiniciado: mire lo último que mostró gancho serve, o entre con su usuario.
label-new-password = Contraseña
hint-new-password = 10 caracteres o más.
label-again = Repita la contraseña
label-old-password = Su contraseña actual

# Resumen.

overview-title = Resumen
first-title = Primeros pasos
step-done = hecho
first-source = Conecte su FacturaScripts
first-source-hint = Con el plugin, su API o su base de datos. También puede seguir sin conectarlo, solo para probar.
first-webhook = Añada un webhook
first-webhook-hint = La dirección a la que avisar, y de qué.
first-delivery = Vea llegar la primera entrega
first-delivery-hint = Abra el webhook, pestaña Prueba, y envíe una muestra.
first-heard = Reciba el primer cambio de su ERP
first-heard-hint = Guarde cualquier ficha en FacturaScripts: aparecerá aquí al momento.
cares-title = Requiere su atención
cares-nothing = Nada todavía: hacen falta un ERP conectado y un webhook.
cares-none = Nada: todos los webhooks y conexiones activos funcionan.
day-heading = Las últimas 24 horas
day-title = Intentos de las últimas 24 horas: { $delivered } llegaron, { $retried } fallaron y se reintentan, { $failed } fallaron sin más reintentos
hour-title = { $hour }: { $delivered } intentos llegaron, { $retried } fallaron y se reintentan, { $failed } fallaron sin más reintentos
spark-title = Llegó el { $share } de los intentos en las últimas 24 horas
figure-delivered = Entregadas
figure-failed = Entregas fallidas
figure-success = Intentos con éxito
figure-waiting = En espera ahora
figure-failed-attempts = Intentos fallidos
figure-oldest = desde hace
legend-delivered = intentos que llegaron
legend-retried = intentos fallidos que se reintentan
legend-failed = fallidos sin más reintentos
spark-legend = Cada barra es una hora: en verde, los intentos que llegaron; en rojo, los que fallaron.
issues-title = Problemas
issues-solve = Darlos por resueltos
issue-closed = cerrado
issue-failed = 
    { $count ->
       [0] ninguna entrega fallida
       [one] { $count } entrega fallida definitivamente
       *[other] { $count } entregas fallidas definitivamente
    }
issue-sentence =
    { $count ->
       [one] { $count } intento, { $failed }; { $last }
       *[other] { $count } intentos, { $failed }; durante { $span }, el último { $last }
    }

# Columnas.

column-name = Nombre
column-state = Estado
column-webhook = Webhook
column-events = Eventos
column-success = Intentos con éxito (24 h)
column-waiting = En espera
column-failed = Fallidas (24 h)
column-p95 = 95 % en menos de
column-last = Última entrega
column-acts = Acciones
column-what = Qué ha pasado
column-answer = Respuesta
column-took = Duración
column-attempts = Intentos
column-next = Próximo intento
column-at = Cuándo
column-who = Quién
column-entry = Qué hizo
column-source = Conexión
column-sequence = Nº
column-lag = Último retraso
column-backlog = Pendientes (ERP)
column-heard = Último cambio
column-how = Cómo
column-field = Campo
column-before = Antes
column-after = Después
column-kind = Tipo
column-meaning = Significado
column-role = Rol
column-scope = Permiso
column-browser = Navegador
column-seen = Último uso
column-setting = Ajuste
column-value = Valor
made-at = Creado

# Webhooks.

webhooks-title = Webhooks
webhooks-empty = Aún no hay webhooks. Un webhook es una dirección a la que Gancho avisa cuando pasa algo: añada el primero.
webhook-new-title = Nuevo webhook
webhook-new-intro = ¿Adónde enviamos, y qué? Luego puede cambiarlo todo.
webhook-new-button = Añadir el webhook
label-url = Dirección (URL) del receptor
hint-url = La dirección que le dio su programa o servicio, como https://ejemplo.com/aviso.
label-webhook-name = Nombre
hint-webhook-name = Cómo lo llama usted, por ejemplo «Tienda en línea». Puede quedar vacío.
label-events = Eventos
hint-events = Qué eventos se envían a esa dirección.
events-all = Todo lo que pase en el ERP
events-all-of = todo
events-search = Buscar un evento: factura cobrada, stock…
label-more = Otros tipos
hint-more = Tipos o patrones propios, separados por comas, como subscription.*, endpoint.*.
label-sources = Solo de
hint-sources = Déjelo todo vacío para enviar de todas las conexiones.
label-description = Descripción
label-headers = Cabeceras
hint-headers = Una por línea, como X-Empresa: 7. Los valores ya guardados se ocultan como ***.
label-retry = Esperas antes de reintentar, en segundos
hint-retry = Separadas por comas.
label-timeout = Límite de tiempo por intento, en milisegundos
label-rate = Máximo por segundo
hint-rate = Vacío: sin límite.
label-flight = Máximo de intentos simultáneos
hint-flight = Vacío: 8.
label-secret = Clave secreta
hint-secret = Déjela vacía para que se genere.
look-count = 
    { $count ->
       [0] Ningún evento de la última semana se habría enviado.
       [one] { $count } evento de la última semana se habría enviado.
       *[other] { $count } eventos de la última semana se habrían enviado.
    }
look-many = { $count } eventos o más de la última semana se habrían enviado.
probe-parse = La dirección es válida.
probe-http = Sin cifrar: se puede leer por el camino. Use https:// si puede.
probe-https = Cifrada.
probe-reached = Se llega: { $host } acepta la conexión.
probe-failed = No se llega: { $why }
probe-blocked = Una dirección privada: permítala con el ajuste allow_hosts si es lo que quiere.
    .raw = { $why }
acts-of = Acciones sobre
act-enable = Activar
act-disable = Desactivar
act-pause = Pausar
act-resume = Reanudar
act-retry-now = Reintentar ahora
act-test = Enviar una prueba…
act-resend-failed = Reenviar fallidas…
act-secret = Clave…
act-remove = Eliminar
act-retry = Reenviar
act-cancel = Cancelarla
webhook-remove-title = ¿Eliminar el webhook?
webhook-remove-sure = 
    { $count ->
       [0] No queda nada en espera. El registro de sus entregas se conserva.
       [one] Queda { $count } entrega en espera: se cancelará. El registro se conserva.
       *[other] Quedan { $count } entregas en espera: se cancelarán. El registro se conserva.
    }
tab-summary = Resumen
tab-deliveries = Entregas
tab-test = Prueba
tab-settings = Ajustes
tab-history = Historial
last-deliveries = Últimas entregas
all-deliveries = Todas sus entregas, con filtros
deliveries-none-here = Aún no se ha enviado nada aquí.
replay-title = Reenviar
replay-hint = Se envían a la vez que las entregas nuevas y con los mismos identificadores, para que el receptor detecte las repeticiones.
replay-only = Qué
only-failed = Lo que falló
only-missed = Lo que no ha recibido, incluido lo anterior al webhook
only-all = Todo
replay-days = De los últimos … días
replay-count = Contar primero
replay-count-again = Contar de nuevo
replay-sure = 
    { $count ->
       [0] No hay nada que coincida.
       [one] Se reenviaría { $count } evento.
       *[other] Se reenviarían { $count } eventos.
    }
replay-button = Reenviar
job-running = Reenviando: { $sent } de { $total } en camino; { $delivered } entregadas, { $failed } fallidas, { $waiting } en espera. { $left } Puede salir de esta página.
job-ended = Reenvío terminado: { $delivered } entregadas y { $failed } fallidas de { $sent }.
job-left = Quedan unos { $span }.
job-broken = El reenvío se detuvo por un fallo de Gancho: { $sent } de { $total } salieron ({ $delivered } entregadas, { $failed } fallidas, { $waiting } en espera). { $left } Repítalo para enviar el resto.
job-interrupted = Gancho se reinició durante el reenvío: { $sent } de { $total } salieron ({ $delivered } entregadas, { $failed } fallidas, { $waiting } en espera). { $left } Repítalo para enviar el resto.
replay-type = Sobre qué
replay-type-all = Todo
replay-document = Documento o ficha
replay-document-any = número o nombre
backfill-title = Enviar lo que ya existe
backfill-hint = Los registros del ERP anteriores a este webhook, cada uno una vez, como un evento cuyo tipo termina en .snapshot. No retrasan las entregas nuevas.
backfill-plugin = Este ERP está conectado por su plugin y no se puede consultar desde aquí: conéctelo por su base de datos o su API para enviar lo que ya existe.
backfill-source = Conexión
backfill-since = A partir de este día
backfill-button = Enviar…
backfill-sure = Se envían a este webhook todos los registros de este tipo: en un ERP grande tarda un rato. Puede salir de la página.
backfill-go = Enviarlos
backfill-running = Enviando registros existentes: { $sent } hasta ahora; { $delivered } entregados, { $failed } fallidos, { $waiting } en espera. Puede salir de esta página.
backfill-sending = Los { $sent } registros existentes están en camino: { $delivered } entregados, { $failed } fallidos, { $waiting } en espera. { $left } Puede salir de esta página.
backfill-ended = Los registros existentes se enviaron: { $delivered } entregados y { $failed } fallidos de { $sent }.
backfill-broken = El envío de registros existentes se detuvo porque el ERP no respondió, el webhook está desactivado o Gancho falló: salieron { $sent } ({ $delivered } entregados, { $failed } fallidos, { $waiting } en espera). Al continuar, ninguno se envía dos veces.
backfill-interrupted = Gancho se reinició mientras enviaba registros existentes: salieron { $sent } ({ $delivered } entregados, { $failed } fallidos, { $waiting } en espera). Al continuar, ninguno se envía dos veces.
job-continue = Continuar
test-title = Enviar una prueba
test-hint = Se envía al momento una muestra con datos inventados y "test": true, aunque el webhook esté desactivado.
test-event = Muestra de
test-button = Enviar
test-tag = prueba
test-to = Enviarlo como prueba a
verify-title = Comprobar la firma
verify-hint = Cada entrega va firmada con esta clave, para que el receptor sepa que viene de usted.
secret-title = Clave secreta
secret-hint = Las entregas se firman con ella. Mientras se cambia, firman las dos, para dar tiempo a los receptores.
secret-show = Mostrarla
secret-previous = La antigua, que aún firma:
secret-rotate-sure = Se crea una clave nueva y, durante un día, las entregas llevan las dos firmas. Póngala en el receptor antes de que acabe ese día.
secret-rotate-button = Cambiar la clave
secret-rotate = Cambiarla (firman las dos un día)
secret-finish = Terminar el cambio: solo firma la nueva

# Salud.

evidence-title = Lo último que ha fallado
evidence-test = Enviar un evento de prueba
health-idle = nuevo
health-ok = bien
health-shaky = con fallos
health-failing = falla
health-paused = en pausa
health-disabled = desactivado
health-waiting = 
    { $count ->
       [0] nada en espera
       [one] { $count } en espera
       *[other] { $count } en espera
    }
health-idle-sentence = Aún no se ha enviado nada; { $waiting }.
health-skipped-sentence = Aún no se ha enviado nada: han llegado eventos, pero la condición o la plantilla de este webhook los ha omitido; { $waiting }.
health-quiet-sentence = Funciona: la última entrega llegó { $last }, nada enviado en 24 h; { $waiting }.
health-ok-sentence = Funciona: la última entrega llegó { $last }; { $share } de los intentos con éxito en 24 h; { $waiting }.
health-shaky-sentence =
    { $count ->
       [one] El último intento ha fallado: { $answer }
       *[other] Los últimos { $count } intentos han fallado, el más reciente con: { $answer }
    }. Seguimos intentándolo; { $waiting }.
health-shaky-idle-sentence =
    { $count ->
       [one] El último intento ha fallado: { $answer }
       *[other] Los últimos { $count } intentos han fallado, el más reciente con: { $answer }
    }. Nada en espera: lo que falló puede reenviarse.
health-failing-sentence = Falla desde hace { $span }: { $answer } en { $same } de { $count } intentos; próximo intento { $next }; { $waiting }.
health-failing-idle-sentence = Falla desde hace { $span }: { $answer } en { $same } de { $count } intentos; nada en espera. Envíe un evento de prueba: si llega, el webhook vuelve a funcionar y lo que falló se reenvía.
health-paused-sentence = En pausa, por decisión de una persona: los eventos se guardan y no se envían; { $waiting }.
health-disabled-sentence = Desactivado por una persona: no se recoge nada nuevo; { $waiting }.
health-gone-sentence = Desactivado: el receptor respondió que ya no existe (410). No se recoge nada nuevo; { $waiting }. Si aún lo necesita, corrija la dirección y actívelo.
health-given-up-sentence = Desactivado tras cinco días sin una sola entrega correcta. No se recoge nada nuevo; { $waiting }. Arregle el receptor y actívelo.
answer-status = { $code }
answer-dns = nombre no encontrado
answer-connect = sin conexión
answer-tls = sin conexión segura
answer-timeout = sin respuesta a tiempo
answer-blocked = dirección no permitida
answer-protocol = respuesta no válida
answer-error = errores

# Entregas.

deliveries-title = Entregas
deliveries-empty = Aún no hay entregas: aparecerán aquí en cuanto ocurra algo que coincida con un webhook.
deliveries-none = Ninguna entrega coincide con estos filtros.
filter-type = Tipo
filter-time = Periodo
filter-from = Desde
filter-to = Hasta
filter-document = Número de documento
filter-text = Texto en el contenido
filter-button = Filtrar
filter-clear = Quitar filtros
hours-1 = última hora
hours-24 = últimas 24 horas
hours-168 = últimos 7 días
hours-720 = últimos 30 días
state-pending = en espera
state-delivered = entregada
state-failed = fallida
state-cancelled = cancelada
state-skipped = no enviada
reason-expired = Esperó más tiempo del que se guardan las entregas.
reason-too-large = El evento es demasiado grande para enviarlo.
reason-cancelled = La canceló una persona.
reason-endpoint-removed = Su webhook se eliminó.
reason-condition = No cumple la condición del webhook.
reason-condition-error = La condición del webhook no se pudo evaluar con este evento.
reason-template-error = La plantilla del webhook no produjo un cuerpo válido con este evento.
reason-origin = Lo escribió un origen que el webhook ignora.
reason-company = Es de una empresa que el webhook no incluye.
error-kind-dns = nombre no encontrado
error-kind-connect = sin conexión
error-kind-tls = fallo de TLS
error-kind-timeout = tiempo agotado
error-kind-blocked = no permitida
error-kind-protocol = respuesta no válida
error-kind-status = código
resend-all = Reenviar todas las que coinciden…
resend-title-chosen = ¿Reenviar las elegidas?
bulk-hint-resend-chosen = Incluye las que ya llegaron: el receptor las reconoce por su identificador. Las que esperan no se tocan, ni las pruebas: abra una para repetirla.
resend-title = ¿Reenviar todas las que coinciden?
bulk-sure-resend = 
    { $count ->
       [0] No coincide ninguna entrega fallida o cancelada.
       [one] Se reenviará { $count } entrega.
       *[other] Se reenviarán { $count } entregas.
    }
bulk-hint-resend = Solo las fallidas (o las canceladas, si filtró por ese estado). Las que esperan o ya llegaron no se tocan, ni las pruebas: abra una para repetirla.
bulk-button-resend = Reenviarlas
resend-chosen = Reenviar las elegidas…
cancel-chosen = Cancelar las elegidas…
cancel-all = Cancelar todas las que esperan y coinciden…
cancel-title = ¿Cancelar las entregas en espera?
bulk-sure-cancel =
    { $count ->
       [0] Ninguna de ellas está en espera.
       [one] Se cancelará { $count } entrega en espera: no se enviará.
       *[other] Se cancelarán { $count } entregas en espera: no se enviarán.
    }
bulk-hint-cancel = Las que ya llegaron o fallaron no se tocan. Una cancelada puede reenviarse después.
bulk-button-cancel = Cancelarlas
choose = Elegir
column-choose = Elegir
delivery-title = Entrega
way-title = Cronología
step-happened = Ocurrió en el ERP
step-heard = Gancho lo recibió: { $type }
step-arrived = El intento { $n } llegó: { $answer } en { $span }
step-failed = El intento { $n } falló: { $answer } tras { $span }
waiting-attempt = próximo intento { $when }
waiting-endpoint-failing = el webhook falla; próximo intento { $when }
waiting-endpoint-paused = el webhook está en pausa
waiting-endpoint-disabled = el webhook está desactivado
waiting-rate = el límite por segundo del webhook
waiting-slot = antes van otras entregas
waiting-order = antes va otro evento del mismo documento
step-waiting = En espera: { $what }
step-given-up = No quedan intentos.
changed-title = Qué cambió
attempts-title = Intentos
attempts-empty = Ninguno todavía.
attempt = Intento
request = Petición
response = Respuesta
truncated = La respuesta era más larga; se muestra el comienzo.
body-title = Lo que se envía
pretty = Legible
raw = Tal cual, byte a byte
details = Detalles técnicos
state-pending-now = En espera:
curl-sign = Con firma, para que el receptor lo acepte
curl-signed-hint = Lleva todas las cabeceras y va firmado ahora: los receptores lo aceptan durante unos minutos. Contiene secretos: no lo comparta.
signature-title = Comprobar aquí una firma
signature-hint = Pegue la que su programa recibió o calculó para esta entrega: webhook-signature (v1,…) de cualquiera de sus intentos, o X-Webhook-Signature.
signature-button = Comprobar
signature-right = Correcta: es la firma de este contenido con la clave de este webhook.
signature-wrong = Incorrecta. X-Webhook-Signature: el cuerpo sin procesar, firmado con la clave entera. webhook-signature: «id.timestamp.cuerpo», firmado con lo que sigue a whsec_, descodificado de base64. Debería ser:
phase-dns = nombre
phase-connect = conexión
phase-tls = TLS
phase-first-byte = primer byte
phase-body = contenido

# Por qué falló un intento.

why-dns = No se encontró el nombre del receptor: revise la dirección o su servidor de nombres.
why-connect = No se pudo conectar, o la conexión se cortó antes de la respuesta: quizá el programa no esté en marcha o falle, o haya un cortafuegos en medio.
why-tls = No se pudo establecer una conexión segura: el certificado puede haber caducado o ser de otro nombre, o el receptor no usa TLS (¿es una dirección http://?).
why-timeout = El receptor no respondió a tiempo: conviene que conteste 200 primero y trabaje después.
why-blocked = Esa dirección es privada y no está permitida: vea el ajuste allow_hosts.
why-protocol = La respuesta no es HTTP válido.
why-status = El receptor respondió { $code }, que no es una respuesta conocida.
why-status-1xx = El receptor respondió { $code }, que no es una respuesta final.
why-status-2xx = El receptor respondió { $code }, pero la respuesta se interrumpió.
why-status-3xx = El receptor respondió { $code }: redirige a otra dirección. No se siguen redirecciones; ponga la dirección final.
why-status-4xx = El receptor la rechazó con { $code }: revise la dirección y lo que espera.
why-status-5xx = El receptor falló con { $code }: el registro de ese programa dirá más; avise a quien lo mantiene.
why-status-401 = El receptor respondió 401: no acepta la firma o pide una clave. ¿Es correcta la clave secreta? Compárela con la de la pestaña Prueba.
why-status-403 = El receptor respondió 403: no permite la entrada. Compruebe allí que se admite este servidor.
why-status-404 = El receptor respondió 404: no hay nada en esa dirección. Revísela.
why-status-410 = El receptor respondió 410: ya no quiere recibir nada. El webhook se desactivó. Si aún lo necesita, corrija la dirección y actívelo.
why-status-413 = El receptor respondió 413: el contenido es demasiado grande. Pida que suban allí el límite.
why-status-429 = El receptor respondió 429: demasiadas peticiones. Ponga «Máximo por segundo» en los ajustes del webhook.
why-status-503 = El receptor respondió 503: no está disponible ahora.

# Eventos.

events-title = Eventos
events-empty = No hay eventos aquí. Aparecen en cuanto ocurre algo en un ERP conectado, coincida o no con un webhook.
event-title = Evento
event-unasked = No coincide con ningún webhook: no se envió.
who-asked = Coincidencias con cada webhook
no-webhooks = No hay webhooks.
from-removed = de una conexión eliminada
from-gancho = de Gancho
from-a-program = de un programa
why-title = ¿Por qué no se envió nada?
why-intro = Escriba el número de un documento (o el nombre de un cliente): ¿se recibió, qué eventos generó, qué webhooks coincidieron?
why-button = Averiguar
event-erased = Los datos de este evento se borraron el { $at }, a petición de la persona a la que se referían. Queda constancia de que ocurrió, de cuándo y de qué webhooks lo recibieron.
why-cut = Son los más recientes; puede haber otros anteriores.
why-all = Todos sus eventos
why-unheard = Gancho no ha recibido nada de eso. Puede que no se guardara en el ERP, que la conexión estuviera caída, o que se borrara en Gancho (datos personales).
why-noise = Los valores que el ERP calcula solo (el riesgo de un cliente, el stock de un producto) no generan eventos.
why-heard = 
    { $count ->
       [one] Recibido: { $count } evento.
       *[other] Recibido: { $count } eventos, el más reciente primero.
    }
ear-up = Conectado. Último cambio: { $heard }.
ear-down = Desconectado desde hace { $span }: { $why }. Último cambio: { $heard }.
verdict-skipped = incluye este tipo; { $state }
verdict-delivery = coincide; { $state }
verdict-younger = se añadió después
verdict-pattern = no incluye { $type }, solo { $events }
verdict-source = solo recibe eventos de otras conexiones
verdict-disabled = está desactivado: no se recoge nada
verdict-then = no coincidía entonces, o estaba desactivado
own-endpoint-failing = Un webhook no deja de fallar
own-endpoint-recovered = Un webhook vuelve a funcionar
own-endpoint-disabled = Un webhook se ha desactivado
own-source-down = Una conexión ha caído
own-source-up = Una conexión vuelve a funcionar
own-model-saved = Ficha guardada
own-model-deleted = Ficha eliminada

# Catálogo.

catalogue-title = Catálogo
catalogue-intro = Todos los eventos que se pueden enviar, por áreas. Abra uno para ver sus campos y un ejemplo real.
area-sales = Ventas
area-purchases = Compras
area-people = Clientes y proveedores
area-warehouse = Almacén
area-users = Usuarios
example-real = El último recibido
example-sample = Una muestra (aún no se ha recibido ninguno)
fields-title = Campos
webhook-for-this = Nuevo webhook para esto
kind-text = texto
kind-int = número entero
kind-number = número
kind-bool = sí o no
kind-date = fecha
kind-time = hora
kind-timestamp = fecha y hora

# Conexiones.

sources-title = Conexiones
sources-empty = Aún no hay ningún ERP conectado.
source-new-title = Conectar un ERP
source-new-intro = ¿Cómo debe conectarse Gancho a su FacturaScripts?
source-kind-plugin = Plugin
source-kind-database = Base de datos
source-pace = Los registros nuevos se detectan en unos { $new }; los cambios en los anteriores, en unos { $changes }: la API de FacturaScripts no avisa, así que se consultan sus listas una tras otra. El plugin envía ambos enseguida.
source-kind-api = API REST
source-choice-plugin = Usted instala un plugin en FacturaScripts: allí no hace falta nada más.
source-choice-database = Usted tiene acceso a su MariaDB o PostgreSQL: lo más rápido y exacto.
source-choice-api = Usted tiene una clave de su API REST: no se instala nada; los cambios se notan en segundos o minutos.
source-intro-api = Gancho consulta el ERP periódicamente. En FacturaScripts, active la API en Panel de control › Por defecto y cree una clave con permiso de lectura en Panel de control › API Keys.
source-intro-plugin = Gancho crea una clave; usted la pone en los ajustes del plugin. Gancho puede funcionar en cualquier sitio al que FacturaScripts llegue: en la misma máquina, en un servidor pequeño o en el de su integrador.
source-intro-database = Gancho instala una bandeja de salida y disparadores en la base de datos del ERP. «Ver el SQL» solo lo muestra, sin hacer nada.
source-button = Conectar
source-plan = Ver el SQL
source-sql = Esto se ejecutaría
label-source-name = Nombre
hint-source-name = Cómo llama a esta empresa.
label-database-url = Dirección de la base de datos
hint-database-url = mysql://USUARIO:CONTRASEÑA@SERVIDOR/BASE o postgres://USUARIO:CONTRASEÑA@SERVIDOR/BASE. Se guarda cifrada.
label-engine = Motor
label-database-host = Servidor
hint-database-host = El nombre o la dirección de la máquina de la base de datos, como en config.php de FacturaScripts (FS_DB_HOST).
label-database-port = Puerto
hint-database-port = Vacío: el habitual (3306 o 5432).
label-database-name = Nombre de la base de datos
hint-database-name = FS_DB_NAME en config.php.
label-database-user = Usuario
hint-database-user = Uno propio de Gancho, con los permisos de abajo.
label-database-password = Contraseña
hint-database-password = Se guarda cifrada.
database-whole = O la dirección entera
grants-title = Crear el usuario de Gancho
grants-hint = Lo ejecuta una vez el administrador de la base de datos. Ponga su contraseña en lugar de los puntos.
grants-postgres = Los disparadores en tablas de otro dueño requieren el permiso TRIGGER, como arriba; si su ERP añade tablas después, repita la última línea.
label-erp-url = Dirección de FacturaScripts
hint-erp-url = Como en el navegador: https://erp.example.com
label-erp-key = Clave de su API
hint-erp-key = Se guarda cifrada.
label-erp-url-change = Otra dirección de FacturaScripts
hint-erp-url-change = Déjela vacía para no cambiarla. Si es otro ERP, se lee todo de nuevo, sin generar eventos.
label-erp-key-change = Otra clave
hint-erp-key-change = Déjela vacía para no cambiarla.
label-database-url-change = Otra dirección de la base de datos
hint-database-url-change = Déjela vacía para no cambiarla.
label-time-zone = Zona horaria
hint-time-zone = La zona horaria configurada en el ERP.
label-models = Modelos
hint-models = Qué modelos o tablas generan eventos, separados por comas. Vacío: los del catálogo.
source-ok = conectado
source-waiting = esperando
source-down = desconectado
source-asks = detenido: decida usted
source-confirm = Es el mismo ERP: continuar
source-is-copy = Es una copia: eliminar la conexión
source-ok-sentence = Conectado. Último cambio: { $heard }.
source-waiting-sentence = Listo. Aún no ha llegado ningún cambio: guarde cualquier ficha en el ERP.
source-paused-sentence = En pausa, por decisión de una persona: no se recoge nada. Los cambios se guardan en el ERP hasta que la reanude. Último cambio: { $heard }.
source-paused-api-sentence = En pausa, por decisión de una persona: no se consulta nada. Los cambios se consultarán cuando la reanude; lo que se cree y se borre entretanto no se detecta. Último cambio: { $heard }.
source-down-sentence = Desconectado desde hace { $span }: { $why }. Último cambio: { $heard }. Gancho sigue intentándolo; los cambios se guardan en la base de datos del ERP hasta entonces.
source-down-api-sentence = Desconectado desde hace { $span }: { $why }. Último cambio: { $heard }. Gancho sigue intentándolo; los cambios se consultarán al recuperar la conexión.
source-warns-sentence = Conectado, pero: { $why }. Último cambio: { $heard }.
source-made-title = La conexión está creada
source-made-intro = Ponga estos dos datos en los ajustes del plugin, en FacturaScripts.
source-made-plugin = Si aún no lo tiene: suba el plugin en Administrador › Plugins y actívelo.
source-plugin-download = Descargar el plugin
source-made-address = Dirección de Gancho
address-local = Esta dirección solo vale si FacturaScripts está en esta misma máquina. Si está en otra (un hosting, otro servidor), haga que Gancho sea accesible desde allí, con el ajuste listen (por ejemplo 0.0.0.0:8420) o detrás de un proxy con https, e indique esa dirección en public_url.
source-made-token = Clave
source-made-next = Ir a la conexión
check-title = Comprobación
check-again = Comprobar otra vez
finding-connection = conexión
finding-connect = conexión
finding-engine = motor
finding-triggers = disparadores
finding-outbox = en espera
finding-lost = pérdidas
finding-address = dirección
finding-url = dirección
finding-key = clave
finding-plugin = plugin
finding-lists = listas
finding-version = versión
finding-heard = último cambio
check-good = bien
check-bad = mal
source-remove-title = ¿Eliminar la conexión?
source-remove-database = Se quitan los disparadores de Gancho y la bandeja de salida de la base de datos del ERP. Sus eventos se conservan aquí.
source-remove-token = Su clave deja de funcionar al momento. Sus eventos se conservan aquí.
source-remove-force = Eliminarla de todos modos y dejar allí los disparadores

# Ajustes.

settings-title = Ajustes
settings-me = Mi cuenta
settings-people = Personas
settings-tokens = Claves de API
mail-trouble = Los avisos por correo no se pueden enviar: { $why }
settings-mail = Correo
settings-personal-data = Datos personales
settings-history = Historial
settings-limits = Configuración en vigor
label-language = Idioma
label-my-zone = Zona horaria
hint-my-zone = Las horas se muestran en ella, como Europe/Madrid o America/Bogota.
label-email = Correo electrónico
hint-email = Dónde avisarle cuando falle un webhook o una conexión. Si lo deja vacío, no recibirá avisos.
change-password = Cambiar la contraseña
sessions-title = Dónde ha entrado
this-one = esta
end-session = Cerrar
role-admin = Administrador
role-viewer = Solo ver
role-hint = Con «Solo ver» se consulta todo, salvo los secretos, y no se cambia nada.
make-admin = Hacer administrador
make-viewer = Dejar en solo ver
person-add = Añadir una persona
person-button = Añadir
tokens-empty = Aún no hay claves: los programas que usan la API necesitan una.
token-add = Nueva clave
label-token-name = Para qué
token-button = Crearla
token-made = La nueva clave:
scope-admin = todo
scope-read = solo lectura
scope-ingest = enviar eventos
mail-unset = No hay servidor de correo, así que no se avisa por correo. Póngalo aquí.
mail-fixed = El servidor de correo está en gancho.toml o en el entorno (smtp_url, mail_from), y eso tiene prioridad sobre lo que se ponga aquí.
label-mail-host = Servidor de correo (SMTP)
hint-mail-host = Como smtp.ejemplo.com: lo indica su proveedor de correo.
label-encryption = Cifrado
encryption-starttls = STARTTLS (lo habitual)
encryption-tls = TLS desde el principio
encryption-none = ninguno: solo en esta misma máquina
label-mail-port = Puerto
hint-mail-port = Vacío: el habitual (587 con STARTTLS, 465 con TLS).
label-mail-user = Usuario
hint-mail-user = Suele ser la dirección entera. Vacío: sin usuario.
label-mail-password = Contraseña
hint-mail-password = Se guarda cifrada. Déjela vacía para no cambiarla.
label-mail-from = Remitente
hint-mail-from = Como gancho@ejemplo.com o Gancho <gancho@ejemplo.com>.
mail-forget-sure = Se borran el servidor de correo, su contraseña y el remitente, y ya no se avisará a nadie cuando algo falle. Las direcciones de las personas se conservan.
mail-forget = No enviar más correo
mail-test-title = Comprobar que llega
mail-from = De
mail-server = Servidor
mail-when = Se avisa a quien tenga correo en sus ajustes: en la primera entrega fallida de una avería, un día antes de desactivar un webhook, cuando se desactiva, cuando vuelve a funcionar, y cuando una conexión lleva una hora caída.
label-mail-to = Enviar una prueba a
mail-button = Enviar
limits-hint = Se cambian en gancho.toml, con variables de entorno o con opciones al arrancar; gancho config los muestra.
history-empty = Nadie ha cambiado nada todavía.
deed-field = { $field }: { $old } → { $new }
deed-label-url = dirección
deed-label-name = nombre
deed-label-description = descripción
deed-label-events = eventos
deed-label-sources = solo de
deed-label-enabled = activado
deed-label-paused = en pausa
deed-label-disabled-reason = desactivado porque
deed-label-headers = cabeceras
deed-label-timeout-ms = límite de tiempo (ms)
deed-label-retry = esperas (s)
deed-label-rate-per-s = máximo por segundo
deed-label-max-in-flight = máximo de intentos simultáneos
deed-label-role = rol
deed-label-password = contraseña
deed-count = 
    { $count ->
       [one] { $count } entrega
       *[other] { $count } entregas
    }
deed-endpoint-created = añadió el webhook
deed-endpoint-changed = cambió el webhook
deed-endpoint-removed = eliminó el webhook
deed-endpoint-replayed = reenvió a
deed-endpoint-retried = reintentó
deed-endpoint-issues-solved = dio por resueltos los problemas de
deed-endpoint-secret-changed = empezó a cambiar la clave de
deed-endpoint-secret-finished = terminó de cambiar la clave de
deed-deliveries-resent = reenvió entregas
deed-deliveries-cancelled = canceló entregas
deed-delivery-retried = reenvió una entrega:
deed-delivery-cancelled = canceló una entrega:
deed-source-created = conectó
deed-source-paused = puso en pausa la conexión
deed-source-resumed = reanudó la conexión
deed-source-changed = cambió la conexión
deed-source-confirmed = confirmó la conexión
deed-source-removed = eliminó la conexión
deed-token-created = creó la clave
deed-token-removed = eliminó la clave
deed-person-added = añadió a
deed-person-changed = cambió a
deed-person-removed = eliminó a
deed-mail-changed = cambió el servidor de correo
deed-bin-created = creó el bin
deed-bin-removed = eliminó el bin
deed-consumer-created = creó el consumidor
deed-consumer-removed = eliminó el consumidor
deed-personal-data-exported = descargó lo que se guardaba del cliente
deed-personal-data-erased = borró lo que se guardaba del cliente

# Lo que se acaba de hacer.

done-saved = Guardado.
done-saved-key-dropped = Guardado. La clave se ha quitado, porque la dirección lleva a otro servidor: ponga la suya para conectar.
done-saved-headers-dropped = Guardado. Las cabeceras se han quitado, porque la dirección lleva a otro servidor: póngalas otra vez si también son para él.
done-webhook-created = El webhook está creado. Envíe una prueba para verla llegar.
done-webhook-removed = El webhook se ha eliminado.
done-enabled = El webhook está activado. Lo ocurrido mientras estaba desactivado no se recogió: más abajo, «Reenviar» envía lo que no ha recibido.
done-disabled = El webhook está desactivado.
done-source-paused = La conexión está en pausa.
done-source-resumed = La conexión se ha reanudado.
done-paused = El webhook está en pausa.
done-resumed = El webhook se ha reanudado.
done-issues-solved = Dados por resueltos. Si vuelve a fallar, aparecerá de nuevo.
done-deliveries-cancelled = Canceladas.
done-none-chosen = No ha elegido ninguna entrega: marque la casilla de las que quiera.
done-retrying = Empieza un intento; si llega, sale todo lo que espera.
done-secret-changed = Durante un día firman la clave nueva y la antigua.
done-secret-finished = Ya solo firma la clave nueva.
done-test-sent = La prueba se ha enviado: esta es la respuesta.
done-test-failed = La prueba no llegó: abajo está la causa.
done-retried = Se vuelve a enviar.
done-cancelled = Se ha cancelado.
done-replay-begun = Ya van de camino.
done-resend-begun = Ya van de camino.
done-source-confirmed = Confirmado: la conexión continúa.
done-source-created = La conexión está lista.
done-source-known = Este ERP ya estaba conectado: se ha completado lo que faltaba, se usan el usuario y la contraseña indicados, y su nombre sigue igual.
done-source-removed = La conexión se ha eliminado.
done-person-added = Ya puede entrar.
done-person-removed = Ya no puede entrar.
done-token-removed = La clave ya no funciona.
done-session-ended = La sesión se ha cerrado.
done-mail-sent = El servidor de correo lo ha aceptado.

# Búsqueda y documentación.

search-title = Búsqueda
search-empty = No se ha encontrado nada.
search-looked = Se ha buscado en números de documento, nombres, números fiscales, correos y referencias de todos los eventos que se conservan (desde { $since }).
search-looked-too = También se han buscado webhooks y conexiones, por nombre y dirección.
search-looked-short = Con menos de tres letras solo se buscan documentos cuyo número empieza por ellas, desde { $since }: escriba más.
search-no-events = Aún no hay eventos en los que buscar.
docs-title = Ayuda
docs-contents = Documentos
docs-in-english = (en inglés)
docs-api = La API
docs-intro = Todas las llamadas, para programas. El documento OpenAPI:

# Bins.

bins-title = Bins
bin-title = Bin
bins-intro = Un bin es una dirección temporal que guarda lo que recibe, para ver qué llega antes de tener un programa que lo reciba.
bins-empty = Todavía no hay ninguno. «Nuevo bin» crea uno con un clic.
bin-new = Nuevo bin
bin-url = Dirección
bin-local = Esta dirección solo sirve en este equipo. Para recibir desde fuera, indique public_url en la configuración.
bin-to-webhook = Usar como webhook
sure-bin = Sí, eliminar con todo lo que recibió
bin-answer-title = Qué responde
bin-requests-title = Peticiones recibidas
bin-requests-empty = Nada todavía. Lo que llegue aparece aquí solo.
bin-signature-right = firma correcta
bin-signature-wrong = firma incorrecta
bin-after = tras { $span }
bin-every = una de cada { $n }; las demás, 200
bin-fault-none = nada
bin-fault-reset = corta la conexión
bin-fault-trickle = envía el cuerpo gota a gota (un byte por segundo)
column-answers = Responde
column-received = Recibidas
column-expires = Caduca
done-bin-created = Bin creado.
done-bin-removed = Bin eliminado.
label-bin-status = Código de estado
label-bin-delay = Espera antes de responder (ms)
label-bin-every = Solo una de cada
hint-bin-every = 1: responde así siempre. 3: la tercera, la sexta…; las demás reciben 200 de inmediato.
label-bin-fault = Qué falla
label-bin-body = Cuerpo (texto)

# Reglas de un webhook.

rules-title = Reglas: qué recibe y con qué forma
label-condition = Condición
hint-condition = Solo se envían los eventos que la cumplen. Ejemplo: data.object.total > 1000 && data.object.codserie == "A". Si no se puede evaluar con un evento, ese evento se omite y se ve en Entregas.
label-ignore-origins = No enviar lo que escribió…
hint-ignore-origins = Marque el programa que recibe este webhook si también escribe en el ERP: así no recibe los cambios que él mismo hace. Aparecen los orígenes de los últimos eventos, si el ERP los comunica.
label-more-origins = Otros
label-companies = Solo de estas empresas
hint-companies = Números de empresa (idempresa) separados por comas; vacío: todas. Lo que no es de ninguna empresa, como los clientes, se envía siempre.
label-preset = Forma para
preset-none = la habitual
hint-preset = Rellena la plantilla para ese servicio al guardar, si está vacía.
label-template = Plantilla
hint-template = Sustituye al cuerpo habitual: texto Jinja que produce JSON, por ejemplo {"{"}"text": "Factura {"{{"} data.object.codigo {"}}"}"{"}"}. Vacío: el cuerpo habitual.
deed-label-condition = condición
deed-label-template = plantilla
deed-label-ignore-origins = orígenes ignorados
deed-label-companies = empresas
label-include = Incluir también en el cuerpo
include-customer = Nombre, correo y NIF del cliente
hint-include = Como data.object.customer junto a codcliente, en documentos, recibos y todo lo que nombra a un cliente; null si no se sabe nada de él.
deed-label-include = también en el cuerpo
label-mask = Ocultar los valores de
hint-mask = Nombres de campos, como email, cifnif, separados por comas. Donde aparezca uno en el registro, sus líneas o el cliente, se envía *** en su lugar.
deed-label-mask = campos ocultos

# Consumidores.

consumers-title = Programas que consultan los eventos
consumers-hint = Un consumidor lee los eventos a su ritmo en lugar de recibirlos; aquí se ve hasta dónde ha llegado. Se crean con la API o con «gancho consumer add».
column-behind = Por leer
column-acked = Última confirmación
sure-consumer-hint = Su posición se pierde: si se crea otra vez, empieza de nuevo.
done-consumer-removed = Consumidor eliminado.
health-listener = listen
health-listener-sentence = «gancho listen» pide los eventos y los reenvía en el equipo de quien lo ejecuta; aquí se ven las respuestas.
deed-listener-opened = abrió con «gancho listen»
demo-banner = Demostración: el ERP, sus clientes y sus facturas son inventados, y todo desaparece al cerrar este programa.
sample-raw-body = el cuerpo tal como llega, sin interpretar
sample-two = dos mientras se cambia la clave
sample-recent = cinco minutos: una copia no se puede enviar más tarde
sample-wrong = firma incorrecta
kits-hint = O descargue un archivo que comprueba la firma y trata cada evento una sola vez:
send-now-label = Enviar ahora, tal como está, a
send-now-button = Enviar
send-now-hint = Se envía el documento como está ahora en el ERP (si está conectado por el plugin, como estaba en su último evento), aunque el webhook no pida ese tipo.
done-sent-now = En camino.
deed-endpoint-sent = envió un documento tal como está
deed-source-backfilled = envió registros existentes

personal-data-hint = Lo que este servidor guarda de un cliente del ERP: cada evento que lo nombra, lo que se envió de él, a quién y qué contestaron. Entréguelo a quien pida sus datos, o bórrelo. Lo que tiene el propio ERP no se toca.
label-customer-code = Código del cliente
hint-customer-code = El que aparece en FacturaScripts, en la ficha del cliente.
label-customer-source = De qué ERP
customer-source-any = Cualquiera
label-customer-values = Qué más lo identifica (opcional)
hint-customer-values = Uno por línea: el NIF, el correo. Solo cuentan los valores idénticos.
personal-data-count = ¿Cuánto hay?
personal-data-export = Descargarlo
personal-data-erase = Borrarlo
personal-data-sure = No se puede deshacer. De cada evento solo queda que existió, cuándo y a quién se envió; lo que aún espera se cancela. Los receptores conservan lo que recibieron, y las copias de seguridad lo que contienen: ocúpese también de ellos. Borre antes al cliente en el ERP, para que no vuelva a llegar nada.
personal-data-sure-button = Borrarlo para siempre
personal-data-found =
    { $count ->
        [0] Nada de lo que hay aquí nombra a este cliente.
        [one] Un evento nombra a este cliente.
       *[other] { $count } eventos nombran a este cliente.
    }
personal-data-erased =
    { $count ->
        [0] Nada de lo que había aquí nombraba a este cliente: no se borró nada.
        [one] Se borró un evento.
       *[other] Se borraron { $count } eventos.
    }
