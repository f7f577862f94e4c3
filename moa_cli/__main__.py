"""`python -m moa_cli` is `moa`."""

from moa_cli.app import main

if __name__ == "__main__":
    main()
