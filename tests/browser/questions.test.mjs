// The ten questions of docs/es/preguntas.md, each within two clicks from the overview.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Receiver, Server, close, open, setUp } from './stage.mjs';
import { furnish } from './furnish.mjs';

let server, receiver, failing, page;
before(async () => {
  [server, receiver, failing] = [await Server.start(), await Receiver.start(), await Receiver.start()];
  [failing.status, failing.answer] = [401, 'bad signature'];
  page = await open();
  await setUp(page, server);
  const { books } = await furnish(server, receiver, failing);
  await server.until(`/deliveries?endpoint=${books.id}&state=pending`, (waiting) => waiting.data.length === 0);
  await server.call('PATCH', `/endpoints/${books.id}`, { retry: { delays_s: [3600] } });
  await server.call('POST', '/events', { event: 'invoice.created', data: { object: { codigo: 'F2026A77' } } });
});
after(async () => { await close(); receiver.stop(); failing.stop(); await server.stop(); });

/** Starts at the overview, clicks at most twice, and reads. */
async function ask(question, steps, answer) {
  await page.goto(server.base);
  assert.ok(steps.filter((step) => !step.startsWith('search ')).length <= 2, question);
  for (const step of steps) {
    if (step.startsWith('search ')) {
      await page.fill('#search', step.slice(7));
      await page.press('#search', 'Enter');
      await page.waitForURL(/\/search/);
    } else await page.click(step);
  }
  await page.waitForLoadState();
  assert.match((await page.textContent('main')).replace(/\s+/g, ' '), answer, question);
}

test('ten questions, each within two clicks from the overview', async () => {
  const hook = 'section[aria-labelledby=cares] a.row:has-text("Contabilidad")';
  await ask('did it arrive?', ['search f2026a1'], /Factura de cliente F2026A1 creada.*Tienda en línea: entregada/);
  await ask('what of this customer?', ['search Talleres Ejemplo SL'], /Cliente Talleres Ejemplo SL .*Factura de cliente F2026A/);
  await ask('why not?', ['search F2026A1', 'a.badge:has-text("Contabilidad: fallida") >> nth=0'], /401: no acepta la firma o pide una clave\. ¿Es correcta la clave secreta\?/);
  await ask('since when?', [], /Contabilidad Falla desde hace .*: 401 en \d+ de \d+ intentos/);
  await ask('is it my fault?', [hook], /¿Es correcta la clave secreta\?.*bad signature/);
  await ask('what do I do?', [hook], /Reintentar ahora.*Enviar un evento de prueba.*Pausar/);
  failing.status = 200;
  await ask('how does it go on?', [hook, 'button:has-text("Reintentar ahora")'], /Empieza un intento; si llega, sale todo lo que espera/);
  await ask('was anything lost?', [], /Entregas fallidas\s*0\b/);
  await ask('is it connected?', [], /Muebles Ejemplo\s*conectado/);
  await ask('why was nothing sent?', ['nav.side a:has-text("Eventos")', 'a:has-text("¿Por qué no se envió nada?")'], /Escriba el número de un documento/);
  await ask('who changed it?', ['nav.side a:has-text("Ajustes")', '.tabs a:has-text("Historial")'], /reintentó Contabilidad/);
});
