"""Adapters of embeddings on JAX, which share `arrays`."""
