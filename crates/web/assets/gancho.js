// Live updates and conveniences; every page works without.

const body = document.body;

// On a phone the tabs scroll.
document.querySelector('.tabs [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });

// The reader's zone, for the next page.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.split('; ').includes(`gancho_tz=${encodeURIComponent(zone)}`)) {
  const path = body.dataset.base || '/';
  const secure = location.protocol === 'https:' ? '; Secure' : '';
  document.cookie = `gancho_tz=${encodeURIComponent(zone)}; Path=${path}; Max-Age=31536000; SameSite=Lax${secure}`;
}

for (const field of document.querySelectorAll('[data-here]')) {
  field.value = location.pathname.slice((body.dataset.base || '').length) + location.search;
}

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async (event) => {
    event.preventDefault();
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    const before = button.textContent;
    button.textContent = body.dataset.copied;
    setTimeout(() => { button.textContent = before; }, 1500);
  });
}

// One open menu at a time; Escape closes it.
document.addEventListener('click', (event) => {
  for (const menu of document.querySelectorAll('details.menu[open]')) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  for (const menu of document.querySelectorAll('details.menu[open]')) {
    menu.open = false;
    menu.querySelector('summary').focus();
  }
});

// Keys: / search, j and k move, Enter opens, x selects, ? help.
const keys = document.getElementById('keys');
let at = -1;

function walk(step) {
  const rows = [...document.querySelectorAll('.list tbody tr')].filter((row) => row.querySelector('a.row'));
  if (rows.length === 0) return;
  at = Math.min(Math.max(at + step, 0), rows.length - 1);
  for (const row of rows) row.classList.toggle('on', row === rows[at]);
  rows[at].querySelector('a.row').focus({ preventScroll: true });
  rows[at].scrollIntoView({ block: 'nearest' });
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || keys?.open) return;
  if (event.target.closest('input, textarea, select, [contenteditable]')) return;
  const act = {
    '/': () => document.getElementById('search')?.focus(),
    j: () => walk(1),
    k: () => walk(-1),
    x: () => document.querySelector('.list tr.on input[name="ids"]')?.click(),
    '?': () => keys?.showModal(),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// Typed names are filled into the statements if they need no quoting.
for (const place of document.querySelectorAll('[data-fill]')) {
  const field = document.getElementById(`f-${place.dataset.fill}`);
  const usual = place.textContent;
  field?.addEventListener('input', () => {
    place.textContent = /^[\p{L}\p{N}_$-]+$/u.test(field.value) ? field.value : usual;
  });
}

// The tree of events: a ticked group includes its children; a search opens its hits.
const picker = document.getElementById('event-search')?.closest('fieldset');
if (picker) {
  const everything = picker.querySelector('input[value="*"]');
  const fold = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  const include = (box, is) => {
    if (is && !box.disabled) box.dataset.own = box.checked ? 'yes' : '';
    if (is) box.checked = true;
    else if (box.disabled) box.checked = box.dataset.own === 'yes';
    box.disabled = is;
  };
  const update = () => {
    for (const noun of picker.querySelectorAll('.noun')) {
      const group = noun.querySelector(':scope > label input');
      include(group, everything.checked);
      for (const leaf of noun.querySelectorAll('.leaves input')) include(leaf, group.checked);
    }
  };
  picker.addEventListener('change', update);
  update();
  const search = document.getElementById('event-search');
  search.hidden = false;
  search.addEventListener('input', (event) => {
    event.stopPropagation();
    const wanted = fold(search.value.trim());
    for (const branch of picker.querySelectorAll('details.branch')) {
      let some = false;
      for (const noun of branch.querySelectorAll('.noun')) {
        const title = fold(noun.querySelector('strong').textContent);
        let any = false;
        for (const leaf of noun.querySelectorAll('.leaves label')) {
          const fits = wanted.split(/\s+/).every((word) => `${title} ${fold(leaf.textContent)} ${leaf.querySelector('input').value}`.includes(word));
          leaf.hidden = !fits;
          any ||= fits;
        }
        noun.hidden = !any;
        some ||= any;
      }
      branch.hidden = !some;
      if (wanted) branch.open = some;
    }
  });
  search.addEventListener('keydown', (event) => { if (event.key === 'Enter') event.preventDefault(); });
}

// A form that is checked while it is filled in.
const form = document.querySelector('form[data-look]');
if (form) {
  let waiting;
  let asked = 0;
  const look = async () => {
    const fields = new URLSearchParams(new FormData(form));
    fields.delete('secret');
    fields.delete('headers');
    const mine = ++asked;
    const answer = await fetch(form.dataset.look, { method: 'POST', body: fields }).catch(() => null);
    if (!answer?.ok || mine !== asked) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const part of ['url', 'events']) {
      const found = page.querySelector(`[data-part="${part}"]`);
      if (found) document.getElementById(`look-${part}`).replaceChildren(...found.childNodes);
    }
  };
  form.addEventListener('input', () => { clearTimeout(waiting); waiting = setTimeout(look, 400); });
  if (form.querySelector('[name=url]').value) look();
}

// After a commit the page is fetched again and what differs is replaced in place; new rows are announced.
const live = document.getElementById('live');

function renew(page) {
  for (const part of document.querySelectorAll('[data-live]')) {
    const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!fresh) continue;
    // A part with a version keeps what is open until the version changes.
    if (part.dataset.version && part.dataset.version === fresh.dataset.version) continue;
    if (fresh.dataset.version) part.dataset.version = fresh.dataset.version;
    if (part.className !== fresh.className) part.className = fresh.className;
    if (part.innerHTML !== fresh.innerHTML) part.innerHTML = fresh.innerHTML;
  }
  let more = 0;
  for (const list of document.querySelectorAll('[data-live-list]')) {
    const fresh = page.querySelector('[data-live-list]');
    const added = [];
    for (const row of fresh?.children ?? []) {
      const known = document.getElementById(row.id);
      if (!known) { added.push(row); continue; }
      if (known.innerHTML !== row.innerHTML && !known.querySelector('details[open]')) {
        known.innerHTML = row.innerHTML;
        known.classList.add('fresh');
        setTimeout(() => known.classList.remove('fresh'), 1500);
      }
    }
    if (list.hasAttribute('data-live-push')) list.prepend(...added);
    else if (list.hasAttribute('data-live-top')) more += added.length;
  }
  const note = document.getElementById('new-rows');
  if (note && more > 0) {
    note.hidden = false;
    note.querySelector('a').textContent = body.dataset.new.replace('#', more);
  }
}

if (body.dataset.liveAt && document.querySelector('[data-live], [data-live-list]')) {
  let first = true;
  let beats;
  let busy = false;
  let again = false;
  const beat = async () => {
    if (first) { first = false; return; }
    if (busy) { again = true; return; }
    busy = true;
    const answer = await fetch(location.href, { headers: { accept: 'text/html', 'x-gancho-beat': '1' } }).catch(() => null);
    if (answer?.ok && !answer.redirected) {
      renew(new DOMParser().parseFromString(await answer.text(), 'text/html'));
    }
    busy = false;
    if (again) { again = false; setTimeout(beat, 1000); }
  };
  const connect = () => {
    beats?.close();
    beats = new EventSource(body.dataset.liveAt);
    beats.addEventListener('open', () => { live.className = 'live on'; live.textContent = ''; });
    beats.addEventListener('beat', beat);
    beats.addEventListener('error', () => {
      live.className = 'live stale';
      live.textContent = body.dataset.stale;
      first = false; // what happened meanwhile is asked for when it is back
      if (beats?.readyState === EventSource.CLOSED) setTimeout(() => { if (!document.hidden) connect(); }, 3000);
    });
  };
  connect();
  // Browsers allow few connections per server: hidden pages keep none.
  document.addEventListener('visibilitychange', () => {
    beats?.close();
    beats = undefined;
    if (!document.hidden) { first = false; connect(); }
  });
}
