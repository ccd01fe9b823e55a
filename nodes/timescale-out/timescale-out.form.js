// Dialog of timescale-out: tables and columns of the live database, and the row that the mapping makes, as it stands in the form.
FieldlineForm.panel('fieldline-timescale-out', form => {
  const TABLE_FIELDS = ['ownTable', 'columns', 'key', 'conflict'];
  const MOST_OFFERED = 200;
  const NO_TABLE = { sources: [], words: {}, columns: [], keys: [] };
  const { part } = form;
  const rowOf = name => document.querySelector(`[data-fl-for="node-input-${name}"]`).closest('.form-row');
  const list = $('#node-input-columns-rows');
  let card;
  let tables;
  let timer;
  let asks = 0;

  rowOf('conflict').after(part('fl-own'));
  rowOf('store').after(part('fl-now').closest('.form-row'));
  list.editableList('height', 240);

  /** What the server needs to know: nothing of it has to be deployed. */
  function asked() {
    const id = form.value('store');
    const database = RED.nodes.node(id);
    const password = database?.credentials?.password;
    return {
      node: form.node.id,
      store: {
        id,
        url: database?.url ?? '',
        password: password === '__PWRD__' ? '' : (password ?? ''),
        changed: database === null || database === undefined || database.changed === true,
      },
      mapping: { table: form.value('ownTable'), columns: rows(), key: form.value('key'), conflict: form.value('conflict') },
    };
  }

  function rows() {
    const read = [];
    list.editableList('items').each((_at, item) => {
      const cell = name => item[0].querySelector(`[data-fl-column="${name}"]`)?.value ?? '';
      read.push({ column: cell('column'), from: cell('from') });
    });
    return read;
  }

  function say(text, faults = []) {
    part('fl-own-says').textContent = text;
    part('fl-own-faults').replaceChildren(...faults.map(fault => form.element('li', {}, fault)));
  }

  /** So many at once, of a database with thousands of tables; a part of the name finds the others. */
  function matching(items, typed) {
    const found = items.filter(({ value }) => value.toLowerCase().includes(typed.trim().toLowerCase()));
    const more = found.length - MOST_OFFERED;
    return more > 0 ? [...found.slice(0, MOST_OFFERED), { value: typed, label: `${more} more: type a part of the name` }] : found;
  }

  /** Every pick list takes free text, too: it only offers. */
  function offer(input, items) {
    $(input).autoComplete({
      minLength: 0,
      search: (typed, done) => {
        Promise.resolve(items()).then(
          all => done(matching(all, all.some(({ value }) => value === typed) ? '' : typed)),
          error => {
            say(error.message);
            done([]);
          },
        );
      },
    });
    $(input).on('change', changed);
    // Node-RED's list opens on a key; a click asks for it as well.
    $(input).on('click', () => $(input).trigger('keyup'));
  }

  async function tableItems() {
    tables ??= form.ask('fieldline/timescale-out/tables', asked()).then(answer => answer.tables);
    try {
      return (await tables).map(name => ({ value: name, label: name }));
    } catch (error) {
      tables = undefined;
      throw error;
    }
  }

  async function cardOf() {
    const { mapping } = asked();
    if (mapping.table.trim() === '') return NO_TABLE;
    if (card?.asked !== mapping.table)
      card = { asked: mapping.table, ...(await form.ask('fieldline/timescale-out/table', asked())) };
    return card;
  }

  const sourceItems = async () => {
    const { sources, words } = await cardOf();
    return sources.map(value => ({ value, label: words[value] ? `${value}: ${words[value]}` : value }));
  };
  const columnItems = async () =>
    (await cardOf()).columns.map(({ name, type, required }) => ({ value: name, label: `${name}: ${type}${required ? ', needed' : ''}` }));
  const keyItems = async () => (await cardOf()).keys.map(({ text }) => ({ value: text, label: text }));

  /** A row for each column that has none; those that are there stay as they are. */
  async function fill() {
    try {
      const { columns, keys } = await cardOf();
      // Only now: it may have been asked for twice meanwhile.
      const there = new Set(rows().map(({ column }) => column));
      for (const { name, guess, made } of columns)
        if (!made && !there.has(name)) list.editableList('addItem', { column: name, from: guess });
      const given = new Set(rows().flatMap(({ column, from }) => (from === '' ? [] : [column])));
      const key = keys.find(({ columns }) => columns.every(name => given.has(name)));
      if (form.value('key') === '' && key !== undefined) form.fill('key', key.text);
      await preview();
    } catch (error) {
      say(error.message);
    }
  }

  async function preview() {
    const turn = ++asks;
    if (form.value('table') !== 'own' || form.value('ownTable').trim() === '') return say('');
    try {
      const shown = await form.ask('fieldline/timescale-out/preview', asked());
      // A slow answer to what stood there before.
      if (turn !== asks) return;
      const table = part('fl-own-row');
      table.hidden = shown.cells.length === 0;
      table.querySelector('caption').textContent = `The row that ${shown.of} makes in ${shown.table}`;
      table.querySelector('tbody').replaceChildren(
        ...shown.cells.map(cell => {
          const line = document.createElement('tr');
          const value = form.element('td', {}, cell.text === null ? 'NULL' : (cell.text ?? ''));
          if (cell.fault) value.append(form.element('div', { class: 'fieldline-error' }, cell.fault));
          line.append(form.element('td', {}, cell.column), form.element('td', {}, cell.type), value);
          return line;
        }),
      );
      const bad = shown.cells.filter(({ fault }) => fault).length;
      const right = bad === 0 && shown.faults.length === 0;
      say(right ? 'Every value fits.' : bad > 0 ? `${bad} of ${shown.cells.length} values do not fit.` : '', shown.faults);
    } catch (error) {
      if (turn !== asks) return;
      part('fl-own-row').hidden = true;
      say(error.message);
    }
  }

  function changed() {
    clearTimeout(timer);
    timer = setTimeout(preview, 400);
  }

  function choose() {
    const own = form.value('table') === 'own';
    for (const name of TABLE_FIELDS) $(rowOf(name)).toggle(own);
    $(part('fl-own')).toggle(own);
    if (own) changed();
  }

  async function now() {
    const { status, lastError } = await form.ask('fieldline/timescale-out/status', { node: form.node.id }).catch(() => ({}));
    part('fl-now').textContent = status ? status.text : 'not deployed yet';
    part('fl-last-error').textContent = lastError ? `Last error, ${new Date(lastError.at).toLocaleString()}: ${lastError.text}` : '';
  }

  offer(form.input('ownTable'), tableItems);
  offer(form.input('key'), keyItems);
  // What has been made or altered in the database meanwhile counts.
  $(form.input('ownTable')).on('focus', () => {
    tables = undefined;
  });
  $(form.input('ownTable')).on('change', () => rows().every(({ column }) => column === '') && fill());
  $(form.input('store')).on('change', () => {
    tables = undefined;
    card = undefined;
    changed();
  });
  $(form.input('table')).on('change', choose);
  $(form.input('conflict')).on('change', changed);
  list[0].addEventListener('focusin', event => {
    const { flColumn, flOffers } = event.target.dataset;
    if (flColumn === undefined || flOffers) return;
    event.target.dataset.flOffers = 'yes';
    offer(event.target, flColumn === 'from' ? sourceItems : columnItems);
  });
  list[0].addEventListener('input', changed);
  for (const name of ['ownTable', 'key']) form.input(name).addEventListener('input', changed);
  part('fl-own-fill').onclick = () => {
    card = undefined;
    return fill();
  };
  part('fl-own-preview').onclick = preview;
  choose();
  now();
  const clock = setInterval(now, 2000);

  return () => {
    clearInterval(clock);
    clearTimeout(timer);
  };
});
