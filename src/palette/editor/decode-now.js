// Decode now: a row at the end of a decoder's dialog, where a frame is pasted, or the last one taken, and read at once.
/* global FieldlineForm */
/** `path` decodes `{ node, text, settings }`, `last` lists the last frames of the node; `hint` says what can be pasted. */
FieldlineForm.decodeNow = (type, { path, last, hint }) =>
  FieldlineForm.panel(type, form => {
    const { element } = form;
    const text = element('textarea', { rows: 3, 'aria-label': 'Frame', placeholder: hint, style: 'width:70%;font-family:monospace' });
    const says = element('output', { role: 'status', style: 'display:block;margin:4px 0 0 105px' });
    const list = element('ul', { style: 'margin:0 0 8px 105px', 'aria-label': 'What was read' });
    const button = label => element('button', { type: 'button', class: 'red-ui-button' }, label);
    const decode = button('Decode');
    const take = button('Last frame');
    let open = true;
    let taken = 0;
    // Only the last question shows what it gets.
    let asking = 0;

    const frameRow = element('div', { class: 'form-row' });
    frameRow.append(element('label', {}, 'Decode now'), text);
    const buttonRow = element('div', { class: 'form-row', style: 'padding-left:105px' });
    buttonRow.append(decode, ' ', take);
    form.input('name').closest('form').append(frameRow, buttonRow, says, list);

    function lineOf({ ok, says: words, decoder, model, device }) {
      const origin = [decoder, model, device].filter(part => part !== undefined).join(', ');
      return element('li', ok ? {} : { class: 'fieldline-refused' }, origin === '' ? words : `${words} (${origin})`);
    }
    async function ask(body, where, show) {
      const asked = ++asking;
      try {
        for (;;) {
          const answer = await form.ask(where, { node: form.node.id, ...body });
          if (!open || asked !== asking) return;
          if (answer.wait === undefined) return show(answer);
          says.textContent = answer.wait;
          list.replaceChildren();
        }
      } catch (error) {
        if (!open || asked !== asking) return;
        says.textContent = error.message;
        list.replaceChildren();
      }
    }
    decode.onclick = () =>
      ask({ text: text.value, settings: form.values() }, path, ({ shown, faults = [] }) => {
        const read = shown.filter(({ ok }) => ok).length;
        says.textContent = [`${read} read, ${shown.length - read} refused`, ...faults].join('; ');
        list.replaceChildren(...shown.map(lineOf));
      });
    take.onclick = () =>
      ask({}, last, ({ frames }) => {
        if (frames.length === 0) {
          says.textContent = 'nothing came since the deploy';
          return;
        }
        text.value = frames[taken++ % frames.length];
        decode.click();
      });
    return () => {
      open = false;
    };
  });
