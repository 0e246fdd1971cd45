/**
 * WGSL has no registers that can be indexed: an array in a loop goes to memory on many devices, and no compiler is
 * obliged to unroll the loop. So the shaders name their registers one by one, and these directives write the names:
 *
 *     var y#{i} = vec4<f32>(); //#for i in 0..8          the line, once for each i of 0, 1, … 7
 *
 *     //#for step in 8, 1                                the lines up to the matching //#end, once for each value
 *     …
 *     //#end
 *
 * Between #{ and } stands a JavaScript expression in the loops' variables, and so do a range's ends. It may use
 *
 *     lane(i)          the component of a vec4 that holds element i: x, y, z, w, x, …
 *     terms(n, term)   the sum of term(0), …, term(n − 1) in chains of four, so that no term is rounded with all others
 */
const CHAIN = 4;
const lane = (i) => "xyzw"[i % CHAIN];
const terms = (count, term) => {
  const chains = [];
  for (let at = 0; at < count; at += CHAIN) {
    const chain = Array.from({ length: Math.min(CHAIN, count - at) }, (_, i) => term(at + i));
    chains.push(chain.join(" + "));
  }
  return chains.length === 1 ? chains[0] : chains.map((chain) => `(${chain})`).join(" + ");
};
const helpers = { lane, terms };

/** @param {string} code WGSL with directives; @param {string} file named in errors @returns WGSL without */
export function unroll(code, file) {
  const lines = code.split("\n").map((text, index) => ({ text, where: `${file}:${index + 1}` }));
  return expand(lines, {}).join("\n");
}

function expand(lines, scope) {
  const out = [];
  for (let at = 0; at < lines.length; at++) {
    const { text, where } = lines[at];
    const loop = /^(.*?)\s*\/\/#for (\w+) in (.+)$/.exec(text);
    if (!loop) {
      if (text.trim() === "//#end") throw new Error(`${where}: //#end without //#for`);
      out.push(substitute(text, scope, where));
      continue;
    }
    const [, line, name, values] = loop;
    const end = line === "" ? matching(lines, at) : at;
    const body = line === "" ? lines.slice(at + 1, end) : [{ text: line, where }];
    for (const value of valuesOf(values, scope, where))
      out.push(...expand(body, { ...scope, [name]: value }));
    at = end;
  }
  return out;
}

/** The line of the //#end that closes the block opened at line `from`. */
function matching(lines, from) {
  let depth = 0;
  for (let at = from; at < lines.length; at++) {
    const text = lines[at].text.trim();
    if (text.startsWith("//#for ")) depth++;
    if (text === "//#end" && --depth === 0) return at;
  }
  throw new Error(`${lines[from].where}: //#for without //#end`);
}

function valuesOf(values, scope, where) {
  const [from, to] = values.split("..").map((part) => evaluate(`[${part}]`, scope, where));
  if (!to) return from;
  return Array.from({ length: to[0] - from[0] }, (_, i) => from[0] + i);
}

function substitute(text, scope, where) {
  let out = "";
  let rest = text;
  for (let begin = rest.indexOf("#{"); begin >= 0; begin = rest.indexOf("#{")) {
    const end = closing(rest, begin + 1, where);
    out += rest.slice(0, begin) + evaluate(rest.slice(begin + 2, end), scope, where);
    rest = rest.slice(end + 1);
  }
  return out + rest;
}

function closing(text, from, where) {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text[at] === "{") depth++;
    if (text[at] === "}" && --depth === 0) return at;
  }
  throw new Error(`${where}: #{ without }`);
}

function evaluate(expression, scope, where) {
  const names = { ...helpers, ...scope };
  try {
    return new Function(...Object.keys(names), `return (${expression});`)(...Object.values(names));
  } catch (error) {
    throw new Error(`${where}: ${error.message} in ${expression}`, { cause: error });
  }
}
