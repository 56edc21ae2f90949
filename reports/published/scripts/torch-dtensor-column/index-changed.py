"""An embedding parallelised by columns does not notice that its index is overwritten before the backward.

Clauses: gradient.index-changed
"""

import os
import sys

import torch
from torch.distributed.tensor import Replicate, init_device_mesh
from torch.distributed.tensor.parallel import ColwiseParallel, parallelize_module


def run(rank: int) -> None:
    """What each of the two processes does."""
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    embedding = torch.nn.Embedding(2, 2)
    parallelize_module(embedding, init_device_mesh("cpu", (2,)), ColwiseParallel(output_layouts=Replicate()))
    index = torch.tensor([1])
    output = embedding(index)
    index.zero_()
    try:
        output.sum().backward()
        came = embedding.weight.grad.full_tensor().tolist()
    except RuntimeError as error:
        came = f"RuntimeError: {str(error).partition('. ')[0]}"
    if rank == 0:
        print(f"a lookup of row 1: expected its gradient in row 1, or an error, came {came}")
    torch.distributed.barrier()
    sys.stdout.flush()
    os._exit(0 if came == [[1, 1], [0, 0]] else 3)  # a process group that is taken down on a busy machine may abort


if __name__ == "__main__":
    os.environ.update(MASTER_ADDR="localhost", MASTER_PORT="29546")
    processes = [torch.multiprocessing.get_context("spawn").Process(target=run, args=(rank,)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(any(process.exitcode for process in processes))
