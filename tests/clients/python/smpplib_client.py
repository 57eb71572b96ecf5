"""A customer with smpplib (PyPI, unmodified) against the gateway: numbered checks in TAP, exit code 0 only if all hold.

Environment: see tests/clients/README.md.
"""

import checks_binds
import checks_messages  # noqa: F401 - importing a module registers its checks, in this order
import checks_refusals  # noqa: F401
import checks_flood  # noqa: F401
import checks_end  # noqa: F401
import tap

checks_binds.start_idle_bind()
tap.finish()
