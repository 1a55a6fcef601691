"""What a request costs, beside its peers; `python -m tests.benchmarks`."""
