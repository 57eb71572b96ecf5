// Numbered checks in TAP (Test Anything Protocol): registers them, runs them in order, prints one line each.

import { isDeepStrictEqual } from "node:util";

export const BOUND_MS = 1000 * Number(process.env.SMPP_BOUND_SECONDS ?? 20);
const POLL_MS = 20;
const CAUSE_MAX = 400;
const checks = [];

/** Registers a function as the next numbered check. */
export function check(name, body) {
  checks.push({ name, body });
}

/** Runs all checks in the order of their registration; returns the exit code. */
export async function run() {
  console.log(`1..${checks.length}`);
  let failed = 0;
  for (const [i, { name, body }] of checks.entries()) {
    const cause = await causeOfFailure(body);
    if (cause !== null) failed += 1;
    console.log(cause === null ? `ok ${i + 1} - ${name}` : `not ok ${i + 1} - ${name}: ${cause}`);
  }
  return failed ? 1 : 0;
}

async function causeOfFailure(body) {
  try {
    await body();
    return null;
  } catch (error) {
    return String(error?.message ?? error).replace(/\s+/g, " ").trim().slice(0, CAUSE_MAX);
  }
}

export function assert(holds, what) {
  if (!holds) throw new Error(what);
}

/** Fails with both values; long octets are shown from their first difference on. */
export function equal(actual, expected, what) {
  if (isDeepStrictEqual(actual, expected)) return;
  if (Buffer.isBuffer(actual) && Buffer.isBuffer(expected)) {
    const at = actual.findIndex((octet, i) => octet !== expected[i]);
    const from = at < 0 ? actual.length : at;
    const shown = (octets) => octets.subarray(from, from + 12).toString("hex");
    throw new Error(
      `${what}: ${actual.length} octets instead of ${expected.length}, different from octet ${from} on: ` +
        `${shown(actual)} instead of ${shown(expected)}`,
    );
  }
  throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

/** A promise with a bound (milliseconds). */
export function within(promise, what, ms = BOUND_MS) {
  let timer;
  const bound = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms / 1000} s`)), ms);
  });
  return Promise.race([promise, bound]).finally(() => clearTimeout(timer));
}

/** Polls until condition() is truthy and returns that; fails after the bound (milliseconds). */
export async function eventually(condition, what, ms = BOUND_MS) {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await condition();
    if (found) return found;
    assert(Date.now() < deadline, `${what}: not within ${ms / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
