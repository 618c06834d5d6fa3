"""One command per file: ``EXAMPLE`` for its help, and the function ``command``.

The file's name is the command's; a trailing underscore is left out.
"""
