// Dialog of mqtt-out: one message with the settings as they stand in the form, and what the broker says.
FieldlineForm.panel('fieldline-mqtt-out', form => {
  const { part } = form;

  async function publish() {
    part('fl-mout-says').textContent = '…';
    const asked = { settings: form.values(), topic: part('fl-mout-topic').value, text: part('fl-mout-text').value };
    try {
      part('fl-mout-says').textContent = (await form.ask('fieldline/mqtt-out/test', asked)).says;
    } catch (error) {
      part('fl-mout-says').textContent = error.message;
    }
  }

  part('fl-mout-go').onclick = publish;
});
