// Editor side of the warning about links that do not keep on disk: a badge on the link, words in its dialog, a notice at deploy.
// The build puts src/palette/link-risk.ts above this text.
/* global RED, linkRisks, linkRiskWords */
window.FieldlineLinks ??= (() => {
  const NOTICE_MS = 15000;
  const acknowledging = new Set();
  let risks = new Map();
  let toldAtDeploy = '';
  let due;

  const flow = () => RED.nodes.createCompleteNodeSet({ credentials: false });
  const wordsOf = id => (risks.has(id) ? linkRiskWords(risks.get(id)) : '');

  function look() {
    const before = risks;
    risks = linkRisks(flow(), acknowledging);
    for (const id of new Set([...before.keys(), ...risks.keys()])) {
      const node = RED.nodes.node(id);
      if (node) node.dirty = true;
    }
    RED.view.redraw();
    show();
  }

  /** Edits come in swarms: once is enough for all of them. */
  function lookSoon() {
    clearTimeout(due);
    due = setTimeout(look, 150);
  }

  /** In the dialog that is open, with the policy as it is chosen there. */
  let dialog;
  function show() {
    if (dialog === undefined || !document.body.contains(dialog.place)) return;
    const { node, select, place } = dialog;
    const asChosen = flow().map(part => (part.id === node.id ? { ...part, policy: select.value } : part));
    const risk = linkRisks(asChosen, acknowledging).get(node.id);
    place.textContent = risk === undefined ? '' : linkRiskWords(risk);
  }

  function open(node) {
    const select = document.getElementById('node-input-policy');
    if (select === null) return;
    const place = document.createElement('div');
    place.className = 'fieldline-error fieldline-link-risk';
    place.setAttribute('role', 'status');
    select.closest('.form-row').append(place);
    dialog = { node, select, place };
    $(select).on('change', show);
    show();
  }

  function atDeploy() {
    look();
    const told = [...risks.keys()].sort().join();
    if (told === toldAtDeploy) return;
    toldAtDeploy = told;
    if (risks.size === 0) return;
    const list = document.createElement('ul');
    for (const id of risks.keys()) {
      const item = document.createElement('li');
      const link = document.createElement('a');
      link.href = '#';
      link.textContent = RED.utils.getNodeLabel(RED.nodes.node(id), id);
      link.onclick = () => RED.view.reveal(id) ?? false;
      item.append(link, `: ${wordsOf(id)}`);
      list.append(item);
    }
    const box = document.createElement('div');
    box.className = 'fieldline-link-risks';
    box.append('Some links do not keep messages on disk', list);
    RED.notify(box, { type: 'warning', timeout: NOTICE_MS, id: 'fieldline-link-risks' });
  }

  function badge() {
    const svg = (tag, attributes) => {
      const it = document.createElementNS('http://www.w3.org/2000/svg', tag);
      for (const [name, value] of Object.entries(attributes)) it.setAttribute(name, value);
      return it;
    };
    const group = svg('g', { class: 'fieldline-link-risk-badge', role: 'img', 'aria-label': 'does not keep messages on disk' });
    group.append(svg('path', { d: 'M8 0 L16 14 L0 14 Z', fill: '#ffcf33', stroke: '#7a5b00' }));
    const mark = svg('text', { x: 8, y: 12, 'text-anchor': 'middle', 'font-size': 11, 'font-weight': 'bold', fill: '#3d2e00' });
    mark.textContent = '!';
    group.append(mark);
    return group;
  }

  function start() {
    RED.view.annotations.register('fieldline-link-risk', {
      type: 'badge',
      element: badge,
      filter: node => node._def?.defaults?.policy !== undefined && node.type.startsWith('fieldline-'),
      show: node => risks.has(node.id),
      tooltip: node => wordsOf(node.id),
    });
    const changes = ['nodes:add', 'nodes:remove', 'nodes:change', 'links:add', 'links:remove', 'flows:add', 'flows:remove', 'flows:change'];
    for (const event of [...changes, 'subflows:change', 'workspace:change']) RED.events.on(event, lookSoon);
    RED.events.on('deploy', atDeploy);
    lookSoon();
  }

  let started = false;
  /** A type whose messages are acknowledged when they are done. */
  function watch(type) {
    acknowledging.add(type);
    if (started) return;
    started = true;
    start();
  }

  return { open, watch };
})();
