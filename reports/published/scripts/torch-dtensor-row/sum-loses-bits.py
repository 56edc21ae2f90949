"""An embedding that is parallelised by rows adds zeros to what is looked up, which loses the sign of -0.0.

Clauses: lookup.bits, padding_idx.output
"""

import os
import sys

import torch
from torch.distributed.tensor import Replicate, init_device_mesh
from torch.distributed.tensor.parallel import RowwiseParallel, parallelize_module


def run(rank: int) -> None:
    """What each of the two processes does."""
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    embedding = torch.nn.Embedding.from_pretrained(torch.tensor([[-0.0], [-0.0]]))
    parallelize_module(embedding, init_device_mesh("cpu", (2,)), RowwiseParallel(input_layouts=Replicate()))
    came = embedding(torch.tensor([0, 1])).flatten().tolist()
    if rank == 0:
        print(f"expected [-0.0, -0.0], came {came}")
    torch.distributed.barrier()
    sys.stdout.flush()
    os._exit(0 if str(came) == "[0.0, 0.0]" else 3)  # a process group that is taken down on a busy machine may abort


if __name__ == "__main__":
    os.environ.update(MASTER_ADDR="localhost", MASTER_PORT="29544")
    processes = [torch.multiprocessing.get_context("spawn").Process(target=run, args=(rank,)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(any(process.exitcode for process in processes))
