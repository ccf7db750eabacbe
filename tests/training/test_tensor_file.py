"""A file of tensors is one that the library of the format reads, whatever is in it."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from framecast.training.tensor_file import write_tensors


def test_what_is_written_is_read_by_the_library_to_the_bit(tmp_path: Path) -> None:
    weight = torch.randn(3, 4, 5)
    tensors = {
        "whole": weight,
        "the same memory": weight[1:],
        "turned": weight.permute(2, 0, 1),
        "half": weight.to(torch.bfloat16),
        "state": torch.Generator().get_state(),
        "one": torch.tensor(7),
        "none": torch.zeros(0, 3),
        "yes": torch.tensor([True, False]),
    }
    write_tensors(tensors, tmp_path / "file.safetensors")
    read = load_file(tmp_path / "file.safetensors")
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype and read[name].shape == tensor.shape and torch.equal(read[name], tensor), name
