"""The benchmark: this gateway and its peers, in turns, on one machine. `python -m tests.bench` runs it."""
