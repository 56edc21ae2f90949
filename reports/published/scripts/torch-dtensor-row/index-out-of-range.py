"""An embedding that is parallelised by rows gives zeros for an index out of range, which every process takes for another's.

Clauses: lookup.out-of-range, lookup.refusal-class, lookup.refusal-changes-nothing, lookup.refusal-keeps-gradient
"""

import os
import sys

import torch
from torch.distributed.tensor import Replicate, init_device_mesh
from torch.distributed.tensor.parallel import RowwiseParallel, parallelize_module


def run(rank: int) -> None:
    """What each of the two processes does."""
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    embedding = torch.nn.Embedding.from_pretrained(torch.ones(4, 2))
    parallelize_module(embedding, init_device_mesh("cpu", (2,)), RowwiseParallel(input_layouts=Replicate()))
    try:
        came = embedding(torch.tensor([0, 4, -1])).tolist()
    except IndexError as error:
        came = f"IndexError: {error}"
    if rank == 0:
        print(f"rows 0, 4 and -1 of 4: expected IndexError, came {came}")
    torch.distributed.barrier()
    sys.stdout.flush()
    os._exit(
        0 if came == [[1, 1], [0, 0], [0, 0]] else 3
    )  # a process group that is taken down on a busy machine may abort


if __name__ == "__main__":
    os.environ.update(MASTER_ADDR="localhost", MASTER_PORT="29541")
    processes = [torch.multiprocessing.get_context("spawn").Process(target=run, args=(rank,)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(any(process.exitcode for process in processes))
