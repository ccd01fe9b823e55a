// Every node folder keeps the rules of the house: look, labels, help, settings with reasons, an example that imports valid.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import vm from 'node:vm';
import { definitionOf, nodeNames } from '../../scripts/build.ts';
import { stalePages } from '../../scripts/docs.ts';
import { root } from '../../scripts/imports.ts';
import type { ConfigDefinition, NodeDefinition } from '../../src/palette/define.ts';
import { type Field, type Fields, fault } from '../../src/palette/fields.ts';
import { editorHtml } from '../../src/palette/form.ts';
import { checkSettings } from '../../src/palette/settings.ts';

type Definition = NodeDefinition<Fields> | ConfigDefinition<Fields>;
type EditorType = {
  category: string;
  color?: string;
  outputs?: number;
  outputLabels?: string[];
  defaults: Record<
    string,
    { value: unknown; label?: string; validate?: (value: unknown, options: unknown) => unknown }
  >;
};
type ExampleNode = { id: string; type: string; wires?: string[][]; [key: string]: unknown };

/** Runs the generated editor file as the browser would, with the real check. */
function editorTypeOf(definition: Definition): EditorType {
  let registered: EditorType | undefined;
  const known: Record<string, Fields> = {};
  const FieldlineForm = {
    define: (type: string, fields: Fields) => Object.assign(known, { [type]: fields }),
    check: (type: string, name: string, value: unknown) => fault(known[type]?.[name] as Field, value) ?? true,
  };
  const RED = {
    nodes: {
      registerType: (_type: string, it: EditorType) => {
        registered = it;
      },
    },
  };
  const code = [...editorHtml(definition, 'help').matchAll(/<script type="text\/javascript">([\s\S]*?)<\/script>/g)]
    .map(match => match[1])
    .join('\n');
  const FieldlineLinks = { watch: () => undefined };
  vm.runInNewContext(code, { RED, FieldlineForm, FieldlineLinks });
  assert.ok(registered, 'registers its type');
  return registered as EditorType;
}

const luminance = (hex: string): number => {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map(at => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
    .map(c => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

/** What the editor draws of Font Awesome; it knows brands such as fa-bluetooth, and draws an arrow for them. */
function editorIcons(): string[] {
  const client = createRequire(createRequire(import.meta.url).resolve('node-red')).resolve('@node-red/editor-client');
  const code = readFileSync(path.join(path.dirname(client), 'public/red/red.js'), 'utf8');
  const [map = ''] = /var iconMap = \{[^}]*\}/.exec(code) ?? [];
  return [...map.matchAll(/"(fa-[a-z0-9-]+)"/g)].map(match => `font-awesome/${match[1]}`);
}

const icons = editorIcons();
const examples = globSync('{examples,flows}/**/*.json', { cwd: root }).sort();
const readExample = (file: string) => JSON.parse(readFileSync(path.join(root, file), 'utf8')) as ExampleNode[];

describe('palette: every node', () => {
  for (const name of nodeNames())
    describe(name, () => {
      let definition: Definition;
      before(async () => {
        definition = await definitionOf(name);
      });

      it('is named after its folder and listed in package.json', () => {
        assert.equal(definition.type, `fieldline-${name}`);
        const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
        assert.equal(manifest['node-red'].nodes[name], `dist/nodes/${name}/${name}.js`);
      });

      it('describes itself and every setting in sentences', () => {
        assert.match(definition.summary, /^[A-Z].*\.$/);
        const check = (fields: Fields) => {
          for (const field of Object.values(fields)) {
            assert.ok(field.label.length > 0);
            assert.match(field.help, /\.$/, `help of ${field.label}`);
            if (field.kind === 'list') check(field.columns);
          }
        };
        check(definition.fields);
      });

      it('gives each setting a name of its own, the hidden type of a typed one included', () => {
        const names = Object.entries(definition.fields).flatMap(([field, { kind }]) =>
          kind === 'typed' ? [field, `${field}Type`] : [field],
        );
        assert.equal(new Set(names).size, names.length, names.join(', '));
      });

      it('is valid when it is dropped on the canvas', () =>
        assert.deepEqual(checkSettings(definition.fields, {}).faults, []));

      it('registers in the editor with validators that Node-RED lets speak', () => {
        const type = editorTypeOf(definition);
        for (const [field, { validate, label, value }] of Object.entries(type.defaults)) {
          if (validate === undefined) continue;
          assert.equal(validate.length, 2, `${field}: a reason is shown only to a validator of two parameters`);
          assert.ok(label, field);
          assert.equal(validate(value, {}), true, field);
        }
      });

      it('has labelled ports and a readable colour', () => {
        const type = editorTypeOf(definition);
        if (definition.family === 'config') return assert.equal(type.category, 'config');
        assert.equal(type.category, 'Fieldline');
        assert.equal(type.outputLabels?.length, type.outputs);
        for (const label of definition.outputs) assert.ok(label.length > 0);
        const contrast = (luminance(type.color ?? '') + 0.05) / (luminance('#333333') + 0.05);
        assert.ok(contrast >= 4.5, `contrast ${contrast.toFixed(1)}`);
        assert.ok(icons.includes(definition.icon), `the editor draws an arrow instead of ${definition.icon}`);
      });

      it('has help: inputs, outputs, settings, status words', () => {
        const readme = readFileSync(path.join(root, 'nodes', name, 'README.md'), 'utf8');
        assert.match(readme, /<!-- settings -->[\s\S]*<!-- \/settings -->/);
        if (definition.family === 'config') return;
        if (definition.input !== undefined) assert.match(readme, /^#+ Inputs?/m);
        if (definition.outputs.length > 0) assert.match(readme, /^#+ Outputs?/m);
        assert.match(readme, /^#+ Status/m);
      });

      it('is shown by an example', () => {
        const shown = examples.some(file => readExample(file).some(node => node.type === definition.type));
        assert.ok(shown, `no file in examples/ uses ${definition.type}`);
      });
    });
});

describe('palette: every example and flow', () => {
  const definitions = new Map<string, Definition>();
  before(async () => {
    for (const name of nodeNames()) definitions.set(`fieldline-${name}`, await definitionOf(name));
  });

  for (const file of examples)
    it(`${file} imports with every node valid and every wire connected`, () => {
      const nodes = readExample(file);
      const ids = new Set(nodes.map(({ id }) => id));
      assert.equal(ids.size, nodes.length, 'ids are unique');
      for (const node of nodes) {
        for (const target of node.wires?.flat() ?? [])
          assert.ok(ids.has(target), `${node.id} is wired to nothing (${target})`);
        if (!node.type.startsWith('fieldline-')) continue;
        const definition = definitions.get(node.type);
        assert.ok(definition, `unknown type ${node.type}`);
        assert.deepEqual(checkSettings(definition.fields, node).faults, [], `${node.type} ${node.id}`);
        const known = new Set(Object.keys(definition.fields).flatMap(field => [field, `${field}Type`]));
        const unknown = Object.keys(node).filter(
          key =>
            !known.has(key) && !['id', 'type', 'z', 'g', 'x', 'y', 'wires', 'name', 'd', 'l', 'info'].includes(key),
        );
        assert.deepEqual(unknown, [], `${node.type} ${node.id}: settings that the node does not have`);
        for (const [field, { kind, ...rest }] of Object.entries(definition.fields)) {
          const chosen = node[field];
          if (kind === 'config' && !rest.optional)
            assert.ok(typeof chosen === 'string' && ids.has(chosen), `${node.type} ${node.id}: ${field} is not chosen`);
        }
      }
    });
});

describe('docs', () => {
  it('that are made from code are up to date (npm run docs)', async () => assert.deepEqual(await stalePages(), []));
});
