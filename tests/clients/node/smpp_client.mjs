// A customer with smpp (npm, unmodified) against the gateway: numbered checks in TAP, exit code 0 only if all hold.
// Environment: see tests/clients/README.md.

import { startIdleBind } from "./checks_binds.mjs";
// Importing a module registers its checks, in this order.
import "./checks_messages.mjs";
import "./checks_refusals.mjs";
import "./checks_flood.mjs";
import "./checks_end.mjs";
import { run } from "./tap.mjs";

await startIdleBind();
process.exit(await run());
