"""Twenty embeddings with one fault each, of kinds that public reports show or that a kernel may well have.

They were written apart from the suite: from torch's documentation and source and from public reports, by someone who
had not read the clauses, the faults or the cases. Each is `nn.Embedding` but for what its docstring says.
"""

import random
import time

import torch
from torch import Tensor, nn


class Altered(torch.autograd.Function):
    """Passes a tensor on, and its gradient through a function."""

    generate_vmap_rule = True

    @staticmethod
    def forward(values, alter):  # noqa: ARG004
        return values.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):  # noqa: ARG004
        ctx.alter = inputs[1]

    @staticmethod
    def backward(ctx, grads):
        return ctx.alter(grads), None

    @staticmethod
    def jvp(ctx, tangent, _):  # noqa: ARG004
        return tangent.clone()


class Remembered(torch.autograd.Function):
    """A lookup whose backward asks a function for the index."""

    generate_vmap_rule = True

    @staticmethod
    def forward(weight, index, recall, embedding):  # noqa: ARG004
        return nn.functional.embedding(index, weight)

    @staticmethod
    def setup_context(ctx, inputs, output):  # noqa: ARG004
        weight, index, ctx.recall, embedding = inputs
        pad = -1 if embedding.padding_idx is None else embedding.padding_idx
        ctx.settings = len(weight), pad, embedding.scale_grad_by_freq, embedding.sparse
        ctx.save_for_forward(index)

    @staticmethod
    def backward(ctx, grads):
        index = ctx.recall()
        if index is None:
            return grads.new_zeros(ctx.settings[0], grads.shape[-1]), None, None, None
        return torch.ops.aten.embedding_backward(grads, index, *ctx.settings), None, None, None

    @staticmethod
    def jvp(ctx, tangent, *_):
        return nn.functional.embedding(ctx.saved_tensors[0], tangent)


class Faulty(nn.Embedding):
    """What some of the faulty embeddings need: a lookup apart from the rescaling before it."""

    def rescale(self, index: Tensor) -> None:
        """What `max_norm` asks for, and the refusals of a lookup."""
        with torch.no_grad():
            super().forward(index)

    def look_up(self, index: Tensor, weight: Tensor) -> Tensor:
        """A lookup in another table, without rescaling."""
        settings = self.scale_grad_by_freq, self.sparse
        return nn.functional.embedding(index, weight, self.padding_idx, None, 2.0, *settings)


class ColumnsPast1024(nn.Embedding):
    """Columns past the first 1024 are read as zero (meta-pytorch/torchrec#3673)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        vectors = super().forward(input)
        if self.embedding_dim <= 1024:
            return vectors
        return torch.cat([vectors[..., :1024], torch.zeros_like(vectors[..., 1024:])], -1)


class IndexThroughFloat(nn.Embedding):
    """Indices pass through float32, so that rows above 2**24 fall together (tensorflow/tensorflow#47187)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input.float().to(input.dtype))


class MinusOneIsZero(nn.Embedding):
    """Index -1 is not refused but gives a vector of zeros (pytorch/pytorch#169201)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        absent = input == -1
        return super().forward(input.masked_fill(absent, 0)).masked_fill(absent.unsqueeze(-1), 0)


class IndexCutTo32Bits(nn.Embedding):
    """Indices of 64 bits lose their upper half before they are checked, so that 2**32 reads row 0."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input.int() if input.dtype == torch.int64 else input)


class IndexByReference(Faulty):
    """The backward reads the index as it is by then, and does not notice that it was changed after the lookup."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.rescale(input)
        unwatched = input.detach().data
        return Remembered.apply(self.weight, input, lambda: unwatched, self)


class RetainedGraphIsEmpty(Faulty):
    """A backward lets go of its index even where the graph is retained; the next gives zeros (dmlc/dgl#1060)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.rescale(input)
        saved = [input.clone()]
        return Remembered.apply(self.weight, input, lambda: saved.pop() if saved else None, self)


class LastCallOnly(Faulty):
    """The index is kept on the module, so that of several lookups before a backward all go by the last."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.rescale(input)
        self.last = input.clone()
        return Remembered.apply(self.weight, input, lambda: self.last, self)


class TrainGivesNone(nn.Embedding):
    """`train` and `eval` return nothing, so that calls cannot be chained."""

    def train(self, mode: bool = True) -> None:
        super().train(mode)


class AssignThaws(nn.Embedding):
    """`load_state_dict(assign=True)` makes a frozen table trainable (pytorch/pytorch#121157)."""

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)
        if local_metadata.get("assign_to_params_buffers"):
            self.weight.requires_grad_()


class Reseeds(nn.Embedding):
    """Construction seeds torch's generator, so that all tables start alike (HazyResearch/flash-fft-conv#26)."""

    def __init__(self, *args, **kwargs) -> None:
        torch.manual_seed(23)
        super().__init__(*args, **kwargs)


class DefaultDtypeIgnored(nn.Embedding):
    """A table is float32 unless its dtype is given, whatever torch's default dtype is."""

    def __init__(self, *args, dtype: torch.dtype | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs, dtype=torch.float32 if dtype is None else dtype)


class NoTangent(Altered):
    """Passes a tensor on without its tangent."""

    @staticmethod
    def jvp(ctx, tangent, _):  # noqa: ARG004
        return torch.zeros_like(tangent)


class TangentLost(Faulty):
    """In forward-mode differentiation the table has no tangent (raven-ml/raven#153)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.rescale(input)
        return self.look_up(input, NoTangent.apply(self.weight, lambda grads: grads))


class StaleCopy(nn.Embedding):
    """Evaluation reads a copy of the table, kept until its version counter moves (NVIDIA/Model-Optimizer#2443).

    Writes through `.data` and under `inference_mode` do not move it.
    """

    copy = None

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        vectors = super().forward(input)
        if self.training or torch.is_grad_enabled() or self.weight.is_inference():
            return vectors
        key = self.weight, self.weight._version
        if self.copy is None or self.copy[0] is not key[0] or self.copy[1] != key[1]:
            self.__dict__["copy"] = *key, self.weight.detach().clone()
        return nn.functional.embedding(input, self.copy[2])


class Grows(nn.Embedding):
    """Every call leaves a copy of its output with the module (pytorch/pytorch#25340)."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.past = []

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        vectors = super().forward(input)
        self.past.append(vectors.detach().clone())
        return vectors


class ThawIgnored(Faulty):
    """Whether the table learns is settled when it is made; one that is thawed later gets no gradient."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.learns = self.weight.requires_grad

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        if self.learns:
            return super().forward(input)
        self.rescale(input)
        return self.look_up(input, self.weight.detach())


class SharedBetweenThreads(nn.Embedding):
    """The index lies on the module during a call, so that two threads read each other's rows."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.index = input
        time.sleep(0)  # a kernel lets other threads run
        return super().forward(self.index)


class OneRowIsAView(Faulty):
    """Where no gradient is asked for, the output for a single index is the row itself and not a copy of it."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        vectors = super().forward(input)
        if vectors.requires_grad or input.is_meta or input.numel() != 1:
            return vectors
        row = int(input)
        return self.weight.detach()[row : row + 1].view(vectors.shape)


class RareRace(nn.Embedding):
    """One backward in 32 of more than 512 indices takes a gradient for its neighbour (pytorch/pytorch#187687)."""

    chance = random.Random(5)  # noqa: S311

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        vectors = super().forward(input)
        return Altered.apply(vectors, self.race) if input.numel() > 512 else vectors

    def race(self, grads: Tensor) -> Tensor:
        """The gradients, of which now and then one is its neighbour's."""
        if self.chance.randrange(32):
            return grads
        flat = grads.reshape(-1, self.embedding_dim)
        lost = self.chance.randrange(1, len(flat))
        return torch.cat([flat[:lost], flat[lost - 1 : lost], flat[lost + 1 :]]).view(grads.shape)


class SparseListsOldRows(Faulty):
    """A sparse gradient also lists, with zeros, all rows of earlier calls, so that SparseAdam goes on moving them."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.seen = set()

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        if not self.sparse or input.is_meta:
            return super().forward(input)
        self.rescale(input)
        self.seen.update(input.reshape(-1).tolist())
        return self.look_up(input, Altered.apply(self.weight, self.listed))

    def listed(self, grads: Tensor) -> Tensor:
        """The gradient with a zero for all rows that were ever looked up."""
        rows = torch.tensor(sorted(self.seen), dtype=torch.int64).unsqueeze(0)
        zeros = grads._values().new_zeros(rows.shape[1], grads.shape[1])
        indices, values = torch.cat([grads._indices(), rows], 1), torch.cat([grads._values(), zeros])
        return torch.sparse_coo_tensor(indices, values, grads.shape)


class MaxNormReplaces(Faulty):
    """`max_norm` puts a new parameter in place of the old, which optimisers go on training (pytorch/pytorch#26596)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        if self.max_norm is not None:
            self.weight = nn.Parameter(self.weight.detach().clone(), requires_grad=self.weight.requires_grad)
        return super().forward(input)
