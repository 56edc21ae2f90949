"""Adapters of embeddings on JAX; `arrays` is what they share."""
