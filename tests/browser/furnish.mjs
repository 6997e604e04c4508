// A firm with something to see: an ERP, three webhooks, one of which keeps failing.

const line = (n, text, total) => ({ idlinea: n, descripcion: text, cantidad: 1, pvptotal: total, orden: 0 });

const invoice = (n, total, paid) => ({
  idfactura: n, codigo: `F2026A${n}`, codcliente: '3', nombrecliente: 'Talleres Ejemplo SL', cifnif: 'B00000001', fecha: '2026-11-24',
  hora: '18:30:00', coddivisa: 'EUR', neto: total / 1.21, totaliva: total - total / 1.21, total, pagada: paid, vencida: false,
  idestado: 10, lines: [line(n * 2, 'Silla de oficina negra', total - 50), line(n * 2 + 1, 'Montaje', 50)],
});

export async function furnish(server, receiver, failing) {
  const source = await server.call('POST', '/sources', { kind: 'plugin', name: 'Muebles Ejemplo' });
  const shop = await server.call('POST', '/endpoints', { url: receiver.url, name: 'Tienda en línea', events: ['*'] });
  const books = await server.call('POST', '/endpoints', {
    url: failing.url, name: 'Contabilidad', events: ['invoice.*', 'receipt.*'], retry: { delays_s: [0, 0, 0, 0, 0] },
  });
  const later = await server.call('POST', '/endpoints', {
    url: 'https://hooks.example.com/services/T0123/aB3dE5fG7hI9jK1l', name: 'Avisos', events: ['invoice.paid'], enabled: false,
  });
  const changes = [];
  for (let n = 1; n <= 8; n += 1) {
    changes.push({ model: 'FacturaCliente', operation: 'insert', key: n, after: invoice(n, 121 * n, false) });
    if (n % 2) {
      changes.push({
        model: 'FacturaCliente', operation: 'update', key: n, before: invoice(n, 121 * n, false), after: invoice(n, 121 * n, true),
      });
    }
  }
  const customer = { codcliente: '3', nombre: 'Talleres Ejemplo SL', cifnif: 'B00000001', telefono1: '910000001' };
  changes.push({ model: 'Cliente', operation: 'insert', key: '3', after: customer });
  changes.push({
    model: 'Cliente', operation: 'update', key: '3', before: customer, after: { ...customer, telefono1: '910000002' },
  });
  await server.call('POST', '/changes', { changes }, source.token);
  await server.until(`/endpoints/${books.id}`, (endpoint) => endpoint.health.state === 'failing');
  await server.until('/deliveries?state=delivered&limit=50', (page) => page.data.length >= 10);
  return { source, shop, books, later };
}
