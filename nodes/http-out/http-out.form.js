// Dialog of http-out: one post with the settings as they stand in the form, and what the server says.
FieldlineForm.panel('fieldline-http-out', form => {
  const { part } = form;

  async function post() {
    part('fl-hout-says').textContent = '…';
    const asked = { node: form.node.id, settings: form.values(), text: part('fl-hout-text').value };
    try {
      part('fl-hout-says').textContent = (await form.ask('fieldline/http-out/test', asked)).says;
    } catch (error) {
      part('fl-hout-says').textContent = error.message;
    }
  }

  part('fl-hout-go').onclick = post;
});
