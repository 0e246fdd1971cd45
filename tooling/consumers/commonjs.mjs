const NAMED = /^import \{([^}]*)\} from ("[^"]+");/gm;
const ALL = /^import \* as (\w+) from ("[^"]+");/gm;

/** Returns a program of a README in the form of somebody who still uses `require`. @throws Error for an import that is not understood */
export function toCommonJs(code) {
  const body = code
    .replace(NAMED, (_, names, from) => `const {${names.replaceAll(" as ", ": ")}} = require(${from});`)
    .replace(ALL, "const $1 = require($2);");
  if (/^import\b/m.test(body)) throw new Error(`an import of a form not known here:\n${code}`);
  return `(async () => {\n${body}\n})().catch((error) => { console.error(error); process.exitCode = 1; });`;
}
