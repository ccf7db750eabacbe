"""A safetensors file written one tensor after the other.

The library's own writer holds a copy of all tensors at once, and refuses two that share memory. A checkpoint has the weights
five times over (trained, moments, last good ones, best), and is written while the network stands in memory: it must not need
as much again. The file is the same, and is read by the library.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

_NAMES = {
    torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
_ALIGNED = 8


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write `path` anew."""
    header, place = {}, 0
    for name, tensor in tensors.items():
        stop = place + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [place, stop]}
        place = stop
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % _ALIGNED)
    with path.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for tensor in tensors.values():
            if tensor.numel():
                file.write(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
