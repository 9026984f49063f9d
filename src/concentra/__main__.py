"""`python -m concentra`: the command line, also where the program `concentra` is not on the search path."""

from concentra.cli import main

if __name__ == "__main__":
    main()
