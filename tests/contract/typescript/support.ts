// What both clients need to be checked: where the server is, how often it was asked, and assertions that say what was
// expected.
import { readFileSync } from "node:fs";

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set; \`cargo xtask contract\` does it`);
  return value;
}

export const server = setting("CONTRACT_SERVER");
/** Answers every request with a problem whose code is in no published list. */
export const stub = setting("CONTRACT_STUB");
export const inventedCode = setting("CONTRACT_STUB_CODE");
export const picture = readFileSync(setting("CONTRACT_PICTURE"));
export const password = "correct horse battery";

let requests = 0;

/** `fetch`, counted. */
export const counted: typeof fetch = (input, init) => {
  requests += 1;
  return fetch(input, init);
};

export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`does not hold: ${what}`);
}

export function same(found: unknown, expected: unknown, what: string): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what}: ${right} was expected, and it is ${left}`);
}

/** The last line of a run, which `cargo xtask contract` reads. */
export function finish(): void {
  console.log(`requests: ${requests}`);
}
