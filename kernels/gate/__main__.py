"""``python -m claims.kernels.gate``: see ``judge``."""

import sys

from claims.kernels.gate.judge import main

sys.exit(main())
