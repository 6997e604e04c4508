# Times.

time-now = now
time-ago = { $span } ago
time-in = in { $span }
never = never
yes = yes
no = no
items = 
    { $count ->
       [one] { $count } item
       *[other] { $count } items
    }
sure-cancel = Yes, cancel it
sure-remove = Yes, remove it for good
sure-token-hint = Programs that use this key will be refused at once.
sure-finish = Yes, only the new one from now on
sure-finish-hint = Receivers that still check with the old secret will refuse what comes.
verify-show = Show the secret and how to verify
source-removed = a connection that was removed:
filter-unread = The filter “{ $name }” is not valid: correct or clear it to see results.
none-so-far = Nothing among the newest: the search goes on with “Older”.
events-none = No event matches these filters.
check-now = Check now

# Around every page.

skip = Skip to the content
nav-label = Main
nav-open = Open the menu
close = Close
keys-title = Keys
keys-search = search
keys-walk = walk a list
keys-enter-name = Enter
keys-enter = open the row
keys-choose = select the row
keys-help = show the keys
tabs-label = Parts of this page
search-label = Search
search-placeholder = Document number, id, webhook…
logout = Sign out
live-stale = not live: reconnecting
live-new = # more · show
copied = Copied
copy = Copy
save = Save
cancel = Cancel
back = Back
any = any
more-settings = More settings
page-next = Older
page-first = Newest
to-overview = To the overview
to-settings = Settings
to-check = Check
to-event = The event
shown-once = It is shown this once: keep it somewhere safe.
problem-title = That did not work
problem-fields = Some fields need a look.

# Coming in.

login-title = Sign in
login-button = Sign in
login-forgot = Forgot your password?
login-forgot-hint = Ask an administrator to set another one in Settings › People. If you are the administrator: on Gancho's server, gancho user passwd NAME sets a new one.
login-nobody = There is nobody who could sign in yet: open the one-time link that gancho serve printed when it started, or run gancho user add.
label-login-name = Name
label-password = Password
setup-title = Welcome to Gancho
setup-intro = Make yourself the administrator. After that this link no longer works.
setup-button = Begin
setup-used = This link was used, or the server was started anew since: look at what gancho serve printed last, or sign in.
label-new-password = Password
hint-new-password = 10 characters or more.
label-again = Repeat password
label-old-password = Your password until now

# Overview.

overview-title = Overview
first-title = First steps
step-done = done
first-source = Connect your FacturaScripts
first-source-hint = By its plugin, its API or its database. You can also go on without, just to try.
first-webhook = Add a webhook
first-webhook-hint = The address to notify, and for which events.
first-delivery = See the first delivery arrive
first-delivery-hint = Open the webhook, tab Test, and send a sample.
first-heard = Receive a first change from your ERP
first-heard-hint = Save any record in FacturaScripts: it shows here at once.
cares-title = Needs attention
cares-nothing = Nothing yet: an ERP or a webhook is still missing.
cares-none = Nothing: all active webhooks and connections work.
day-heading = The last 24 hours
day-title = Attempts of the last 24 hours: { $delivered } arrived, { $retried } failed and are retried, { $failed } failed with no retries left
hour-title = { $hour }: { $delivered } attempts arrived, { $retried } failed and are retried, { $failed } failed with no retries left
spark-title = { $share } of attempts arrived in the last 24 hours
figure-delivered = Delivered
figure-failed = Failed deliveries
figure-success = Successful attempts
figure-waiting = Waiting now
figure-failed-attempts = Failed attempts
figure-oldest = for
legend-delivered = attempts that arrived
legend-retried = failed attempts that are retried
legend-failed = failed with no retries left
spark-legend = Each bar is an hour: green arrived, red failed.
issues-title = Issues
issues-solve = Mark as solved
issue-closed = closed
issue-failed = 
    { $count ->
       [0] no failed delivery
       [one] { $count } delivery failed for good
       *[other] { $count } deliveries failed for good
    }
issue-sentence =
    { $count ->
       [one] { $count } attempt, { $failed }; { $last }
       *[other] { $count } attempts, { $failed }; for { $span }, the last { $last }
    }

# Columns.

column-name = Name
column-state = State
column-webhook = Webhook
column-events = Events
column-success = Successful attempts (24 h)
column-waiting = Waiting
column-failed = Failed (24 h)
column-p95 = 95 % within
column-last = Last delivery
column-acts = Actions
column-what = What happened
column-answer = Answer
column-took = Took
column-attempts = Attempts
column-next = Next attempt
column-at = When
column-who = Who
column-entry = What they did
column-source = Connection
column-sequence = No.
column-lag = Last delay
column-backlog = Waiting there
column-heard = Last change
column-how = How
column-field = Field
column-before = Before
column-after = After
column-kind = Kind
column-meaning = Meaning
column-role = Role
column-scope = Permission
column-browser = Browser
column-seen = Last used
column-setting = Setting
column-value = Value
made-at = Made

# Webhooks.

webhooks-title = Webhooks
webhooks-empty = No webhooks yet. A webhook is an address that Gancho notifies when something happens: add the first one.
webhook-new-title = New webhook
webhook-new-intro = Where should we send, and what? You can change everything later.
webhook-new-button = Add the webhook
label-url = URL of the receiver
hint-url = The address that your program or service gave you, such as https://example.com/hook.
label-webhook-name = Name
hint-webhook-name = What you call it, such as “Online shop”. May be left empty.
label-events = Events
hint-events = What should be sent there.
events-all = Everything that happens in the ERP
events-all-of = all of it
events-search = Find an event: invoice paid, stock…
label-more = Other types
hint-more = Types or patterns of your own, separated by commas, such as subscription.*, endpoint.*.
label-sources = Only from
hint-sources = Leave all empty to send from every connection.
label-description = Description
label-headers = Header fields
hint-headers = One a line, such as X-Tenant: 7. Known values stay hidden as ***.
label-retry = Delays between retries, in seconds
hint-retry = Separated by commas.
label-timeout = Time limit of an attempt, milliseconds
label-rate = Maximum per second
hint-rate = Empty: no limit.
label-flight = Maximum concurrent attempts
hint-flight = Empty: 8.
label-secret = Secret
hint-secret = Leave it empty to have one made.
look-count = 
    { $count ->
       [0] No event of the last week would have gone there.
       [one] { $count } event of the last week would have gone there.
       *[other] { $count } events of the last week would have gone there.
    }
look-many = { $count } events or more of the last week would have gone there.
probe-parse = The address is valid.
probe-http = Not encrypted: anybody on the way can read it. Use https:// where you can.
probe-https = Encrypted.
probe-reached = Reachable: { $host } takes the connection.
probe-failed = Not reachable: { $why }
probe-blocked = A private address: allow it with the setting allow_hosts if that is what you want.
    .raw = { $why }
acts-of = Actions for
act-enable = Enable
act-disable = Disable
act-pause = Pause
act-resume = Resume
act-retry-now = Retry now
act-test = Send a test…
act-resend-failed = Resend failed…
act-secret = Secret…
act-remove = Remove
act-retry = Send again
act-cancel = Cancel it
webhook-remove-title = Remove the webhook?
webhook-remove-sure = 
    { $count ->
       [0] Nothing waits. The log of its deliveries stays.
       [one] { $count } delivery waits: it will be cancelled. The log stays.
       *[other] { $count } deliveries wait: they will be cancelled. The log stays.
    }
tab-summary = Summary
tab-deliveries = Deliveries
tab-test = Test
tab-settings = Settings
tab-history = History
last-deliveries = Last deliveries
all-deliveries = All its deliveries, with filters
deliveries-none-here = Nothing was sent here yet.
replay-title = Resend
replay-hint = They go beside the new deliveries, with the same ids, so that the receiver can detect repeats.
replay-only = What
only-failed = What failed
only-missed = What it did not get, also from before it existed
only-all = Everything
replay-days = Of the last … days
replay-count = Count first
replay-count-again = Count again
replay-sure = 
    { $count ->
       [0] Nothing matches.
       [one] { $count } event would be sent again.
       *[other] { $count } events would be sent again.
    }
replay-button = Resend
job-running = Resending: { $sent } of { $total } on their way; { $delivered } delivered, { $failed } failed, { $waiting } waiting. { $left } You may leave this page.
job-ended = Resending has ended: { $delivered } delivered and { $failed } failed of { $sent }.
job-left = About { $span } left.
job-broken = Resending stopped at an error of Gancho: { $sent } of { $total } went ({ $delivered } delivered, { $failed } failed, { $waiting } waiting). { $left } Repeat it to send the rest.
job-interrupted = Gancho was restarted while resending: { $sent } of { $total } went ({ $delivered } delivered, { $failed } failed, { $waiting } waiting). { $left } Repeat it to send the rest.
replay-type = About
replay-type-all = Everything
replay-document = Document or record
replay-document-any = number or name
backfill-title = Send what already exists
backfill-hint = The ERP's records that were there before this webhook, each once, as an event that ends in .snapshot. They do not hold up the new deliveries.
backfill-plugin = This ERP is connected by its plugin and can't be asked from here: connect it by its database or its API to send what already exists.
backfill-source = From
backfill-since = Of this day or later
backfill-button = Send…
backfill-sure = All its records of this kind are sent to this webhook: in a large ERP that takes a while. You may leave the page.
backfill-go = Send them
backfill-running = Sending existing records: { $sent } so far; { $delivered } delivered, { $failed } failed, { $waiting } waiting. You may leave this page.
backfill-sending = All { $sent } existing records are on their way: { $delivered } delivered, { $failed } failed, { $waiting } waiting. { $left } You may leave this page.
backfill-ended = The existing records were sent: { $delivered } delivered and { $failed } failed of { $sent }.
backfill-broken = Sending existing records stopped, because the ERP did not answer, the webhook is disabled or Gancho failed: { $sent } went ({ $delivered } delivered, { $failed } failed, { $waiting } waiting). None of them is sent twice when it goes on.
backfill-interrupted = Gancho was restarted while it sent existing records: { $sent } went ({ $delivered } delivered, { $failed } failed, { $waiting } waiting). None of them is sent twice when it goes on.
job-continue = Go on
test-title = Send a test
test-hint = A sample with made-up data and "test": true in its body goes there at once, even if the webhook is disabled.
test-event = Sample of
test-button = Send
test-tag = test
test-to = Send it as a test to
verify-title = Check the signature
verify-hint = Every delivery is signed with this secret, so that the receiver knows it comes from you.
secret-title = Secret
secret-hint = Deliveries are signed with it. While it is being changed both sign, so that receivers have time.
secret-show = Show it
secret-previous = The old one, which still signs:
secret-rotate-sure = A new secret is made, and for a day deliveries carry both signatures. Give the new one to the receiver within that day.
secret-rotate-button = Change the secret
secret-rotate = Change it (both sign for a day)
secret-finish = End the change: only the new one signs

# Health.

evidence-title = What failed last
evidence-test = Send a test event
health-idle = new
health-ok = ok
health-shaky = unsteady
health-failing = failing
health-paused = paused
health-disabled = disabled
health-waiting = 
    { $count ->
       [0] nothing waits
       [one] { $count } waits
       *[other] { $count } wait
    }
health-idle-sentence = Nothing was sent yet; { $waiting }.
health-skipped-sentence = Nothing was sent yet: events came, and this webhook's condition or template left them out; { $waiting }.
health-quiet-sentence = Works: the last delivery arrived { $last }, nothing was sent in 24 h; { $waiting }.
health-ok-sentence = Works: the last delivery arrived { $last }; { $share } of attempts successful in 24 h; { $waiting }.
health-shaky-sentence =
    { $count ->
       [one] The last attempt failed: { $answer }
       *[other] The last { $count } attempts failed, the latest with: { $answer }
    }. We keep trying; { $waiting }.
health-shaky-idle-sentence =
    { $count ->
       [one] The last attempt failed: { $answer }
       *[other] The last { $count } attempts failed, the latest with: { $answer }
    }. Nothing waits: what failed can be resent.
health-failing-sentence = Failing for { $span }: { $answer } in { $same } of { $count } attempts; next attempt { $next }; { $waiting }.
health-failing-idle-sentence = Failing for { $span }: { $answer } in { $same } of { $count } attempts; nothing waits. Send a test event: if it arrives, the webhook works again and what failed is resent.
health-paused-sentence = Paused by a person: events are kept and not sent; { $waiting }.
health-disabled-sentence = Disabled by a person: nothing new is collected; { $waiting }.
health-gone-sentence = Disabled: the receiver answered that it is gone (410). Nothing new is collected; { $waiting }. If you still need it, correct the address and enable it.
health-given-up-sentence = Disabled after five days of nothing but failures. Nothing new is collected; { $waiting }. Mend the receiver, then enable it.
answer-status = { $code }
answer-dns = name not found
answer-connect = no connection
answer-tls = no secure connection
answer-timeout = no answer in time
answer-blocked = address not allowed
answer-protocol = unusable answer
answer-error = errors

# Deliveries.

deliveries-title = Deliveries
deliveries-empty = No deliveries yet: they appear here as soon as something happens that matches a webhook.
deliveries-none = No delivery matches these filters.
filter-type = Type
filter-time = Period
filter-from = From
filter-to = To
filter-document = Document number
filter-text = Text in the body
filter-button = Filter
filter-clear = Clear filters
hours-1 = last hour
hours-24 = last 24 hours
hours-168 = last 7 days
hours-720 = last 30 days
state-pending = waiting
state-delivered = delivered
state-failed = failed
state-cancelled = cancelled
state-skipped = not sent
reason-expired = It waited longer than deliveries are kept.
reason-too-large = The event is too large to be sent.
reason-cancelled = A person cancelled it.
reason-endpoint-removed = Its webhook was removed.
reason-condition = The webhook's condition does not hold.
reason-condition-error = The webhook's condition could not be worked out for this event.
reason-template-error = The webhook's template made no valid body of this event.
reason-origin = It was written by an origin that the webhook ignores.
reason-company = It is of a company that the webhook did not ask for.
error-kind-dns = name not found
error-kind-connect = no connection
error-kind-tls = TLS failed
error-kind-timeout = time limit
error-kind-blocked = not allowed
error-kind-protocol = invalid answer
error-kind-status = status
resend-all = Resend all that match…
resend-title-chosen = Resend the chosen ones?
bulk-hint-resend-chosen = Those that arrived too: the receiver knows them by their id. Those that wait are left alone, and tests: open one to send it again.
resend-title = Resend all that match?
bulk-sure-resend = 
    { $count ->
       [0] No failed or cancelled delivery matches.
       [one] { $count } delivery will be sent again.
       *[other] { $count } deliveries will be sent again.
    }
bulk-hint-resend = Only failed ones (or cancelled ones, if you filtered by that). What waits or arrived is left alone, and tests: open one to send it again.
bulk-button-resend = Resend them
resend-chosen = Resend the selected…
cancel-chosen = Cancel the selected…
cancel-all = Cancel all that wait and match…
cancel-title = Cancel waiting deliveries?
bulk-sure-cancel =
    { $count ->
       [0] None of them is waiting.
       [one] { $count } waiting delivery will be cancelled: it will not be sent.
       *[other] { $count } waiting deliveries will be cancelled: they will not be sent.
    }
bulk-hint-cancel = What arrived or failed is left alone. A cancelled delivery can be resent later.
bulk-button-cancel = Cancel them
choose = Select
column-choose = Select
delivery-title = Delivery
way-title = Timeline
step-happened = It happened in the ERP
step-heard = Gancho received it: { $type }
step-arrived = Attempt { $n } arrived: { $answer } in { $span }
step-failed = Attempt { $n } failed: { $answer } after { $span }
waiting-attempt = next attempt { $when }
waiting-endpoint-failing = the webhook fails; next attempt { $when }
waiting-endpoint-paused = the webhook is paused
waiting-endpoint-disabled = the webhook is disabled
waiting-rate = the webhook's limit a second
waiting-slot = earlier deliveries go first
waiting-order = an earlier event of the same document goes first
step-waiting = Waiting: { $what }
step-given-up = No attempts are left.
changed-title = What changed
attempts-title = Attempts
attempts-empty = None yet.
attempt = Attempt
request = Request
response = Response
truncated = The answer was longer; this is its beginning.
body-title = What is sent
pretty = Readable
raw = As it is, byte for byte
details = Technical details
state-pending-now = Waiting:
curl-sign = Signed, so that the receiver accepts it
curl-signed-hint = It carries all header fields and is signed now: receivers accept it for a few minutes. It contains secrets: don't share it.
signature-title = Check a signature here
signature-hint = Paste what your program received or calculated for this delivery: webhook-signature (v1,…) of any of its attempts, or X-Webhook-Signature.
signature-button = Check
signature-right = Right: it is the signature of this body with this webhook's secret.
signature-wrong = Wrong. X-Webhook-Signature: the raw body, before parsing it, signed with the whole secret. webhook-signature: “id.timestamp.body”, signed with what follows whsec_, decoded from base64. It should be:
phase-dns = name
phase-connect = connecting
phase-tls = TLS
phase-first-byte = first byte
phase-body = body

# Why an attempt failed.

why-dns = The receiver's name could not be found: look at the address, or at its name server.
why-connect = No connection, or it was cut before the answer: the program may not be running or may have crashed, or there may be a firewall in between.
why-tls = No secure connection came about: the certificate may have expired or be for another name, or what answers does not speak TLS (is it an http:// address?).
why-timeout = The receiver did not answer in time: it should say 200 first and work afterwards.
why-blocked = That address is private and not allowed: see the setting allow_hosts.
why-protocol = What came back is not a usable HTTP answer.
why-status = The receiver answered { $code }, which is no known answer.
why-status-1xx = The receiver answered { $code }, which is no final answer.
why-status-2xx = The receiver answered { $code }, but broke off.
why-status-3xx = The receiver answered { $code }: it wants another address. Redirects are not followed; enter the final address.
why-status-4xx = The receiver refused it with { $code }: look at the address and at what it expects.
why-status-5xx = The receiver failed with { $code }: the log of that program says more; tell whoever maintains it.
why-status-401 = The receiver answered 401: it does not accept the signature or asks for a key. Is the secret the right one? Compare it with the one on the Test tab.
why-status-403 = The receiver answered 403: it does not let us in. Check there that this server is admitted.
why-status-404 = The receiver answered 404: there is nothing at that address. Check it.
why-status-410 = The receiver answered 410: it wants nothing more. The webhook was disabled. If you still need it, correct the address and enable it.
why-status-413 = The receiver answered 413: it is too large for it. Ask for a higher limit there.
why-status-429 = The receiver answered 429: too many requests. Set “Maximum per second” in the webhook's settings.
why-status-503 = The receiver answered 503: it is not available just now.

# Events.

events-title = Events
events-empty = No events here. They appear as soon as something happens in a connected ERP, whether or not it matches a webhook.
event-title = Event
event-unasked = It matches no webhook: it was not sent.
who-asked = Matching by webhook
no-webhooks = There are no webhooks.
from-removed = from a removed connection
from-gancho = from Gancho
from-a-program = from a program
why-title = Why was nothing sent?
why-intro = Enter a document's number (or a customer's name): was it received, which events did it make, which webhooks matched?
why-button = Find out
event-erased = The data of this event were erased on { $at }, at the request of the person they were about. That it happened, when, and which webhooks got it remains.
why-cut = Those are the newest; there may be older ones.
why-all = All its events
why-unheard = Gancho received nothing about this. Perhaps it was not saved in the ERP, or the connection was down. Or it was erased here (personal data).
why-noise = Values that the ERP computes by itself (a customer's risk, a product's stock figure) make no events.
why-heard = 
    { $count ->
       [one] Received: { $count } event.
       *[other] Received: { $count } events, the latest first.
    }
ear-up = Connected. Last change: { $heard }.
ear-down = Disconnected for { $span }: { $why }. Last change: { $heard }.
verdict-delivery = matches; { $state }
verdict-skipped = includes this type; { $state }
verdict-younger = was added later
verdict-pattern = does not include { $type }, only { $events }
verdict-source = gets events of other connections only
verdict-disabled = is disabled: nothing is collected
verdict-then = did not match, or was disabled then
own-endpoint-failing = A webhook keeps failing
own-endpoint-recovered = A webhook works again
own-endpoint-disabled = A webhook was disabled
own-source-down = A connection is down
own-source-up = A connection is back
own-model-saved = Record saved
own-model-deleted = Record deleted

# Catalogue.

catalogue-title = Catalogue
catalogue-intro = Everything that can be sent, by area. Open one to see its fields and a real example.
area-sales = Sales
area-purchases = Purchases
area-people = Customers and suppliers
area-warehouse = Warehouse
area-users = Users
example-real = The last one here
example-sample = A sample (there was none here yet)
fields-title = Fields
webhook-for-this = New webhook for this
kind-text = text
kind-int = whole number
kind-number = number
kind-bool = yes or no
kind-date = date
kind-time = time
kind-timestamp = date and time

# Sources.

sources-title = Connections
sources-empty = No ERP is connected yet.
source-new-title = Connect an ERP
source-new-intro = How should Gancho connect to your FacturaScripts?
source-kind-plugin = Plugin
source-kind-database = Database
source-pace = New records are seen within about { $new }, changes to older ones within about { $changes }: FacturaScripts' API does not announce them, so its lists are polled one after the other. The plugin sends both at once.
source-kind-api = REST API
source-choice-plugin = You install a plugin in FacturaScripts: nothing else is needed there.
source-choice-database = You have access to its MariaDB or PostgreSQL: the fastest and most exact way.
source-choice-api = You have a key of its REST API: nothing is installed; changes are noticed after seconds or minutes.
source-intro-api = Gancho polls the ERP periodically. Make a key in FacturaScripts under Control Panel › API Keys, with the right to read, and switch the API on under Default.
source-intro-plugin = Gancho makes a key; you enter it in the plugin's settings. Gancho may run anywhere that FacturaScripts can reach: on the same machine, on a small server, at your integrator's.
source-intro-database = Gancho puts an outbox table and triggers into the ERP's database. “Show the SQL” only shows it, and changes nothing.
source-button = Connect
source-plan = Show the SQL
source-sql = This would be run
label-source-name = Name
hint-source-name = What you call this company.
label-database-url = Address of the database
hint-database-url = mysql://USER:PASSWORD@HOST/DATABASE or postgres://USER:PASSWORD@HOST/DATABASE. It is kept encrypted.
label-engine = Engine
label-database-host = Server
hint-database-host = Name or address of the database's machine, as in FacturaScripts' config.php (FS_DB_HOST).
label-database-port = Port
hint-database-port = Empty: the usual one (3306 or 5432).
label-database-name = Name of the database
hint-database-name = FS_DB_NAME in config.php.
label-database-user = User
hint-database-user = One of Gancho's own, with the rights below.
label-database-password = Password
hint-database-password = Kept encrypted.
database-whole = Or the whole address
grants-title = Create Gancho's user
grants-hint = The database's administrator runs this once. Put your password in place of the dots.
grants-postgres = Triggers on another owner's tables need TRIGGER, as above; if the ERP adds tables later, repeat the last line.
label-erp-url = Address of FacturaScripts
hint-erp-url = As in the browser: https://erp.example.com
label-erp-key = Key of its API
hint-erp-key = It is kept encrypted.
label-erp-url-change = Another address of FacturaScripts
hint-erp-url-change = Leave it empty to keep it. At another ERP everything is read anew, without events.
label-erp-key-change = Another key
hint-erp-key-change = Empty: as it is.
label-database-url-change = Another address of the database
hint-database-url-change = Empty: as it is.
label-time-zone = Time zone
hint-time-zone = The zone that the ERP is set to.
label-models = Models
hint-models = Which models or tables make events, separated by commas. Empty: those of the catalogue.
source-ok = connected
source-waiting = waiting
source-down = disconnected
source-asks = stopped: please decide
source-confirm = It is the same ERP: go on
source-is-copy = It is a copy: remove the connection
source-ok-sentence = Connected. Last change: { $heard }.
source-waiting-sentence = Ready. No change has come in yet: save any record in the ERP.
source-paused-sentence = Paused by a person: nothing is taken. Changes are kept in the ERP until you resume it. Last change: { $heard }.
source-paused-api-sentence = Paused by a person: nothing is polled. Changes will be polled when you resume it; what is created and deleted meanwhile is missed. Last change: { $heard }.
source-down-sentence = Disconnected for { $span }: { $why }. Last change: { $heard }. Gancho keeps trying; until then changes are kept in the ERP's database.
source-down-api-sentence = Disconnected for { $span }: { $why }. Last change: { $heard }. Gancho keeps trying; changes will be polled when it is back.
source-warns-sentence = Connected, but: { $why }. Last change: { $heard }.
source-made-title = The connection is made
source-made-intro = Enter these two in the plugin's settings in FacturaScripts.
source-made-plugin = If it is not there yet: upload the plugin under Administrator › Plugins and switch it on.
source-plugin-download = Download the plugin
source-made-address = Address of Gancho
address-local = This address works only if FacturaScripts runs on this very machine. If it is elsewhere (a hosting provider, another server), let it reach Gancho: by the setting listen (such as 0.0.0.0:8420) or behind an https proxy, and give that address in public_url.
source-made-token = Key
source-made-next = To the connection
check-title = Check
check-again = Check again
finding-connection = connection
finding-connect = connection
finding-engine = engine
finding-triggers = triggers
finding-outbox = waiting
finding-lost = losses
finding-address = address
finding-url = address
finding-key = key
finding-plugin = plugin
finding-lists = lists
finding-version = version
finding-heard = last change
check-good = ok
check-bad = problem
source-remove-title = Remove the connection?
source-remove-database = Our triggers and the outbox are taken out of the ERP's database. Its events stay here.
source-remove-token = Its key stops working at once. Its events stay here.
source-remove-force = Remove it all the same, and leave our triggers there

# Settings.

settings-title = Settings
settings-me = My account
settings-people = People
settings-tokens = API keys
mail-trouble = Alerts can't be mailed: { $why }
settings-mail = Mail
settings-personal-data = Personal data
settings-history = History
settings-limits = Settings in force
label-language = Language
label-my-zone = Time zone
hint-my-zone = Times are shown in it, such as Europe/Madrid or America/Bogota.
label-email = E-mail
hint-email = Where to notify you when a webhook or a connection fails. If you leave it empty, you get no mail.
change-password = Change the password
sessions-title = Where you are signed in
this-one = this one
end-session = End
role-admin = Administrator
role-viewer = Viewer
role-hint = Viewers see everything but secrets, and change nothing.
make-admin = Make administrator
make-viewer = Make viewer
person-add = Add a person
person-button = Add
tokens-empty = No keys yet: programs that use the API need one.
token-add = New key
label-token-name = What for
token-button = Make it
token-made = The new key:
scope-admin = everything
scope-read = reading
scope-ingest = sending events
mail-unset = There is no mail server, so nobody is alerted by mail. Set it here.
mail-fixed = The mail server is in gancho.toml or the environment (smtp_url, mail_from), which has priority over what is set here.
label-mail-host = Mail server (SMTP)
hint-mail-host = Such as smtp.example.com: your mail provider says it.
label-encryption = Encryption
encryption-starttls = STARTTLS (the usual)
encryption-tls = TLS from the beginning
encryption-none = none: on this machine only
label-mail-port = Port
hint-mail-port = Empty: the usual one (587 with STARTTLS, 465 with TLS).
label-mail-user = User
hint-mail-user = Often the whole address. Empty: no user.
label-mail-password = Password
hint-mail-password = Kept encrypted. Leave it empty to keep it.
label-mail-from = Sender
hint-mail-from = Such as gancho@example.com or Gancho <gancho@example.com>.
mail-forget-sure = The mail server, its password and the sender are removed, and nobody is written to any more when something fails. People's addresses stay.
mail-forget = Send no more mail
mail-test-title = See whether it arrives
mail-from = From
mail-server = Server
mail-when = People with an e-mail address get mail at the first failed delivery of an outage, a day before a webhook is disabled, when it is disabled, when it works again, and when a connection has been down for an hour.
label-mail-to = Send a test to
mail-button = Send
limits-hint = Set in gancho.toml, in the environment, or by flags: gancho config.
history-empty = Nobody changed anything yet.
deed-field = { $field }: { $old } → { $new }
deed-label-url = address
deed-label-name = name
deed-label-description = description
deed-label-events = events
deed-label-sources = only from
deed-label-enabled = enabled
deed-label-paused = paused
deed-label-disabled-reason = disabled because
deed-label-headers = headers
deed-label-timeout-ms = time limit (ms)
deed-label-retry = waits (s)
deed-label-rate-per-s = at most a second
deed-label-max-in-flight = at most at once
deed-label-role = role
deed-label-password = password
deed-count = 
    { $count ->
       [one] { $count } delivery
       *[other] { $count } deliveries
    }
deed-endpoint-created = added the webhook
deed-endpoint-changed = changed the webhook
deed-endpoint-removed = removed the webhook
deed-endpoint-replayed = sent again to
deed-endpoint-retried = retried
deed-endpoint-issues-solved = marked as solved the issues of
deed-endpoint-secret-changed = began changing the secret of
deed-endpoint-secret-finished = ended changing the secret of
deed-deliveries-resent = resent deliveries
deed-deliveries-cancelled = cancelled deliveries
deed-delivery-retried = sent a delivery again:
deed-delivery-cancelled = cancelled a delivery:
deed-source-created = connected
deed-source-paused = paused the connection
deed-source-resumed = resumed the connection
deed-source-changed = changed the connection
deed-source-confirmed = confirmed the connection
deed-source-removed = removed the connection
deed-token-created = made the key
deed-token-removed = removed the key
deed-person-added = added
deed-person-changed = changed
deed-person-removed = removed
deed-mail-changed = changed the mail server
deed-bin-created = made the bin
deed-bin-removed = removed the bin
deed-consumer-created = made the consumer
deed-consumer-removed = removed the consumer
deed-personal-data-exported = downloaded what was kept about the customer
deed-personal-data-erased = erased what was kept about the customer

# What was done just now.

done-saved = Saved.
done-saved-key-dropped = Saved. The key was dropped, because the address leads to another server: enter its key to connect.
done-saved-headers-dropped = Saved. The header fields were dropped, because the address leads to another server: enter them again if they are for that one too.
done-webhook-created = The webhook is there. Send a test to see it arrive.
done-webhook-removed = The webhook was removed.
done-enabled = The webhook is enabled. Events that came while it was disabled were not collected: below, “Resend” sends what it did not get.
done-disabled = The webhook is disabled.
done-source-paused = The connection is paused.
done-source-resumed = The connection has been resumed.
done-paused = The webhook is paused.
done-resumed = The webhook has been resumed.
done-issues-solved = Marked as solved. If it fails again, it will appear again.
done-deliveries-cancelled = Cancelled.
done-none-chosen = No delivery is selected: tick those that you want.
done-retrying = An attempt begins now; if it succeeds, everything that waits follows.
done-secret-changed = A new secret signs beside the old one for a day.
done-secret-finished = Only the new secret signs now.
done-test-sent = The test was sent: here is what came back.
done-test-failed = The test did not arrive: the cause is below.
done-retried = It goes again.
done-cancelled = It was cancelled.
done-replay-begun = They are on their way.
done-resend-begun = They are on their way.
done-source-confirmed = Confirmed: the connection goes on.
done-source-created = The connection is in place.
done-source-known = This ERP was connected already: what was missing was repaired, its login is the one given now, and its name stays.
done-source-removed = The connection was removed.
done-person-added = They may sign in now.
done-person-removed = They may not sign in any more.
done-token-removed = The key no longer works.
done-session-ended = The session was ended.
done-mail-sent = The mail server took it.

# Search and documents.

search-title = Search
search-empty = Nothing was found.
search-looked = Searched: document numbers, names, tax numbers, e-mail addresses and references of all events that are kept (since { $since }).
search-looked-too = Webhooks and connections were searched too, by name and address.
search-looked-short = With fewer than three letters only documents whose number begins so are looked for, since { $since }: type more.
search-no-events = There are no events to search yet.
docs-title = Help
docs-contents = Documents
docs-in-english = (in English)
docs-api = The API
docs-intro = Every call, for programs. The document itself:

# Bins.

bins-title = Bins
bin-title = Bin
bins-intro = A bin is a temporary URL that keeps what it receives, so you can see what arrives before you have a program to receive it.
bins-empty = There are none yet. “New bin” makes one in a click.
bin-new = New bin
bin-url = URL
bin-local = This URL works on this machine only. To receive from elsewhere, set public_url in the settings.
bin-to-webhook = Use as a webhook
sure-bin = Yes, remove it with all it received
bin-answer-title = What it answers
bin-requests-title = Received requests
bin-requests-empty = Nothing yet. What arrives appears here by itself.
bin-signature-right = signature right
bin-signature-wrong = signature wrong
bin-after = after { $span }
bin-every = one in { $n }; the others, 200
bin-fault-none = nothing
bin-fault-reset = resets the connection
bin-fault-trickle = sends the body drop by drop (a byte a second)
column-answers = Answers
column-received = Received
column-expires = Expires
done-bin-created = Bin made.
done-bin-removed = Bin removed.
label-bin-status = Status code
label-bin-delay = Wait before answering (ms)
label-bin-every = Only one in
hint-bin-every = 1: it always answers so. 3: the third, the sixth…; the others get 200 at once.
label-bin-fault = What goes wrong
label-bin-body = Body (text)

# Rules of a webhook.

rules-title = Rules: what it gets, and in what shape
label-condition = Condition
hint-condition = Only events for which it holds are sent. Example: data.object.total > 1000 && data.object.codserie == "A". An event for which it can't be worked out is skipped, which Deliveries shows.
label-ignore-origins = Don't send what was written by…
hint-ignore-origins = Tick the program that receives this webhook if it also writes to the ERP: then it doesn't hear its own echo. The origins of the latest events are offered, where the ERP tells them.
label-more-origins = Others
label-companies = Only of these companies
hint-companies = Numbers of companies (idempresa), separated by commas; empty: all. What belongs to no company, such as customers, is always sent.
label-preset = Shape for
preset-none = the usual one
hint-preset = Fills in the template for that service when you save, if it is empty.
label-template = Template
hint-template = Replaces the usual body: Jinja that makes JSON, such as {"{"}"text": "Invoice {"{{"} data.object.codigo {"}}"}"{"}"}. Empty: the usual body.
deed-label-condition = condition
deed-label-template = template
deed-label-ignore-origins = ignored origins
deed-label-companies = companies
label-include = Also put into the body
include-customer = The customer's name, e-mail and tax number
hint-include = As data.object.customer beside codcliente, in documents, receipts and whatever else names a customer; null where nothing is known of them.
deed-label-include = also in the body
label-mask = Leave out the values of
hint-mask = Names of fields, such as email, cifnif, separated by commas. Wherever one stands in the record, its lines or the customer, *** is sent in its place.
deed-label-mask = masked fields

# Consumers.

consumers-title = Programs that read by themselves
consumers-hint = A consumer reads events at its own pace instead of receiving them; here is how far each has come. They are made by the API or by “gancho consumer add”.
column-behind = To read
column-acked = Last acknowledgement
sure-consumer-hint = Its position is lost: made again, it begins anew.
done-consumer-removed = Consumer removed.
health-listener = listen
health-listener-sentence = “gancho listen” asks for the events and forwards them on the machine where it runs; here is the log of what was answered.
deed-listener-opened = opened with “gancho listen”
demo-banner = A demonstration: the ERP, its customers and invoices are made up, and everything goes when this program ends.
sample-raw-body = the raw body, before parsing
sample-two = two while the secret is being changed
sample-recent = five minutes: a copy can't be sent again later
sample-wrong = wrong signature
kits-hint = Or download a file that verifies and handles each event once:
send-now-label = Send now, as it is, to
send-now-button = Send
send-now-hint = The document is sent as it is in the ERP now (if it is connected by the plugin, as its last event said), even if the webhook does not ask for its type.
done-sent-now = On its way.
deed-endpoint-sent = sent a document as it is
deed-source-backfilled = sent existing records

personal-data-hint = What this server keeps about one customer of the ERP: every event that names them, what was sent of it, to whom, and what they answered. Give it to whoever asks for their data, or erase it. What the ERP itself has is not touched.
label-customer-code = Customer's code
hint-customer-code = As it stands in FacturaScripts, in the customer's page.
label-customer-source = Of which ERP
customer-source-any = Any
label-customer-values = What else stands for them (optional)
hint-customer-values = One to a line: a tax number, an e-mail address. Found where a value is exactly this.
personal-data-count = How much is there?
personal-data-export = Download it
personal-data-erase = Erase it
personal-data-sure = It can't be undone. Of each event only that it was, when, and to whom it went remains; what still waits is cancelled. Receivers keep what they got, and backups what they hold: see to those, too. Erase the customer in the ERP first, so that nothing comes again.
personal-data-sure-button = Erase it for good
personal-data-found =
    { $count ->
        [0] Nothing here names this customer.
        [one] One event names this customer.
       *[other] { $count } events name this customer.
    }
personal-data-erased =
    { $count ->
        [0] Nothing here named this customer: nothing was erased.
        [one] One event was erased.
       *[other] { $count } events were erased.
    }
