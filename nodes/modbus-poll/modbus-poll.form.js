// Dialog of modbus-poll: the register map as a table with a check and a live value per row, its plan, and imports.
FieldlineForm.panel('fieldline-modbus-poll', form => {
  const { part } = form;
  const says = text => (part('fl-mbp-says').textContent = text);
  const table = document.querySelector('.fieldline-registers');
  const TYPES = 'int16 uint16 int32 uint32 int64 uint64 float32 float64 float16 bool bit bits flags enum bcd string datetime int8h int8l uint8h uint8l'.split(' ');
  const ORDERS = ['', 'ABCD', 'CDAB', 'BADC', 'DCBA'];
  const TABLES = ['', 'holding', 'input', 'coil', 'discrete'];
  let map;
  let timer;

  /** The bus as it stands in the editor, deployed or not. */
  function request() {
    const node = RED.nodes.node(form.value('bus'));
    const bus = Object.fromEntries(Object.keys(node?._def?.defaults ?? {}).map(name => [name, node[name]]));
    return { bus, node: node?.id, unit: form.value('unitId'), parameters: form.value('parameters') };
  }

  async function mapOf() {
    const text = form.value('map').trim();
    if (text.startsWith('{')) return JSON.parse(text);
    if (text === '') return { name: 'my-map', base: 0, table: 'holding', registers: [] };
    const { text: shipped } = await $.getJSON('fieldline/modbus/map', { name: text });
    return { ...JSON.parse(shipped), name: `${text}-own` };
  }

  function keep() {
    form.fill('map', JSON.stringify(map, null, 1));
    clearTimeout(timer);
    timer = setTimeout(check, 300);
  }

  async function check() {
    const checked = await form.ask('fieldline/modbus/rows', { map: JSON.stringify(map) });
    for (const [at, line] of [...part('fl-mbp-rows').rows].entries()) {
      const { fault, address, reference } = checked[at] ?? {};
      const place = line.querySelector('small');
      place.textContent = fault ?? `${address} / ${reference}`;
      place.className = fault ? 'fieldline-error' : '';
    }
  }

  function cell(row, key, options) {
    const input = options ? form.element('select', { 'aria-label': key }) : form.element('input', { type: 'text', 'aria-label': key });
    for (const option of options ?? []) input.append(form.element('option', { value: option }, option || '—'));
    input.value = row[key] ?? '';
    input.dataset.flKey = key;
    input.oninput = () => {
      const number = key === 'scale' || key === 'offset' ? Number(input.value) : input.value;
      if (input.value === '') delete row[key];
      else row[key] = Number.isNaN(number) ? input.value : number;
      keep();
    };
    const td = form.element('td');
    td.append(input);
    return td;
  }

  function lineOf(row) {
    const line = form.element('tr');
    const place = form.element('td');
    place.append(form.element('small'));
    const value = form.element('td');
    value.append(form.element('output'));
    const acts = form.element('td');
    const ask = form.element('button', { type: 'button', class: 'red-ui-button red-ui-button-small', title: 'In all orders, and at the addresses beside it' }, '?');
    ask.onclick = () => candidates(row);
    const remove = form.element('button', { type: 'button', class: 'red-ui-button red-ui-button-small', 'aria-label': 'Remove' }, '×');
    remove.onclick = () => {
      map.registers.splice(map.registers.indexOf(row), 1);
      render();
      keep();
    };
    acts.append(ask, remove);
    line.append(cell(row, 'metric'), cell(row, 'table', TABLES), cell(row, 'address'), place, cell(row, 'type', ['', ...TYPES]));
    line.append(cell(row, 'order', ORDERS), cell(row, 'scale'), cell(row, 'offset'), cell(row, 'unit'), value, acts);
    return line;
  }

  function render() {
    table.hidden = false;
    const add = form.element('button', { type: 'button', class: 'red-ui-button red-ui-button-small', id: 'fl-mbp-add' }, 'Add a register');
    add.onclick = () => {
      map.registers.push({ metric: `value_${map.registers.length + 1}`, address: 0, type: 'uint16' });
      render();
      keep();
    };
    part('fl-mbp-rows').replaceChildren(...map.registers.map(lineOf));
    document.getElementById('fl-mbp-add')?.remove();
    table.after(add);
  }

  const guarded = work => async () => {
    try {
      await work();
    } catch (error) {
      says(error.message ?? error.responseJSON?.error ?? 'no answer');
    }
  };

  part('fl-mbp-table').onclick = guarded(async () => {
    map = await mapOf();
    render();
    keep();
  });

  part('fl-mbp-read').onclick = guarded(async () => {
    says('reading …');
    const { telemetry, quality } = await form.ask('fieldline/modbus/values', { ...request(), map: form.value('map') });
    says(`${Object.keys(telemetry).length} values, ${Object.keys(quality).length} absent`);
    if (map === undefined) {
      says([...Object.entries(telemetry), ...Object.entries(quality)].map(([metric, value]) => `${metric}: ${value}`).join('\n'));
      return;
    }
    for (const [at, line] of [...part('fl-mbp-rows').rows].entries()) {
      const { metric } = map.registers[at];
      const value = telemetry[metric] ?? quality[metric] ?? '';
      line.querySelector('output').textContent = typeof value === 'number' ? Number(value.toPrecision(7)) : value;
    }
  });

  async function candidates(row) {
    await guarded(async () => {
      const one = { ...map, name: 'one', example: undefined, registers: [row] };
      const found = await form.ask('fieldline/modbus/candidates', { ...request(), map: JSON.stringify(one) });
      part('fl-mbp-candidates').replaceChildren(
        ...found.map(({ shift, order, value, absent }) => {
          const label = `${order}${shift === 0 ? '' : ` at ${shift > 0 ? '+' : ''}${shift}`}: ${value ?? absent}`;
          const button = form.element('button', { type: 'button', class: 'red-ui-button red-ui-button-small' }, label);
          button.onclick = () => {
            row.order = order;
            row.address = Number(row.address) + shift;
            part('fl-mbp-candidates').replaceChildren();
            render();
            keep();
          };
          return button;
        }),
      );
    })();
  }

  part('fl-mbp-plan').onclick = guarded(async () => {
    const { unitId, map: choice, parameters, periodMs, maxWords, gapBudget } = form.values();
    const polls = [{ unitId, map: choice, parameters, periodMs, maxWords, gapBudget }];
    const { rounds, share, silent, warnings } = await form.ask('fieldline/modbus/plan', { ...request(), polls });
    const lines = rounds.flatMap(({ periodMs: every, requests }) =>
      requests.map(({ table: kind, address, count, metrics, idle, ms }) => {
        const time = ms === undefined ? '' : `, ${Math.ceil(ms)} ms`;
        return `every ${every} ms: ${kind} ${address}-${address + count - 1}, ${metrics.length} values, ${idle} read along${time}`;
      }),
    );
    if (share !== undefined) lines.push(`${Math.round(share * 100)} % of the line; a silent unit costs ${silent.ms} ms at each probe`);
    says([...lines, ...warnings].join('\n'));
  });

  part('fl-mbp-file').onchange = async ({ target }) => (part('fl-mbp-text').value = (await target.files[0]?.text()) ?? '');

  part('fl-mbp-take').onclick = guarded(async () => {
    const format = part('fl-mbp-format').value;
    const text = part('fl-mbp-text').value;
    let problems;
    if (format === 'csv') {
      map ??= await mapOf();
      const read = await form.ask('fieldline/modbus/from-csv', { text, base: map.base ?? 0 });
      map.registers.push(...read.rows);
      problems = read.problems.map(({ line, says: told }) => `line ${line}: ${told}`);
      says(`${read.rows.length} registers taken over`);
    } else {
      const { devices, problems: told } = await form.ask('fieldline/modbus/import', { format, text });
      problems = told;
      const [first, ...others] = devices;
      if (first === undefined) return report(problems);
      map = JSON.parse(first.map);
      form.fill('unitId', first.unit);
      if (first.periodMs) form.fill('periodMs', first.periodMs);
      says(`${first.registers} registers of ${first.name}, unit ${first.unit}${first.connection ? `, at ${first.connection}` : ''}`);
      for (const { name, unit, registers } of others) problems.push(`${name}, unit ${unit}: ${registers} registers, for a node of its own`);
    }
    report(problems);
    render();
    keep();
  });

  const report = problems => part('fl-mbp-report').replaceChildren(...problems.map(text => form.element('li', {}, text)));

  part('fl-mbp-export').onclick = guarded(async () => {
    const whole = JSON.stringify(map ?? (await mapOf()));
    part('fl-mbp-text').value = (await form.ask('fieldline/modbus/to-csv', { map: whole })).text;
  });

  return () => clearTimeout(timer);
});
