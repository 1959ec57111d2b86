"""``python -m claims.kernels.conformance``: see the package."""

import sys

from claims.kernels.conformance.report import main

if __name__ == "__main__":
    sys.exit(main())
