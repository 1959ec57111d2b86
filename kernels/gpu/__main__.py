"""``python -m claims.kernels.gpu``: see ``command``."""

import sys

from claims.kernels.gpu.command import main

sys.exit(main())
