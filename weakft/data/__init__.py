"""Reading data: files and Python objects to one small `Dataset` type."""
