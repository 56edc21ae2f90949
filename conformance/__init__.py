"""Does this embedding do what `torch.nn.Embedding` is documented to do?

Run it with `pytest --pyargs conformance --embedding TARGET`. Nothing here imports torch but
`conformance.adapters.torch_*`.
"""
