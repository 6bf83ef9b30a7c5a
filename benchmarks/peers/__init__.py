"""What the benchmarks measure us against: plain and fair, on the same data and the same machine."""
