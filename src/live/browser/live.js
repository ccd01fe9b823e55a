// Fieldline's live rows in a browser (or in Node 22): one file, no build step. The types stand in live.d.ts, an example in live.html.
// It speaks the Centrifugo client protocol, comes back by itself when the line is lost, and goes on where it was.

const SHORTEST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
/** The server pings; after so long without a word the line is dead. */
const PATIENCE = 2.5;
/** What the server has no time for now is asked for again. */
const AGAIN_MS = 1000;

/** Address of the live server that this page, or this file, came from. */
function ownAddress() {
  const page = globalThis.location?.href ?? import.meta.url;
  return new URL('/ws', page).href.replace(/^http/, 'ws');
}

/** A listener that throws is an error of the page; what comes behind goes on all the same. */
function hand(listener, ...values) {
  try {
    listener(...values);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

export function connect(options = {}) {
  const { url = ownAddress(), token, onState = () => {}, WebSocket = globalThis.WebSocket, timeoutMs = 10_000 } = options;
  const subscriptions = new Map();
  const calls = new Map();
  let socket;
  let isOpen = false;
  let isClosed = false;
  let attempts = 0;
  let lastId = 0;
  let timer;
  let silence;
  let patienceMs = timeoutMs;

  async function open() {
    if (isClosed) return;
    hand(onState, 'connecting', '');
    let credential;
    try {
      credential = typeof token === 'function' ? await token() : token;
    } catch (error) {
      return later(`no token: ${error.message}`);
    }
    if (isClosed) return undefined;
    let line;
    try {
      line = new WebSocket(url);
    } catch (error) {
      return end('refused', error.message);
    }
    socket = line;
    // A line may also never come up: where its request came between two servers, say, and no one answers it.
    patienceMs = timeoutMs;
    listen();
    line.onopen = () => call({ connect: credential ? { token: credential } : {} }, welcome);
    line.onmessage = ({ data }) => {
      if (socket !== line) return;
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
    hand(onState, 'waiting', reason);
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
    hand(onState, state, reason);
  }

  /** Starts the time anew within which the server has to say something. */
  function listen() {
    clearTimeout(silence);
    silence = setTimeout(() => {
      // A browser takes minutes to close a line whose other end is gone.
      const line = socket;
      socket = undefined;
      isOpen = false;
      calls.clear();
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
    listen();
    hand(onState, 'open', '');
    for (const one of subscriptions.values()) ask(one);
    return undefined;
  }

  function ask(one) {
    const { channel, data, position } = one;
    const recover = position && { recover: true, ...position };
    call({ subscribe: { channel, data, ...recover } }, ({ subscribe: reply, error }) => {
      if (subscriptions.get(channel) !== one) return;
      if (error?.temporary) {
        const line = socket;
        setTimeout(() => {
          if (socket === line && subscriptions.get(channel) === one) ask(one);
        }, AGAIN_MS);
        return;
      }
      if (error) {
        subscriptions.delete(channel);
        hand(one.onError, error);
        return;
      }
      // Where rows are missed for good, what the snapshot shows is all there is.
      if (position && !reply.recovered) hand(one.onGap);
      for (const row of reply.data?.snapshot ?? []) tell(one, row, true);
      one.position = { epoch: reply.epoch, offset: reply.offset };
      for (const row of reply.publications ?? []) tell(one, row, false);
    });
  }

  function tell({ channel, onRow }, { offset, data }, snapshot) {
    hand(onRow, data, { channel, offset, snapshot });
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
      // Where the server does not let go of it, a new line does.
      if (isOpen) call({ unsubscribe: { channel } }, ({ error }) => error && socket?.close());
    };
  }

  open();
  return { subscribe, close: () => end('closed', '') };
}
