"""The program: command line, configuration, composition, supervisor, door, console."""
