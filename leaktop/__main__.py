"""Run leaktop as `python -m leaktop`."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        # -m looks in the working directory first, which may be anybody's. The package itself was found already.
        del sys.path[0]
    from leaktop.cli import main

    raise SystemExit(main())
