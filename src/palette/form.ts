// Generates what the editor loads of a node: registration, dialog and help, all from its definition and README.
import type { ConfigDefinition, NodeDefinition } from './define.ts';
import { emptyMeans, type Field, type Fields } from './fields.ts';

export const PACKAGE = '@fieldline/node-red-fieldline';

// Light enough that Node-RED's dark label text keeps a contrast above 7:1 on all of them.
const colours = { source: '#BFE3CF', decode: '#C6D8F3', check: '#F4DFB2', store: '#DCCFEC', serve: '#F3CFCB' } as const;

const attribute = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
// A script element ends at the first `</`, whatever the language inside thinks.
const script = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

function defaultsOf(type: string, fields: Fields): string {
  const entries = Object.entries(fields).flatMap(([name, field]) => {
    if (field.kind === 'secret') return [];
    const config = field.kind === 'config' ? `,type:${script(field.of)},required:${!field.optional}` : '';
    const check =
      field.kind === 'config'
        ? ''
        : `,validate:function(v,opt){return FieldlineForm.check(${script(type)},${script(name)},v,opt)}`;
    const own = `${name}:{value:${script(field.initial)},label:${script(field.label)}${config}${check}}`;
    return field.kind === 'typed' ? [own, `${name}Type:{value:${script(field.initialType)}}`] : [own];
  });
  return `{name:{value:""}${entries.map(entry => `,${entry}`).join('')}}`;
}

function credentialsOf(fields: Fields): string {
  const secrets = Object.entries(fields).filter(([, field]) => field.kind === 'secret');
  return `{${secrets.map(([name]) => `${name}:{type:"password"}`).join(',')}}`;
}

function inputOf(id: string, field: Field): string {
  switch (field.kind) {
    case 'choice':
      return `<select id="${id}" style="width:70%">${field.options.map(([value, label]) => `<option value="${attribute(value)}">${attribute(label)}</option>`).join('')}</select>`;
    case 'list':
      return `<ol id="${id}-rows"></ol>`;
    case 'number':
      return `<input id="${id}" type="text" inputmode="decimal" class="fieldline-number"> ${attribute(field.unit ?? '')}`;
    case 'typed':
      return `<input id="${id}" type="text" style="width:70%"><input id="${id}Type" type="hidden">`;
    case 'secret':
      return `<input id="${id}" type="password" autocomplete="new-password">`;
    case 'text':
      return field.multiline
        ? `<textarea id="${id}" rows="6" style="width:70%"></textarea>`
        : `<input id="${id}" type="text" placeholder="${attribute(emptyMeans(field))}">`;
    case 'config':
      return `<input id="${id}" type="text">`;
  }
}

function rowOf(prefix: string, name: string, field: Field): string {
  const id = prefix + name;
  const wide = field.kind === 'list' ? ' fieldline-wide' : '';
  return `<div class="form-row${wide}" title="${attribute(field.help)}"><label for="${id}">${attribute(field.label)}</label>${inputOf(id, field)}
<div class="fieldline-error" role="alert" data-fl-for="${id}"></div></div>`;
}

const STYLE = `<style>.fieldline-error{color:var(--red-ui-text-color-error,#b72828);margin:2px 0 0 105px;min-height:0}
.fieldline-number{width:8em!important}.fieldline-wide>label{width:100%!important}
.fieldline-row{display:flex;gap:6px}.fieldline-row>*{flex:1 1 0;min-width:0;width:0!important}</style>`;

function lookOf(definition: NodeDefinition<Fields> | ConfigDefinition<Fields>): string {
  if (definition.family === 'config')
    return `category:"config",label:function(){return this.name||this[${script(definition.labelField)}]||${script(definition.type.replace('fieldline-', ''))}}`;
  const label = definition.type.replace('fieldline-', '');
  const sink = definition.family === 'store' || definition.family === 'serve' ? ',align:"right"' : '';
  const inputs = definition.input === undefined ? 'inputs:0' : `inputs:1,inputLabels:${script(definition.input)}`;
  const button =
    definition.button === undefined
      ? ''
      : `,button:{enabled:function(){return !this.changed},onclick:function(){FieldlineForm.press(this,${script(definition.button)})}}`;
  return `category:"Fieldline",color:${script(colours[definition.family])},icon:${script(definition.icon)},paletteLabel:${script(label)}${sink},
${inputs},outputs:${definition.outputs.length},outputLabels:${script(definition.outputs)},label:function(){return this.name||${script(label)}},labelStyle:function(){return this.name?"node_label_italic":""}${button}`;
}

/** What one node adds to its dialog: markup below the generated rows, and the script that makes it live. */
export type OwnForm = { markup: string; script: string };

/** The `.html` of one node. `help` is Markdown; its title is left out, since the editor writes one above it. */
export function editorHtml(
  definition: NodeDefinition<Fields> | ConfigDefinition<Fields>,
  help: string,
  { markup, script: ownScript }: OwnForm = { markup: '', script: '' },
): string {
  const { type, fields } = definition;
  const prefix = definition.family === 'config' ? 'node-config-input-' : 'node-input-';
  const rows = Object.entries(fields).map(([name, field]) => rowOf(prefix, name, field));
  const watch =
    definition.family !== 'config' && definition.acknowledges ? `FieldlineLinks.watch(${script(type)});\n` : '';
  return `<script type="text/javascript" src="resources/${PACKAGE}/form.js"></script>
<script type="text/javascript" src="resources/${PACKAGE}/links.js"></script>
<script type="text/javascript">
FieldlineForm.define(${script(type)},${script(fields)});
${watch}RED.nodes.registerType(${script(type)},{${lookOf(definition)},
defaults:${defaultsOf(type, fields)},credentials:${credentialsOf(fields)},
onadd:function(){FieldlineForm.added(this)},oneditprepare:function(){FieldlineForm.open(this);FieldlineLinks.open(this)},oneditsave:function(){FieldlineForm.save(this)},oneditcancel:function(){FieldlineForm.close(this)},oneditdelete:function(){FieldlineForm.close(this)}});
${ownScript}</script>
<script type="text/html" data-template-name="${type}">
${STYLE}
<div class="form-row"><label for="${prefix}name">Name</label><input id="${prefix}name" type="text" placeholder="${type.replace('fieldline-', '')}"></div>
${rows.join('\n')}
${markup}
</script>
<script type="text/markdown" data-help-name="${type}">
${help.replace(/^# .*\n+/, '').replaceAll('</script', '<\\/script')}
</script>
`;
}

function initialOf(field: Field): string {
  if (field.kind === 'list') return `${field.initial.length} rows`;
  if (field.kind === 'config' || field.initial === '') return field.kind === 'secret' ? 'none' : '—';
  return `\`${String(field.initial)}\`${field.kind === 'number' && field.unit ? ` ${field.unit}` : ''}`;
}

function allowedOf(field: Field): string {
  if (field.kind === 'number') {
    const { min, max } = field;
    if (min === undefined && max === undefined) return field.integer ? 'whole number' : 'number';
    return `${min ?? '…'} to ${max ?? '…'}`;
  }
  if (field.kind === 'choice') return field.options.map(([value]) => `\`${value}\``).join(', ');
  if (field.kind === 'text') return field.says ?? 'text';
  if (field.kind === 'config') return `a ${field.of.replace('fieldline-', '')} node`;
  if (field.kind === 'typed') return field.types.join(', ');
  if (field.kind === 'list')
    return `rows of ${Object.values(field.columns)
      .map(({ label }) => label.toLowerCase())
      .join(', ')}`;
  return 'kept in the credentials';
}

/** Markdown table of the settings, for help panel and reference. */
export function settingsTable(fields: Fields): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const lines = Object.values(fields).map(
    field => `| ${cell(field.label)} | ${cell(field.help)} | ${cell(allowedOf(field))} | ${cell(initialOf(field))} |`,
  );
  return lines.length === 0
    ? 'No settings.'
    : ['| Setting | Meaning | Allowed | Initially |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

/** Puts the generated table between the two settings marks of a README. */
export function withSettings(readme: string, fields: Fields): string {
  return readme.replace(
    /<!-- settings -->[\s\S]*?<!-- \/settings -->/,
    `<!-- settings -->\n${settingsTable(fields)}\n<!-- /settings -->`,
  );
}
