"""The tables of a store, one module a concept: the writer thread changes them, any thread reads them."""
