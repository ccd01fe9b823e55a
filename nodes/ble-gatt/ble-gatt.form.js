// Dialog of ble-gatt: devices on the air now, what one offers, and a measurement, all with the values as they stand in the form.
FieldlineForm.panel('fieldline-ble-gatt', form => {
  const own = ['service', 'characteristic', 'how', 'readSeconds', 'commands', 'enable', 'measure'];
  const byId = form.part;
  const says = byId('fl-gatt-says');
  const scanButton = byId('fl-gatt-scan');
  let offers = [];
  let timer;
  let open = true;

  function showOwn() {
    const isOwn = form.value('preset') === 'own';
    for (const name of own) form.show(name, isOwn);
    if (isOwn) form.show('readSeconds', form.value('how') === 'read');
  }
  $(form.input('preset')).on('change', showOwn);
  $(form.input('how')).on('change', showOwn);
  showOwn();

  const places = () =>
    offers.flatMap(({ uuid, characteristics }) =>
      characteristics.map(({ uuid: value, properties }) => ({
        value,
        label: `${value} (${properties.join(', ')})`,
        service: uuid,
        how: properties.includes('notify') || properties.includes('indicate') ? 'subscribe' : 'read',
      })),
    );
  form.suggest('service', () => offers.map(({ uuid }) => ({ value: uuid, label: uuid })));
  for (const name of ['characteristic', 'commands']) form.suggest(name, places);

  function row(first, text, last, pick) {
    const button = form.element('button', { type: 'button' });
    button.append(form.element('b', {}, first), form.element('span', {}, text), form.element('i', {}, last));
    button.onclick = pick;
    const item = form.element('li');
    item.append(button);
    return item;
  }

  function stopScan() {
    clearTimeout(timer);
    timer = undefined;
    scanButton.textContent = 'Scan now';
  }
  function pickDevice({ address, kind, name }) {
    stopScan();
    form.fill('address', address);
    if (kind !== undefined) form.fill('preset', kind);
    says.textContent = `${name ?? address} chosen`;
    byId('fl-gatt-devices').replaceChildren();
  }
  async function scan() {
    try {
      const view = await form.ask('fieldline/ble-gatt/scan', { adapter: form.value('adapter'), prefix: form.value('demoPrefix') });
      if (!open || timer === undefined) return;
      says.textContent = view.state === 'on' ? `${view.devices.length} devices; click one` : `${view.state}: ${view.reason}`;
      const rows = view.devices.map(device => {
        const { address, name, rssi, agoMs } = device;
        return row(address, name ?? '', `${rssi === undefined ? '' : `${rssi} dBm, `}${Math.round(agoMs / 1000)} s ago`, () => pickDevice(device));
      });
      byId('fl-gatt-devices').replaceChildren(...rows);
      timer = setTimeout(scan, 1000);
    } catch (error) {
      says.textContent = error.message;
      stopScan();
    }
  }
  scanButton.onclick = () => {
    if (timer !== undefined) return stopScan();
    scanButton.textContent = 'Stop';
    says.textContent = 'listening';
    timer = setTimeout(scan, 0);
  };

  async function act(waiting, path, show) {
    says.textContent = waiting;
    try {
      const answer = await form.ask(path, { node: form.node.id, settings: form.values() });
      if (open) show(answer);
    } catch (error) {
      if (open) says.textContent = error.message;
    }
  }
  byId('fl-gatt-services').onclick = () =>
    act('connecting', 'fieldline/ble-gatt/services', ({ services }) => {
      offers = services;
      says.textContent = `${services.length} services; click what to use`;
      const rows = places().map(({ value, service, label, how }) =>
        row(value, label.slice(value.length), '', () => {
          form.fill('preset', 'own');
          form.fill('service', service);
          form.fill('characteristic', value);
          form.fill('how', how);
        }),
      );
      byId('fl-gatt-offers').replaceChildren(...rows);
    });
  byId('fl-gatt-measure').onclick = () =>
    act('measuring', 'fieldline/ble-gatt/try', answer => {
      says.textContent = `${answer.says} (${answer.hex})`;
    });

  return () => {
    open = false;
    stopScan();
  };
});
