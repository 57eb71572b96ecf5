"""Numbered checks in TAP (Test Anything Protocol): registers them, runs them in order, prints one line each."""

import os
import sys
import time

CHECKS = []
POLL_SECONDS = 0.02
CAUSE_MAX = 400
BOUND_SECONDS = float(os.environ.get("SMPP_BOUND_SECONDS", "20"))


def check(name):
    """Registers a function as the next numbered check."""

    def register(function):
        CHECKS.append((name, function))
        return function

    return register


def run():
    """Runs all checks in the order of their registration; returns the exit code."""
    print(f"1..{len(CHECKS)}", flush=True)
    failed = 0
    for number, (name, function) in enumerate(CHECKS, start=1):
        cause = cause_of_failure(function)
        failed += cause is not None
        line = f"ok {number} - {name}" if cause is None else f"not ok {number} - {name}: {cause}"
        print(line, flush=True)
    return 1 if failed else 0


def cause_of_failure(function):
    """None, or why the check failed, on one line. A check may fail in any way; the next one still runs."""
    try:
        function()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this check's failure
        text = " ".join(str(error).split())
        return f"{type(error).__name__} {text}".strip()[:CAUSE_MAX]
    return None


def equal(actual, expected, what):
    """Fails with both values; long octets are shown from their first difference on."""
    if actual == expected:
        return
    if isinstance(actual, bytes) and isinstance(expected, bytes):
        at = next((i for i, (a, b) in enumerate(zip(actual, expected)) if a != b), min(len(actual), len(expected)))
        raise AssertionError(
            f"{what}: {len(actual)} octets instead of {len(expected)}, different from octet {at} on: "
            f"{actual[at:at + 12].hex()} instead of {expected[at:at + 12].hex()}"
        )
    raise AssertionError(f"{what}: {actual!r} instead of {expected!r}")


def eventually(condition, what, seconds=BOUND_SECONDS):
    """Polls until condition() is truthy and returns that; fails after the bound (seconds)."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(POLL_SECONDS)


def finish():
    """Runs everything and ends the process."""
    sys.exit(run())
