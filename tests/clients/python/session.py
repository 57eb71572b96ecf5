"""What the check modules share: the provider's record."""

import os

from smsc import Smsc

SMSC = Smsc(os.environ["SMSC_RECORD"])
