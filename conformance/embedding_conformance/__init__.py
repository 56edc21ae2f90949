"""Does this embedding do what `torch.nn.Embedding` is documented to do?

Run it with `pytest --pyargs embedding_conformance --embedding TARGET`. Nothing here imports torch but
`adapters.torch_*`.
"""
