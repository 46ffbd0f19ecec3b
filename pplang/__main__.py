"""`python -m pplang`."""

import sys

from pplang.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
