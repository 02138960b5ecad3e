"""Start the command; the tests' modules have their plain names, as tests/conftest.py has it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mutants.command import main

if __name__ == "__main__":
    sys.exit(main())
