import { expect, test } from "vitest";
import { markdownText, messageOf, visible } from "../src/text.js";

/** Makes an error that runs `get` when its property `key` is read. */
function withGetter(key: string, get: () => unknown): Error {
  return Object.defineProperty(new Error("own"), key, { get });
}

function refuse(): never {
  throw new Error("a getter that throws");
}

function circle(): Error {
  const one = new Error("one");
  one.cause = new Error("two", { cause: one });
  return one;
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function deep(levels: number): Error {
  return levels === 0 ? new Error("0") : new Error(String(levels), { cause: deep(levels - 1) });
}

test.each<[string, unknown, string]>([
  ["an error", new Error("boom"), "boom"],
  ["the cause before what it caused", new Error("late", { cause: new Error("early") }), "early\nlate"],
  ["a chain", deep(2), "1\ncause: 0\n2"],
  ["a circle", circle(), "two\none"],
  ["a cause that is no error", new Error("own", { cause: { toString: null } }), "own"],
  ["a message that throws", withGetter("message", refuse), "a value that cannot be shown"],
  ["a cause that throws", withGetter("cause", refuse), "own"],
  ["a message that is none", withGetter("message", () => Symbol("m")), "Symbol(m)"],
  ["a string", "boom", "boom"],
  ["undefined", undefined, "undefined"],
  ["a symbol", Symbol("s"), "Symbol(s)"],
  ["an object without a prototype", Object.create(null), "a value that cannot be shown"],
  ["a revoked proxy", revoked(), "a value that cannot be shown"],
  ["an error made of a revoked proxy", new Error("own", { cause: revoked() }), "own"],
])("the message of %s", (_, error, message) => {
  expect(messageOf(error)).toBe(message);
});

test("a long chain of causes is cut", () => {
  let error = new Error("0");
  for (let level = 1; level < 1000; level++) error = new Error(String(level), { cause: error });
  expect(messageOf(error).split("\n")).toHaveLength(8);
});

test.each([
  ["plain, with ω ≤ 16 ε and ünïcode 🙂", "plain, with ω ≤ 16 ε and ünïcode 🙂"],
  ["\u001B[31mred\u0007", String.raw`\u001b[31mred\u0007`],
  ["one\r\ntwo", String.raw`one\u000d\u000atwo`],
  ["\u202Egnp.exe\u2066\u009B2J\uD800", String.raw`\u202egnp.exe\u2066\u009b2J\ud800`],
])("visible: %j", (text, want) => {
  expect(visible(text)).toBe(want);
});

test.each([
  ["plain (plain loops), f32", "plain (plain loops), f32"],
  ["a | b\n| c", String.raw`a \| b \| c`],
  ["`code` *bold* _it_ ~~no~~", String.raw`\`code\` \*bold\* \_it\_ \~\~no\~\~`],
  ["<img src=x> & [l](u)", String.raw`&lt;img src=x&gt; &amp; \[l\](u)`],
  [String.raw`\|`, String.raw`\\\|`],
])("markdownText: %j", (text, want) => {
  expect(markdownText(text)).toBe(want);
});
