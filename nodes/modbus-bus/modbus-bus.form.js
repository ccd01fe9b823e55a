// Dialog of modbus-bus: the settings of its transport, a trial of the line and a scan for units with the values as they stand in the form.
FieldlineForm.panel('fieldline-modbus-bus', form => {
  const { part } = form;
  const says = text => (part('fl-mbb-says').textContent = text);
  let ports = [];
  let timer;
  let scan;

  function transportChanged() {
    const transport = form.value('transport');
    for (const name of ['host', 'port']) form.show(name, transport !== 'rtu');
    form.show('serialPort', transport === 'rtu');
    for (const name of ['baudRate', 'characters']) form.show(name, transport !== 'tcp');
    form.show('parallel', transport === 'tcp');
  }
  form.input('transport').addEventListener('change', transportChanged);
  transportChanged();

  const request = () => ({ bus: form.values(), node: form.node.id });

  /** What a scan would still say must not cover what is said next. */
  function endScan() {
    clearTimeout(timer);
    if (scan !== undefined) form.ask('fieldline/modbus/scan-stop', { id: scan }).catch(() => {});
    scan = undefined;
    part('fl-mbb-stop').hidden = true;
  }

  part('fl-mbb-test').onclick = async () => {
    endScan();
    says('asking …');
    try {
      const { ok, says: told, advice, ms } = await form.ask('fieldline/modbus/test', { ...request(), unit: part('fl-mbb-unit').value });
      says(`${ok ? '✓' : '✗'} ${told}${ok ? ` (${ms} ms)` : advice ? `; ${advice}` : ''}`);
    } catch (error) {
      says(error.message);
    }
  };

  function show({ done, at, of, found, error }) {
    says(error ?? (done ? `${found.length} of ${of} units found` : `asking unit ${at}, ${found.length} found`));
    part('fl-mbb-found').replaceChildren(...found.map(({ unit, says: told, ms }) => form.element('li', {}, `unit ${unit}: ${told} (${ms} ms)`)));
    part('fl-mbb-stop').hidden = done;
    if (!done) timer = setTimeout(look, 500);
  }
  function look() {
    const id = scan;
    $.getJSON('fieldline/modbus/scan', { id }).done(answer => id === scan && show(answer));
  }

  part('fl-mbb-scan').onclick = async () => {
    endScan();
    const { bus, node } = request();
    try {
      // Units that are there answer soon; the others must not take a second each.
      const timeoutMs = Math.min(Number(bus.timeoutMs) || 300, 300);
      ({ id: scan } = await form.ask('fieldline/modbus/scan', { bus: { ...bus, timeoutMs }, node, from: 1, to: 247 }));
      look();
    } catch (error) {
      says(error.message);
    }
  };
  part('fl-mbb-stop').onclick = () => form.ask('fieldline/modbus/scan-stop', { id: scan });

  form.suggest('serialPort', () => ports.map(({ path, label }) => ({ value: path, label: label === path ? path : `${label} (${path})` })));
  $.getJSON('fieldline/modbus/ports').done(answer => {
    ports = answer.ports;
    if (answer.unavailable && form.value('transport') === 'rtu') says(`serial ports: ${answer.unavailable}`);
  });

  return endScan;
});
