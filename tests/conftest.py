"""What holds for all tests."""

import os
import sys

# Tests write code and change it within a second, where the dates by which Python knows its compiled code are the same.
sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # of the processes that tests start
