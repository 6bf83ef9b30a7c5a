"""Parts of the benchmark of Real Estate GPT: its world, its questions, its judge and its attackers."""
