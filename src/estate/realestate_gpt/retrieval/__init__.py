"""Finding records: BM25 over documents, look-ups by name and id, and an optional vector search."""
