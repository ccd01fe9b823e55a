// Dialog of normalize: the last message of a topic, read with the tables as they stand in the form.
FieldlineForm.panel('fieldline-normalize', form => {
  const { part } = form;
  const topic = part('fl-nrm-topic');
  const text = part('fl-nrm-text');
  let messages = [];
  let timer;

  function listOf(name) {
    const rows = [];
    $(`#node-input-${name}-rows`)
      .editableList('items')
      .each((_at, item) => {
        const cells = [...item[0].querySelectorAll('[data-fl-column]')];
        rows.push(Object.fromEntries(cells.map(cell => [cell.dataset.flColumn, cell.value])));
      });
    return rows;
  }

  async function preview() {
    if (topic.value === '' && text.value === '') return;
    const settings = { ...form.values(), table: listOf('table'), map: listOf('map') };
    try {
      const { readings, rejected } = await form.ask('fieldline/normalize/preview', { settings, topic: topic.value, text: text.value });
      part('fl-nrm-says').textContent = [readings.length === 1 ? '1 reading' : `${readings.length} readings`, ...rejected].join('; ');
      part('fl-nrm-shown').textContent = readings.map(one => JSON.stringify(one, null, 2)).join('\n');
    } catch (error) {
      part('fl-nrm-says').textContent = error.message;
      part('fl-nrm-shown').textContent = '';
    }
  }

  function changed() {
    clearTimeout(timer);
    timer = setTimeout(preview, 400);
  }

  $(topic).autoComplete({
    minLength: 0,
    search: typed => messages.filter(one => one.topic.includes(typed)).map(one => ({ value: one.topic, label: one.topic })),
  });
  $(topic).on('change', () => {
    const known = messages.find(one => one.topic === topic.value);
    if (known !== undefined) text.value = known.text;
    changed();
  });
  part('fl-nrm-go').onclick = preview;
  for (const place of [topic, text, part('node-input-table-rows'), part('node-input-map-rows'), form.input('expression')])
    place?.addEventListener('input', changed);

  form
    .ask('fieldline/normalize/last', { node: form.node.id })
    .then(answer => {
      messages = answer.messages;
      if (messages.length === 0 || topic.value !== '') return;
      topic.value = messages[0].topic;
      text.value = messages[0].text;
      preview();
    })
    .catch(() => {});

  return () => clearTimeout(timer);
});
