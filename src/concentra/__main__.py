"""`python -m concentra`: the command line, where its program is on no path."""

from concentra.cli import main

if __name__ == "__main__":
    main()
