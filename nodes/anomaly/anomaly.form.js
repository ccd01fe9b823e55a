// Dialog of anomaly: the last stored values of a device with band and score, as the settings in the form would have judged them.
FieldlineForm.panel('fieldline-anomaly', form => {
  const part = id => form.part(`fl-anomaly-${id}`);
  const [device, metric] = [part('device'), part('metric')];
  const SETTINGS = ['sensitivity', 'falseAlarms', 'direction', 'nearUnits', 'nearPercent', 'alarmFrom', 'alarmLeave', 'alarmNormal'];
  const [WIDTH, LEFT, TOP, BOTTOM, SCORE_TOP, SCORE_BOTTOM, ALARM_Y] = [640, 72, 12, 170, 190, 250, 255];
  /** More nobody reads, and each is dear to the page. */
  const MOST_OFFERED = 500;
  let series = [];
  let timer;
  let asked = 0;

  /** The chosen database node, else the first one of the flows. */
  function storeId() {
    const chosen = form.value('store');
    let found = chosen === '_ADD_' ? '' : chosen;
    RED.nodes.eachConfig(node => {
      if (node.type === 'fieldline-timescale-db' && node.d !== true && found === '') found = node.id;
      return true;
    });
    return found;
  }

  /** Four digits, or as many as tell apart what lies so close together. */
  const digits = (value, step = 0) => {
    const most = step > 0 && value !== 0 ? Math.ceil(Math.log10(Math.abs(value) / step)) + 1 : 4;
    return String(Number(value.toPrecision(Math.min(12, Math.max(4, most)))));
  };
  const say = text => {
    part('says').textContent = text;
  };

  function svg(tag, attributes, text = '') {
    const it = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes)) it.setAttribute(name, value);
    it.textContent = text;
    return it;
  }

  /** Values in `[low, high]` to places from `bottom` to `top`. */
  const scale = (low, high, bottom, top) => value => bottom - ((value - low) / (high - low || 1)) * (bottom - top);
  const line = (points, y, x) => points.map((point, at) => `${at === 0 ? 'M' : 'L'}${x(point).toFixed(1)} ${y(point).toFixed(1)}`).join('');

  function draw(shown, unit) {
    // A counter that began anew tells no rise.
    const valued = shown.filter(({ watched }) => watched !== undefined);
    const values = valued.map(({ watched }) => watched);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const room = 0.15 * (most - least) || Math.abs(most) * 0.1 || 1;
    const [low, high] = [least - room, most + room];
    const step = (high - low) / 100;
    const y = scale(low, high, BOTTOM, TOP);
    const within = value => y(Math.min(high, Math.max(low, value)));
    const scoreY = scale(-1, 1, SCORE_BOTTOM, SCORE_TOP);
    const [from, to] = [shown[0].time, shown.at(-1).time];
    const x = ({ time }) => LEFT + ((time - from) / (to - from || 1)) * (WIDTH - LEFT - 8);
    const banded = shown.filter(({ band }) => band !== undefined);
    const upper = line(banded, ({ band }) => within(band[1]), x);
    const lower = line([...banded].reverse(), ({ band }) => within(band[0]), x).replace('M', 'L');
    const hits = shown.filter(({ score }) => score < 0);
    const ends = shown.map((point, at) => [point, shown[at + 1] ?? point]).filter(([{ alarm }]) => alarm !== undefined);
    const plot = part('plot');
    part('unit').textContent = unit === '' || unit.startsWith('per ') ? unit : `in ${unit}`;
    const range = `from ${digits(least, step)} to ${digits(most, step)} ${unit}`.trimEnd();
    plot.setAttribute('aria-label', `${count(shown.length, 'value')} ${range}, ${count(hits.length, 'anomaly', 'anomalies')}`);
    plot.replaceChildren(
      svg('path', { class: 'fl-band', d: banded.length === 0 ? '' : `${upper}${lower}Z` }),
      svg('path', { class: 'fl-value', d: line(valued, ({ watched }) => y(watched), x) }),
      ...hits.map(point => {
        const dot = svg('circle', { class: 'fl-hit', cx: x(point), cy: within(point.watched ?? point.expected ?? low), r: 4 });
        dot.append(svg('title', {}, `${new Date(point.time).toLocaleString()}: ${point.why}`));
        return dot;
      }),
      svg('line', { class: 'fl-zero', x1: LEFT, x2: WIDTH - 8, y1: scoreY(0), y2: scoreY(0) }),
      svg('path', { class: 'fl-score', d: line(shown, ({ score }) => scoreY(score), x) }),
      svg('path', { class: 'fl-alarm', d: ends.map(([one, next]) => `M${x(one)} ${ALARM_Y}H${x(next)}`).join('') }),
      svg('text', { x: LEFT - 4, y: TOP + 8, 'text-anchor': 'end' }, digits(high, step)),
      svg('text', { x: LEFT - 4, y: BOTTOM, 'text-anchor': 'end' }, digits(low, step)),
      svg('text', { x: LEFT - 4, y: scoreY(0) + 4, 'text-anchor': 'end' }, 'score 0'),
      svg('text', { x: LEFT, y: BOTTOM + 14 }, new Date(from).toLocaleString()),
      svg('text', { x: WIDTH - 8, y: BOTTOM + 14, 'text-anchor': 'end' }, new Date(to).toLocaleString()),
    );
    plot.toggleAttribute('hidden', false);
    part('key').hidden = false;
  }

  function list(anomalies) {
    part('list').hidden = anomalies.length === 0;
    part('list')
      .querySelector('tbody')
      .replaceChildren(
        ...anomalies.map(({ time, kind, severity, why, score }) => {
          const row = document.createElement('tr');
          for (const text of [new Date(time).toLocaleString(), kind, severity, why, score.toFixed(2)])
            row.append(form.element('td', {}, text));
          return row;
        }),
      );
  }

  /** A rate in words: `1.4 a day`, `one in 12 days`. */
  const often = aDay => (aDay >= 1 ? `${digits(aDay)} a day` : aDay > 0 ? `one in ${digits(1 / aDay)} days` : 'none');
  const UNITS = [['day', 1], ['h', 24], ['min', 1440], ['s', 86400]];
  const pause = aDay => {
    if (aDay === 0) return 'no time';
    const [unit, inADay] = UNITS.find(([, most]) => aDay <= most) ?? UNITS.at(-1);
    return `${digits(inADay / aDay)} ${unit}${unit === 'day' && inADay !== aDay ? 's' : ''}`;
  };
  const count = (number, one, more = `${one}s`) => `${number} ${number === 1 ? one : more}`;

  /** As it is stored, blanks around it and all, where it is known; else as it is meant. */
  const named = (input, part) => (series.some(one => one[part] === input.value) ? input.value : input.value.trim());
  const metricsOf = name => series.filter(one => one.device === name).map(one => one.metric);
  const instead = body => {
    const others = metricsOf(body.device);
    return others.length === 0 || others.includes(body.metric) ? '' : `; it has ${others.slice(0, 20).join(', ')}`;
  };

  async function show() {
    if (device.value === '' || metric.value === '') return;
    const turn = ++asked;
    const body = { store: storeId(), device: named(device, 'device'), metric: named(metric, 'metric'), settings: form.values() };
    try {
      const tried = await form.ask('fieldline/anomaly/try', body);
      if (turn !== asked) return;
      const { scored, learning, found, alarms, per, unit, days, pointsADay, falseAlarmsADay } = tried;
      list(tried.anomalies);
      if (tried.shown.filter(({ watched }) => watched !== undefined).length < 2) {
        part('plot').toggleAttribute('hidden', true);
        part('key').hidden = true;
        return say(`${count(scored, 'stored value')} of ${body.device} ${body.metric}: too few to draw${instead(body)}`);
      }
      draw(tried.shown, unit);
      const rise = per === undefined ? '' : `, a counter, judged by its rise per ${per === 'h' ? 'hour' : 'second'}`;
      const taught = learning === scored ? 'all of them only taught' : `the first ${learning} only taught`;
      const told = `${count(found, 'anomaly', 'anomalies')}${found > 0 ? `, ${count(alarms, 'alarm')}` : ''}`;
      const allowed = `False alarms to be expected at this rate: ${often(falseAlarmsADay)}.`;
      say(`${count(scored, 'value')} in ${pause(1 / days)}, one in ${pause(pointsADay)}${rise}; ${taught}: ${told}. ${allowed}`);
    } catch (error) {
      if (turn === asked) say(error.message);
    }
  }

  function changed() {
    clearTimeout(timer);
    timer = setTimeout(show, 400);
  }

  function offer(input, items) {
    $(input).autoComplete({
      minLength: 0,
      search: typed => {
        const all = items();
        // What stands there is chosen: whoever looks for more looks for the others.
        const fit = all.includes(typed) ? all : all.filter(value => value.toLowerCase().includes(typed.toLowerCase()));
        return fit.slice(0, MOST_OFFERED).map(value => ({ value, label: value }));
      },
    });
    $(input).on('change', changed);
    $(input).on('click', () => $(input).trigger('keyup'));
    input.addEventListener('input', changed);
  }
  const unique = values => [...new Set(values)];
  // Of another device another metric is meant, where it has not that one.
  const suit = () => {
    const others = metricsOf(named(device, 'device'));
    if (others.length > 0 && !others.includes(named(metric, 'metric'))) metric.value = others[0];
  };
  $(device).on('change', suit);
  device.addEventListener('input', suit);
  offer(device, () => unique(series.map(one => one.device)));
  offer(metric, () => unique(series.filter(one => device.value === '' || one.device === device.value).map(one => one.metric)));

  const rateRow = () => {
    form.show('falseAlarms', form.value('sensitivity') === 'rate');
    form.show('key', form.value('series') === 'key');
  };
  $(form.input('sensitivity')).on('change', rateRow);
  $(form.input('series')).on('change', rateRow);
  rateRow();
  for (const name of SETTINGS) {
    $(form.input(name)).on('change', changed);
    form.input(name).addEventListener('input', changed);
  }
  part('show').onclick = show;

  form.ask('fieldline/anomaly/series', { store: storeId() }).then(
    answer => {
      series = answer.series;
      if (answer.says) say(answer.says);
      else if (series.length === 0) say('Nothing is stored yet: settings can be tried once there are values.');
      if (series.length > 0 && device.value === '') {
        device.value = series[0].device;
        metric.value = series[0].metric;
        changed();
      }
    },
    error => say(error.message),
  );

  return () => {
    asked++;
    clearTimeout(timer);
  };
});
