// Dialog of http-ingest: what a body would be taken for, with the settings as they stand in the form.
FieldlineForm.panel('fieldline-http-ingest', form => {
  const { part } = form;

  async function attempt() {
    const asked = { settings: form.values(), device: part('fl-hin-device').value, text: part('fl-hin-text').value };
    try {
      const { says, items } = await form.ask('fieldline/http-ingest/try', asked);
      part('fl-hin-says').textContent = says;
      part('fl-hin-shown').textContent = items.map(item => JSON.stringify(item, null, 2)).join('\n');
    } catch (error) {
      part('fl-hin-says').textContent = error.message;
      part('fl-hin-shown').textContent = '';
    }
  }

  part('fl-hin-go').onclick = attempt;
});
