// Node-RED settings that an administrator may change; the gateway adds directory, login, secret, logging and drain.
// Documentation of every setting: https://nodered.org/docs/user-guide/runtime/configuration

/** @type {Record<string, unknown>} */
const settings = {
  flowFile: 'flows.json',
  flowFilePretty: true,

  // Nothing is sent anywhere, and no tour stands before the first flow.
  telemetry: { enabled: false, updateNotification: false },
  editorTheme: {
    tours: false,
    projects: { enabled: false },
    page: { title: 'Fieldline' },
    header: { title: 'Fieldline' },
    palette: {
      categories: ['Fieldline', 'dashboard', 'common', 'function', 'network', 'sequence', 'parser', 'storage'],
    },
    codeEditor: { lib: 'monaco' },
  },

  httpAdminRoot: '/',
  httpNodeRoot: '/',

  // A node that does not close within this is left behind by a deploy.
  nodeCloseTimeout: 5000,
  // Flows can be stopped and started from the editor.
  runtimeState: { enabled: true, ui: true },
  diagnostics: { enabled: true, ui: true },
  // Function nodes may not install packages; palettes are installed in the editor.
  functionExternalModules: false,
  functionTimeout: 0,
  apiMaxLength: '5mb',
  debugMaxLength: 1000,
};

// Node-RED's own start script loads this file with require().
export { settings as default, settings as 'module.exports' };
