// Who may import whom. docs/architecture.md shows the same as a picture.

/** lib/ from the ground up: a folder may import its own row and the rows before it. */
const LIB_ROWS = [
  ['nft', 'net'],
  ['world', 'cluster'],
  ['decode', 'render', 'datatypes', 'capture', 'follow', 'policies'],
  ['sim'],
  ['monitor'],
  ['replay'],
  ['expected', 'drift', 'graph', 'explain', 'reach'],
  ['fleet', 'conflicts', 'counterfactual'],
  ['findings'],
  ['api'],
];

const TESTS = '(\\.test\\.tsx?$|/testing/)';
const folders = (rows) => `^lib/(${rows.flat().join('|')})/`;

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'unresolved',
      comment: 'An import that resolves to nothing.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'undeclared',
      comment: 'A package that package.json does not name.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'tests-stay-out',
      comment: 'Shipped code does not import tests.',
      severity: 'error',
      from: { path: '^(app|components|lib|server)/', pathNot: TESTS },
      to: { path: `^tests/|${TESTS}` },
    },
    {
      name: 'components-import-lib-only',
      severity: 'error',
      from: { path: '^components/', pathNot: TESTS },
      to: { path: '^(app|server|scripts|bench)/' },
    },
    {
      name: 'server-imports-lib-only',
      comment: 'server/cli may also use scripts/serve.mjs, which starts the built server.',
      severity: 'error',
      from: { path: '^server/', pathNot: TESTS },
      to: { path: '^(app|components|scripts|bench)/', pathNot: '^scripts/serve\\.mjs$' },
    },
    {
      name: 'lib-is-pure',
      comment: 'lib/ imports nothing but lib/: no Node, no packages, no view, no I/O.',
      severity: 'error',
      from: { path: '^lib/', pathNot: TESTS },
      to: { pathNot: '^lib/' },
    },
    {
      name: 'lib-folder-has-a-row',
      comment: 'A new folder in lib/ must be placed in LIB_ROWS, or its direction would not be checked.',
      severity: 'error',
      from: {},
      to: { path: '^lib/', pathNot: `${folders(LIB_ROWS)}|${TESTS}` },
    },
    ...LIB_ROWS.slice(0, -1).map((row, index) => ({
      name: `lib-direction-${row.join('-')}`,
      severity: 'error',
      from: { path: folders([row]), pathNot: TESTS },
      to: { path: folders(LIB_ROWS.slice(index + 1)) },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(\\.next|dist)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
