"""An nn.Embedding exported to ONNX gives rows for negative indices, which torch refuses.

Clauses: lookup.out-of-range, lookup.refusal-changes-nothing
"""

import sys

import onnxruntime
import torch

embedding = torch.nn.Embedding(3, 2)
index = torch.tensor([-1])
try:
    print("torch:", embedding(index))
except IndexError as error:
    print("torch:", error)

program = torch.onnx.export(embedding, (torch.tensor([0]),), dynamo=True, verbose=False)
session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
try:
    print("ONNX Runtime:", session.run(None, {session.get_inputs()[0].name: index.numpy()})[0])
except Exception as error:  # noqa: BLE001 - its exceptions have no public name
    print("ONNX Runtime:", error)
    sys.exit(1)
sys.exit(0)
