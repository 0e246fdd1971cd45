import { expect, test } from "vitest";
import { WgslReflect } from "wgsl_reflect";
import { shaderCode } from "../src/generated/shaders.js";
import { PARAMS_BYTES, type Plan } from "../src/kernels/plan.js";
import { plans } from "../src/kernels/plans/index.js";

const ACCESS = { read: "read", write: "read_write" } as const;
const TYPES = { operand: "Operand", u32: "u32", f32: "f32" } as const;

/** Computes the offsets that writeParams uses: the members come in order, and an operand takes 32 bytes, a scalar 4. */
function expectedMembers(plan: Plan): { name: string; type: string; offset: number }[] {
  let offset = 0;
  return Object.entries(plan.params).map(([name, type]) => {
    const member = { name, type: TYPES[type], offset };
    offset += type === "operand" ? 32 : 4;
    return member;
  });
}

test("every shader has one plan", () => {
  expect(plans.map((plan) => plan.shader).sort()).toEqual(Object.keys(shaderCode).sort());
});

for (const plan of plans) {
  // Only the declarations are parsed, because the parser does not know all of the statements.
  const [declarations] = shaderCode[plan.shader].split(/^(?:fn |@compute)/m);
  const reflected = new WgslReflect(declarations!);

  test(`${plan.shader}: bindings are its plan's`, () => {
    const storage = reflected.storage
      .map(({ name, group, binding, access }) => ({ name, group, binding, access }))
      .sort((a, b) => a.binding - b.binding);
    const expected = Object.entries(plan.bindings).map(([name, access], index) => ({
      name,
      group: 0,
      binding: index + 1,
      access: ACCESS[access],
    }));
    expect(storage).toEqual(expected);
    expect(reflected.uniforms.map(({ name, group, binding }) => ({ name, group, binding }))).toEqual([
      { name: "params", group: 0, binding: 0 },
    ]);
  });

  test(`${plan.shader}: Params is its plan's`, () => {
    const struct = reflected.structs.find(({ name }) => name === "Params")!;
    const members = struct.members.map(({ name, type, offset }) => ({ name, type: type.name, offset }));
    expect(members).toEqual(expectedMembers(plan));
    expect(struct.size).toBeLessThanOrEqual(PARAMS_BYTES);
  });

  test(`${plan.shader}: overrides are its plan's`, () => {
    const derived = /override \w+: u32 = [A-Z]/; // these are computed from others, and are never given
    const given = [...shaderCode[plan.shader].matchAll(/override (\w+): .*/g)]
      .filter(([line]) => !derived.test(line))
      .map(([, name]) => name);
    expect(given.sort()).toEqual([...plan.constants].sort());
  });
}
