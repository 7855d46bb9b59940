"""How fast LipTwin is on this machine: `python -m benchmarks --help`."""
