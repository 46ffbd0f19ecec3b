"""`python -m pplang`."""

import sys

if __name__ == "__main__":
    try:
        from pplang.cli.main import main
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(main())
