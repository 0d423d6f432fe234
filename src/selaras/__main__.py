"""`python -m selaras` is the program."""

from selaras.cli.main import main

if __name__ == "__main__":
    main()
