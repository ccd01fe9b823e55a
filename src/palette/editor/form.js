// Editor side of every Fieldline dialog: checks each field as it is typed, shows the reason, edits lists, keeps typed inputs,
// and opens the panels that a node adds (its `.form.html` and `.form.js`).
// The build puts src/palette/fields.ts (`fault`, `emptyMeans`) above this text; both run as one plain script.
/* global RED, $, emptyMeans, fault */
window.FieldlineForm ??= (() => {
  /** What a list of config nodes has for none. */
  const NO_CONFIG = '_ADD_';
  const types = {};
  const panels = {};
  /** What stands open, by node: the dialog of a config node opens above that of a node. */
  const dialogs = new Map();
  const [ROW_PX, MOST_ROWS_SHOWN] = [51, 6];
  const prefixOf = node => (RED.nodes.getType(node.type)?.category === 'config' ? 'node-config-input-' : 'node-input-');
  const element = (tag, attributes = {}, text = '') => {
    const it = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) it.setAttribute(name, value);
    it.textContent = text;
    return it;
  };

  /** Validator of one default: true, or the reason in words. Node-RED shows a reason only to a validator of two parameters. */
  function check(type, name, value, _opt) {
    const field = types[type]?.[name];
    if (field === undefined || field.kind === 'config' || field.kind === 'secret') return true;
    // A setting that came with a newer version: the node starts with its initial value.
    if (value === undefined) return true;
    return fault(field, value) ?? true;
  }

  function showFault(prefix, name, field, value) {
    const place = document.querySelector(`[data-fl-for="${prefix}${name}"]`);
    if (place !== null) place.textContent = fault(field, value === NO_CONFIG ? '' : value) ?? '';
  }

  /** A node that is dragged onto the canvas takes the config node that it needs, where there is one to take. */
  function added(node) {
    // What is pasted or imported stays as it came.
    if (RED.nodes.node(node.id)) return;
    for (const [name, field] of Object.entries(types[node.type])) {
      if (field.kind !== 'config' || field.optional) continue;
      const fitting = [];
      RED.nodes.eachConfig(config => {
        if (config.type === field.of && !config.d && (!config.z || config.z === node.z)) fitting.push(config);
      });
      if (fitting.length === 1) node[name] = fitting[0].id;
    }
  }

  function listCell(column, value, changed) {
    if (column.kind === 'choice') {
      const select = element('select', { 'aria-label': column.label, title: column.help });
      for (const [option, label] of column.options) select.append(element('option', { value: option }, label));
      select.value = String(value ?? column.initial);
      select.onchange = changed;
      return select;
    }
    const input = element('input', { type: 'text', placeholder: column.label, 'aria-label': column.label, title: column.help });
    input.value = String(value ?? column.initial);
    input.oninput = changed;
    return input;
  }

  function openList(node, prefix, name, field) {
    const rows = $(`#${prefix}${name}-rows`);
    const columns = Object.entries(field.columns);
    rows.editableList({
      header: $('<div class="fieldline-row">').append(columns.map(([, column]) => element('span', {}, column.label))),
      sortable: true,
      removable: true,
      addItem(container, _at, row) {
        const changed = () => showFault(prefix, name, field, readList(prefix, name, field));
        const line = element('div', { class: 'fieldline-row' });
        for (const [key, column] of columns) {
          const cell = listCell(column, row[key], changed);
          cell.dataset.flColumn = key;
          line.append(cell);
        }
        container.append(line);
      },
      removeItem: () => showFault(prefix, name, field, readList(prefix, name, field)),
    });
    const filled = node[name] ?? field.initial;
    rows.editableList('height', 20 + ROW_PX * Math.min(Math.max(filled.length, 2), MOST_ROWS_SHOWN));
    for (const row of filled) rows.editableList('addItem', row);
    // Node-RED scrolls to a row that is added, in a moment; a list that has just been opened is read from its beginning.
    setTimeout(() => rows.closest('.red-ui-editableList-container').scrollTop(0), 0);
  }

  function readList(prefix, name, field) {
    const read = [];
    $(`#${prefix}${name}-rows`)
      .editableList('items')
      .each((_at, item) => {
        const row = {};
        for (const cell of item[0].querySelectorAll('[data-fl-column]')) {
          const column = field.columns[cell.dataset.flColumn];
          row[cell.dataset.flColumn] = column.kind === 'number' && cell.value !== '' ? Number(cell.value) : cell.value;
        }
        read.push(row);
      });
    return read;
  }

  /** Node-RED calls the choice of no config node "none", or "Add new …" where there is none to choose. */
  function sayWhatNoneMeans(select, field) {
    const means = emptyMeans(field);
    if (means !== '') $(select).find(`option[value="${NO_CONFIG}"]`).text(means);
  }

  function open(node) {
    const prefix = prefixOf(node);
    for (const [name, field] of Object.entries(types[node.type] ?? {})) {
      const input = document.getElementById(prefix + name);
      if (node[name] === undefined && input !== null && field.kind !== 'config' && field.kind !== 'secret') input.value = field.initial;
      if (field.kind === 'list') openList(node, prefix, name, field);
      else if (field.kind === 'typed') {
        $(input).typedInput({ default: node[`${name}Type`] || field.initialType, typeField: `#${prefix}${name}Type`, types: [...field.types] });
        // What it shows is an input of its own, which no label names.
        $(input).siblings('.red-ui-typedInput-container').find('.red-ui-typedInput-input').attr('aria-label', field.label);
      } else if (input !== null) {
        if (field.kind === 'config') sayWhatNoneMeans(input, field);
        if (field.kind === 'text' && field.suggestions) {
          const suggestions = field.suggestions.map(value => ({ value, label: value }));
          $(input).autoComplete({ minLength: 0, search: typed => suggestions.filter(({ value }) => value.includes(typed)) });
        }
        // The editor itself chooses a config node that was just made, and tells jQuery alone.
        $(input).on('input change', () => showFault(prefix, name, field, input.value));
      }
      showFault(prefix, name, field, node[name] ?? field.initial);
    }
    const dialog = { close: () => {} };
    dialogs.set(node.id, dialog);
    dialog.close = panels[node.type]?.(formOf(node, prefix, () => dialogs.get(node.id) === dialog)) ?? dialog.close;
  }

  /** What a panel sees of its dialog: the values as they stand there, not those of the last deploy. */
  function formOf(node, prefix, isOpen) {
    const root = document.getElementById(`${prefix}name`)?.closest('form') ?? document;
    // Not by the document: while another dialog lies above, Node-RED takes this one out of the page.
    const part = id => root.querySelector(`#${CSS.escape(id)}`);
    const input = name => part(prefix + name);
    return {
      node,
      part,
      input,
      value: name => input(name)?.value ?? '',
      /** All that a setting row holds, lists left out; of a secret what was typed, or the mark of the stored one. */
      values: () =>
        Object.fromEntries(
          Object.entries(types[node.type] ?? {})
            .filter(([name, field]) => field.kind !== 'list' && input(name) !== null)
            .map(([name]) => [name, input(name).value]),
        ),
      fill(name, value) {
        input(name).value = value;
        input(name).dispatchEvent(new Event('input'));
        $(input(name)).trigger('change');
      },
      /** Shows or hides the row of a setting. */
      show: (name, visible) => $(input(name)).closest('.form-row').toggle(visible),
      /** A list to pick from; whatever else is typed counts as well. `options()` gives `{ value, label }`. */
      suggest: (name, options) =>
        $(input(name)).autoComplete({
          minLength: 0,
          search: typed => options().filter(({ value, label }) => `${value} ${label}`.toLowerCase().includes(typed.toLowerCase())),
        }),
      /** Asks an endpoint that acts; rejects with its reason in words. Once the dialog is closed, nobody is told. */
      ask: (path, body) =>
        new Promise((resolve, reject) => {
          $.ajax({ url: path, method: 'POST', contentType: 'application/json', data: JSON.stringify(body) })
            .done(answer => isOpen() && resolve(answer))
            .fail(request => isOpen() && reject(new Error(request.responseJSON?.error ?? (request.statusText || 'no answer'))));
        }),
      element,
    };
  }

  function close({ id }) {
    dialogs.get(id)?.close();
    dialogs.delete(id);
  }

  function save(node) {
    close(node);
    const prefix = prefixOf(node);
    for (const [name, field] of Object.entries(types[node.type] ?? {})) if (field.kind === 'list') node[name] = readList(prefix, name, field);
  }

  /** The button of a node on the canvas: tells the running node, and shows what it says. */
  function press(node, path) {
    $.ajax({ url: path, method: 'POST', contentType: 'application/json', data: JSON.stringify({ node: node.id }) })
      .done(answer => RED.notify(element('span', {}, answer.says ?? 'done').innerHTML, 'success'))
      .fail(request => RED.notify(element('span', {}, request.responseJSON?.error ?? request.statusText).innerHTML, 'error'));
  }

  function define(type, fields) {
    types[type] = fields;
  }

  /** `open(form)` is called with every dialog of the type; what it returns, when the dialog closes. */
  function panel(type, open) {
    panels[type] = open;
  }

  return { added, check, close, define, open, panel, press, save };
})();
