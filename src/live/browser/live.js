// Fieldline's live rows in a browser (or in Node 22): one file, no build step. The types stand in live.d.ts, an example in live.html.
// It speaks the Centrifugo client protocol, comes back by itself when the line is lost, and goes on where it was.

const SHORTEST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
/** The server pings; after so long without a word the line is dead. */
const PATIENCE = 2.5;

/** Address of the live server that this page, or this file, came from. */
function ownAddress() {
  const page = globalThis.location?.href ?? import.meta.url;
  return new URL('/ws', page).href.replace(/^http/, 'ws');
}

export function connect(options = {}) {
  const { url = ownAddress(), token, onState = () => {}, WebSocket = globalThis.WebSocket } = options;
  const subscriptions = new Map();
  const calls = new Map();
  let socket;
  let isOpen = false;
  let isClosed = false;
  let attempts = 0;
  let lastId = 0;
  let timer;
  let silence;
  let patienceMs = 60_000;

  async function open() {
    if (isClosed) return;
    onState('connecting', '');
    let credential;
    try {
      credential = typeof token === 'function' ? await token() : token;
    } catch (error) {
      return later(`no token: ${error.message}`);
    }
    if (isClosed) return undefined;
    const line = new WebSocket(url);
    socket = line;
    line.onopen = () => call({ connect: credential ? { token: credential } : {} }, welcome);
    line.onmessage = ({ data }) => {
      listen();
      for (const text of data.split('\n')) hear(JSON.parse(text));
    };
    line.onclose = ({ code, reason }) => {
      if (socket !== line) return;
      socket = undefined;
      isOpen = false;
      calls.clear();
      clearTimeout(silence);
      // From 3500 to 3999 the server does not want us back: the token is wrong, say.
      if (code >= 3500 && code < 4000) end('refused', reason);
      else later(reason || 'the line was lost');
    };
    return undefined;
  }

  function later(reason) {
    if (isClosed) return;
    onState('waiting', reason);
    const longest = Math.min(LONGEST_WAIT_MS, SHORTEST_WAIT_MS * 2 ** attempts++);
    // Not all clients at the same moment.
    timer = setTimeout(open, longest * (0.5 + Math.random() / 2));
  }

  function end(state, reason) {
    if (isClosed) return;
    isClosed = true;
    clearTimeout(timer);
    clearTimeout(silence);
    socket?.close();
    socket = undefined;
    onState(state, reason);
  }

  /** Starts the time anew within which the server has to say something. */
  function listen() {
    clearTimeout(silence);
    silence = setTimeout(() => {
      // A browser takes minutes to close a line whose other end is gone.
      const line = socket;
      socket = undefined;
      isOpen = false;
      line?.close();
      later('the server is silent');
    }, patienceMs);
  }

  function call(command, answer) {
    const id = ++lastId;
    calls.set(id, answer);
    socket.send(JSON.stringify({ id, ...command }));
  }

  function welcome({ connect: reply, error }) {
    // 109: the token has expired, and a function can give a new one.
    if (error?.code === 109 && typeof token === 'function') return socket.close();
    if (error) return end('refused', error.message);
    attempts = 0;
    isOpen = true;
    patienceMs = (reply.ping ?? 25) * 1000 * PATIENCE;
    onState('open', '');
    for (const one of subscriptions.values()) ask(one);
    return undefined;
  }

  function ask(one) {
    const { channel, data, position } = one;
    const recover = position && { recover: true, ...position };
    call({ subscribe: { channel, data, ...recover } }, ({ subscribe: reply, error }) => {
      if (subscriptions.get(channel) !== one) return;
      if (error) {
        subscriptions.delete(channel);
        one.onError(error);
        return;
      }
      // Where rows are missed for good, what the snapshot shows is all there is.
      if (position && !reply.recovered) one.onGap();
      for (const row of reply.data?.snapshot ?? []) tell(one, row, true);
      one.position = { epoch: reply.epoch, offset: reply.offset };
      for (const row of reply.publications ?? []) tell(one, row, false);
    });
  }

  function tell({ channel, onRow }, { offset, data }, snapshot) {
    onRow(data, { channel, offset, snapshot });
  }

  function hear(message) {
    if (message.id) {
      const answer = calls.get(message.id);
      calls.delete(message.id);
      answer?.(message);
    } else if (!message.push) {
      socket?.send('{}');
    } else {
      const one = subscriptions.get(message.push.channel);
      if (one?.position && message.push.pub) {
        one.position.offset = message.push.pub.offset;
        tell(one, message.push.pub, false);
      } else if (one && message.push.unsubscribe?.code >= 2500) {
        // It is to be asked for again: the server has lost the thread, and says so.
        ask(one);
      }
    }
  }

  function subscribe(channel, wishes, listener = wishes) {
    const { onGap = () => {}, onError = error => console.warn(`live ${channel}: ${error.message}`), ...data } =
      typeof wishes === 'function' ? {} : wishes;
    if (subscriptions.has(channel)) throw new Error(`${channel} is subscribed already`);
    const one = { channel, data, onRow: listener, onGap, onError, position: undefined };
    subscriptions.set(channel, one);
    if (isOpen) ask(one);
    return () => {
      if (subscriptions.get(channel) !== one) return;
      subscriptions.delete(channel);
      if (isOpen) call({ unsubscribe: { channel } }, () => {});
    };
  }

  open();
  return { subscribe, close: () => end('closed', '') };
}
