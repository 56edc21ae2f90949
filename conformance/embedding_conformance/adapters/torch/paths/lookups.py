"""Ways to make the lookup of a `torch.nn.Embedding`; the standalone script of a deviation contains the source of one.

Each takes the module and an index tensor of any shape, and returns the output, of shape index.shape + (embedding_dim,).
It raises what torch raises, and a ValueError of its own for what would have another meaning this way, or would fail in
part: torch is not asked that (`execution.PathInstance.call`).
"""

from __future__ import annotations

import torch


def scripted(module: torch.nn.Embedding, index: torch.Tensor) -> torch.Tensor:
    """TorchScript as it is optimised after a first call, which has other indices."""
    script, before = torch.jit.script(module), module.weight.detach().clone()
    script(torch.zeros_like(index))
    if module.max_norm is not None:
        module.weight.data.copy_(before)
    return script(index)


def traced(module: torch.nn.Embedding, index: torch.Tensor) -> torch.Tensor:
    """A trace of a call with other indices, so that none of these can be part of it."""
    before = module.weight.detach().clone()
    trace = torch.jit.trace(module, torch.zeros_like(index), check_trace=False)
    if module.max_norm is not None:
        module.weight.data.copy_(before)
    return trace(index)


def compiled(module: torch.nn.Embedding, index: torch.Tensor) -> torch.Tensor:
    """Compiled as a full graph, because otherwise the compiler leaves to eager mode what it cannot do.

    The number of threads is fixed because the compiler writes other code for one thread: the machine's cores must not
    decide which code is tested.
    """
    if module.sparse and module.padding_idx is not None:
        raise ValueError("the compiler fails where the size of the gradient depends on the indices")
    return torch.compile(module, fullgraph=True, options={"cpp.threads": 2})(index)


def compiled_aot(module: torch.nn.Embedding, index: torch.Tensor) -> torch.Tensor:
    """Captured for the compiler together with its backward pass, and run operator by operator."""
    if module.sparse and module.padding_idx is not None:
        raise ValueError("the compiler fails where the size of the gradient depends on the indices")
    return torch.compile(module, backend="aot_eager", fullgraph=True)(index)


def compiled_eager(module: torch.nn.Embedding, index: torch.Tensor) -> torch.Tensor:
    """Captured for the compiler, and run operator by operator."""
    return torch.compile(module, backend="eager", fullgraph=True)(index)


def exported(module: torch.nn.Embedding, index: torch.Tensor) -> torch.Tensor:
    """By the module of an exported program, which shares the weight."""
    return torch.export.export(module, (index,)).module()(index)


def mapped(module: torch.nn.Embedding, index: torch.Tensor) -> torch.Tensor:
    """Mapped over the first dimension of the index."""
    return torch.func.vmap(module)(index)


def differentiated_per_sample(module: torch.nn.Embedding, index: torch.Tensor) -> torch.Tensor:
    """Mapped; the backward sums the gradients of the samples, the entries along the first dimension of the index."""
    if module.scale_grad_by_freq:
        raise ValueError("occurrences would be counted in each sample by itself")
    if index.numel() == 0:
        raise ValueError("vmap of grad fails where there is no sample")

    def product(weight: torch.Tensor, sample: torch.Tensor, upstream: torch.Tensor) -> torch.Tensor:
        return (torch.func.functional_call(module, {"weight": weight}, (sample,)) * upstream).sum()

    class PerSample(torch.autograd.Function):  # type: ignore[misc]  # mypy skips torch
        @staticmethod
        def forward(_: object, weight: torch.Tensor) -> torch.Tensor:
            return torch.func.vmap(lambda sample: torch.func.functional_call(module, {"weight": weight}, sample))(index)

        @staticmethod
        def backward(_: object, upstream: torch.Tensor) -> torch.Tensor:
            per_sample = torch.func.vmap(torch.func.grad(product), in_dims=(None, 0, 0))
            return per_sample(module.weight, index, upstream).sum(0)

    return PerSample.apply(module.weight)


def called_functionally(module: torch.nn.Embedding, index: torch.Tensor) -> torch.Tensor:
    """By a functional call, which is given the parameters."""
    return torch.func.functional_call(module, dict(module.named_parameters()), (index,))


def bagged(module: torch.nn.Embedding, index: torch.Tensor) -> torch.Tensor:
    """In bags of one, summed."""
    if module.padding_idx is not None:
        raise ValueError("a bag leaves the row at padding_idx out of its sum")
    if module.embedding_dim == 0:
        raise ValueError("EmbeddingBag fails for two bags and more where rows have no elements")
    bag = torch.nn.EmbeddingBag(
        *module.weight.shape,
        max_norm=module.max_norm,
        norm_type=module.norm_type,
        scale_grad_by_freq=module.scale_grad_by_freq,
        sparse=module.sparse,
        mode="sum",
        _weight=module.weight,
    )
    bag.weight = module.weight  # the parameter itself, which gets the gradient
    return bag(index.reshape(-1, 1)).reshape(*index.shape, module.embedding_dim)


def autocast(module: torch.nn.Embedding, index: torch.Tensor) -> torch.Tensor:
    """Under autocast, which runs some operators in bfloat16, but not a lookup."""
    with torch.autocast(index.device.type, dtype=torch.bfloat16):
        return module(index)


def quantisation_aware(module: torch.nn.Embedding, index: torch.Tensor) -> torch.Tensor:
    """Prepared for quantisation-aware training, with the quantiser and its observer switched off."""
    from torch.ao import quantization  # noqa: PLC0415 - slow to import, and for this path alone

    prepared = torch.ao.nn.qat.Embedding(
        *module.weight.shape,
        padding_idx=module.padding_idx,
        max_norm=module.max_norm,
        norm_type=module.norm_type,
        scale_grad_by_freq=module.scale_grad_by_freq,
        sparse=module.sparse,
        _weight=module.weight,
        qconfig=quantization.default_embedding_qat_qconfig,
    )
    prepared.weight = module.weight  # the parameter itself, which gets the gradient
    prepared.apply(quantization.disable_fake_quant).apply(quantization.disable_observer)
    return prepared(index)


def decomposed(module: torch.nn.Embedding, index: torch.Tensor) -> torch.Tensor:
    """By the decompositions of the lookup and of its dense backward pass into other operators."""
    if module.max_norm is not None or module.sparse:
        raise ValueError("renormalising, and the sparse backward, have no decomposition")
    if module.weight.is_complex() and module.weight.requires_grad:
        raise ValueError("what is decomposed is not differentiable for complex weights")
    from torch._decomp import decompositions  # noqa: PLC0415 - for this path alone

    padding_idx = -1 if module.padding_idx is None else module.padding_idx

    class Decomposed(torch.autograd.Function):  # type: ignore[misc]  # mypy skips torch
        @staticmethod
        def forward(
            context: torch.autograd.function.FunctionCtx, weight: torch.Tensor, index: torch.Tensor
        ) -> torch.Tensor:
            context.save_for_backward(index)
            return decompositions.embedding(weight, index, padding_idx, module.scale_grad_by_freq)

        @staticmethod
        def backward(context: torch.autograd.function.FunctionCtx, upstream: torch.Tensor) -> tuple[torch.Tensor, None]:
            (index,) = context.saved_tensors
            arguments = module.num_embeddings, padding_idx, module.scale_grad_by_freq
            return decompositions.embedding_dense_backward(upstream, index, *arguments), None

    return Decomposed.apply(module.weight, index)


def sharded(module: torch.nn.Embedding, index: torch.Tensor) -> torch.Tensor:
    """By a module whose weight is split over processes."""
    if module.sparse and module.weight.requires_grad:
        raise ValueError("a sparse gradient of parts fails, or is that of one process")
    return module(index)
