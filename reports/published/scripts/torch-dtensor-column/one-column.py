"""An embedding of one column that is parallelised by columns cannot be trained: the optimiser's addition in place raises.

Clauses: construction.reset-optimizer, padding_idx.training, padding_idx.every-optimizer, sequences.life
"""

import os
import sys

import torch
from torch.distributed.tensor import Replicate, init_device_mesh
from torch.distributed.tensor.parallel import ColwiseParallel, parallelize_module


def run(rank: int) -> None:
    """What each of the two processes does."""
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    came = []
    for columns in (2, 1):
        embedding = torch.nn.Embedding(2, columns)
        parallelize_module(embedding, init_device_mesh("cpu", (2,)), ColwiseParallel(output_layouts=Replicate()))
        embedding(torch.tensor([0])).backward(torch.ones(1, columns))
        try:
            torch.optim.SGD(embedding.parameters(), lr=1.0).step()
            came.append("a step")
        except RuntimeError as error:
            came.append(f"RuntimeError: {str(error).partition('. ')[0]}")
        if rank == 0:
            print(f"{columns} columns on 2 processes: expected a step, came {came[-1]}")
    torch.distributed.barrier()
    sys.stdout.flush()
    os._exit(
        0 if came[0] == "a step" != came[1] else 3
    )  # a process group that is taken down on a busy machine may abort


if __name__ == "__main__":
    os.environ.update(MASTER_ADDR="localhost", MASTER_PORT="29543")
    processes = [torch.multiprocessing.get_context("spawn").Process(target=run, args=(rank,)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(any(process.exitcode for process in processes))
