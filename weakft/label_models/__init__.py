"""Label models: a label matrix in, soft labels out. One file a model; `registry.py` finds them, `choose.py` picks one."""
