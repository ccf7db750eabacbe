"""Arrays that claim the moon, carry code, or hold nothing that could be a frame."""

import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from scipy.io import savemat

from tests.hostile.case import Case
from tests.hostile.pictures import frames


class Attack:
    """What would run if anything here were ever unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return eval, ("__import__('os').environ.__setitem__('FRAMECAST_WAS_ATTACKED', '1')",)


def npy(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def claiming(shape: Any, descr: str = "|u1", content: bytes = b"") -> bytes:
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + content


def npz(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


def mat(**variables: Any) -> bytes:
    stream = io.BytesIO()
    savemat(stream, variables, do_compression=True)
    return stream.getvalue()


def cases() -> Iterator[Case]:
    yield from numpy_cases()
    yield from matlab_cases()
    yield from matlab4_cases()


def numpy_cases() -> Iterator[Case]:
    some = frames(6)
    whole = npy(some)
    objects = np.array([Attack(), Attack()], object)
    yield Case.refused("npy of 10^13 values", "promises 10,000,000,000,000 bytes", claiming((10**7, 1000, 1000)), "a.npy")
    yield Case.refused("npy of 10^60 values", "promises", claiming((10**20, 10**20, 10**20)), "a.npy")
    yield Case.refused("npy with a negative axis", "cannot be read", claiming((-1, 8, 8)), "a.npy")
    yield Case.refused("npy with code in its header", "cannot be read", claiming("__import__('os').abort()"), "a.npy")
    yield Case.refused("npy with text as its shape", "cannot be read", claiming(("a", 2, 3)), "a.npy")
    yield Case.refused("npy with an endless header", "cannot be read", b"\x93NUMPY\x02\0" + struct.pack("<I", 2**31), "a.npy")
    yield Case.refused("npy cut short", "is cut short", whole[:-1], "a.npy")
    yield Case.refused("npy cut in its header", "cannot be read", whole[:30], "a.npy")
    yield Case.refused("npy of objects", "Python objects, which are never loaded", npy(objects, allow_pickle=True), "a.npy")
    yield Case.refused("a bare pickle named npy", "holds something else", pickle.dumps(Attack()), "a.npy")
    yield Case.refused("no bytes at all", "is empty", b"", "a.npy")
    yield Case.refused("npy with infinities", "infinite values", npy(np.where(some[..., 0] > 200, np.inf, 0.5)), "a.npy")
    yield Case.refused("npy of nothing but NaN", "no value at all", npy(np.full((4, 5, 6), np.nan)), "a.npy")
    come_and_go = np.where(some[..., 0] > 250, np.nan, some[..., 0])
    yield Case.refused("npy with NaN that come and go", "come and go: .*Choose 'mask'", npy(come_and_go), "a.npy")
    yield Case.refused("npy without a frame", "without a frame", npy(np.zeros((0, 8, 9), np.uint8)), "a.npy")
    yield Case.refused("npy of one frame", "has 1 frame", npy(some[:1]), "a.npy")
    structured = npy(np.zeros((5, 6, 7), "i4,f8"))
    yield Case.refused("npy of numbers with names", "no array that could be a series", structured, "a.npy")
    yield Case.refused("npy of words", "no array that could be a series", npy(np.full((5, 6, 7), "word")), "a.npy")
    yield Case.refused("npy of complex numbers", "complex128", npy(np.ones((5, 6, 7), complex)), "a.npy")
    yield Case.refused("npy of frames of a gigabyte", "at most 67,108,864|promises", claiming((2, 2**15, 2**15)), "a.npy")
    channels = npy(np.zeros((5, 20, 9, 9), np.uint8))
    yield Case.refused("npy of 20 channels", "not plain which axis is time", channels, "a.npy")
    tiny = np.random.default_rng(0).integers(0, 256, (100_000, 4, 4, 1), dtype=np.uint8)
    yield Case.read("npy of 100,000 tiny frames", tiny, npy(tiny), "a.npy")
    dots = np.arange(300, dtype=np.uint16).reshape(300, 1, 1, 1)
    yield Case.read("npy of one pixel", dots, npy(dots[..., 0]), "a.npy")
    yield Case.read("npy named as a video", some, whole, "a.mp4")
    yield Case.refused("npz of objects", "no array that could be a series", npz(x=npy(objects, allow_pickle=True)), "a.npz")
    beside = npz(x=npy(objects, allow_pickle=True), frames=whole)
    yield Case.read("npz of frames beside objects", some, beside, "a.npz")
    yield Case.read("npz that climbs", some, npz(**{"../../frames": whole}), "a.npz")
    yield Case.refused("npz of 10^13 values", "promises", npz(x=claiming((10**7, 1000, 1000))), "a.npz")
    yield Case.refused("npz with its middle gone", "cannot be read", npz(x=npy(frames(40)))[:900] + bytes(900), "a.npz")
    stream = io.BytesIO()
    npy_format.write_array(stream, np.asfortranarray(np.zeros((50, 800, 800), np.uint8)), version=(1, 0))
    yield Case.read("npz that is much larger inside", np.zeros((50, 800, 800, 1), np.uint8), npz(x=stream.getvalue()), "a.npz")


def matlab4_cases() -> Iterator[Case]:
    some = frames(6)[..., :1]
    stream = io.BytesIO()
    savemat(stream, {f"x{i}": frame[..., 0] for i, frame in enumerate(some)}, format="4")
    whole = stream.getvalue()
    promised = struct.pack("<5i", 0, 2**31 - 1, 2**31 - 1, 1, 3) + b"x9\0"
    yield Case.read("mat 4 beside text", some, whole + struct.pack("<5i", 1, 1, 1, 0, 3) + b"t9\0" + bytes(8), "a.mat")
    yield Case.refused("mat 4 of 10^19 bytes", "cannot be read as a MATLAB file", whole + promised, "a.mat")
    yield Case.refused("mat 4 of 10^19 bytes at once", "cannot be read as a MATLAB file", promised, "a.mat")
    yield Case.refused("mat 4 cut short", "cannot be read as a MATLAB file", whole[:-9], "a.mat")
    climbing = whole + struct.pack("<5i", 0, 1, 1, 0, 5) + b"../x\0" + bytes(8)
    yield Case.refused("mat 4 with a name that climbs", "cannot be read as a MATLAB file", climbing, "a.mat")
    negative = struct.pack("<5i", 0, -1, -1, 0, 2) + b"x\0"
    yield Case.refused("mat 4 with negative axes", "holds something else", negative, "a.mat")
    large = b"".join(struct.pack("<5i", 50, 2**15, 2**13, 0, 3) + f"x{i}\0".encode() + bytes(2**28) for i in range(2))
    yield Case.refused("mat 4 of large frames", "at most 67,108,864", large, "a.mat")


def matlab_cases() -> Iterator[Case]:
    some = frames(6)
    laid = np.moveaxis(some, 0, -1)
    whole = mat(x=laid)
    yield Case.read("mat with a function handle beside the frames", some, whole + element(16, (1, 1), "f"), "a.mat")
    yield Case.refused("mat of a function handle", "no array that could be", whole[:128] + element(16, (1, 1), "f"), "a.mat")
    yield Case.refused("mat of an object", "holds no array|no array that could be", whole[:128] + opaque(), "a.mat")
    yield Case.refused("mat cut short", "cannot be read as a MATLAB file", whole[:-200], "a.mat")
    yield Case.refused("mat of noise", "cannot be read as a MATLAB file", whole[:140] + bytes(range(256)) * 4, "a.mat")
    yield Case.refused("mat of a terabyte", "at most", whole[:128] + element(9, (2**20, 2**20, 1), "x"), "a.mat")
    yield Case.refused("mat of 10^9 cells", "cannot be read", whole[:128] + element(1, (10**9, 1), "x"), "a.mat")
    yield Case.refused("mat with negative axes", "cannot be read", whole[:128] + element(9, (-5, 4, 3), "x"), "a.mat")
    yield Case.refused("mat without a byte order", "cannot be read", whole[:126] + b"??" + whole[128:], "a.mat")
    yield Case.refused("mat of nothing", "holds no array", whole[:128], "a.mat")
    cells = np.empty((3, 1), object)
    for i, frame in enumerate(some[:3]):
        cells[i, 0] = frame[: 9 - i]
    why = "1 of 3 cells of 'a.mat' are 7 x 9 pixels .* but cell 2 is 7 x 8, cell 3 is 7 x 7; all must"
    yield Case.refused("mat of cells of several sizes", why, mat(x=cells), "a.mat")
    cells[1, 0], cells[2, 0] = some[1].astype(float), some[2, :, :, 0]
    yield Case.refused("mat of unlike cells", "Cell 2 of 'a.mat' is 9 x 7 x 3 double, cell 1 is 9 x", mat(x=cells), "a.mat")
    cells[1, 0] = "word"
    yield Case.refused("mat of words in cells", "Cell 2 of 'a.mat'", mat(x=cells), "a.mat")
    bomb = zlib.compress(element(9, (4096, 4096, 20), "x") + struct.pack("<II", 2, 4096 * 4096 * 20) + bytes(2**25))
    yield Case.refused("mat that explodes", "cannot be read", whole[:128] + struct.pack("<II", 15, len(bomb)) + bomb, "a.mat")


def element(kind: int, shape: tuple[int, ...], name: str) -> bytes:
    """A matrix of this class and shape without any content."""
    dims = np.array(shape, "<i4").tobytes()
    dims = struct.pack("<II", 5, len(dims)) + dims + bytes(-len(dims) % 8)
    inner = struct.pack("<IIII", 6, 8, kind, 0) + dims + struct.pack("<II", 1, len(name)) + name.encode().ljust(8, b"\0")
    return struct.pack("<II", 14, len(inner)) + inner


def opaque() -> bytes:
    inner = struct.pack("<IIII", 6, 8, 17, 0) + struct.pack("<II", 1, 1) + b"t".ljust(8, b"\0")
    return struct.pack("<II", 14, len(inner)) + inner
