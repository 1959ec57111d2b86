"""What a compiled Triton kernel costs and whether it keeps its promise, read from the binary's disassembly.

Nothing here compiles or needs Triton: texts in, numbers out.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Static costs of one build for one target; ``inexact`` lists instructions that its promise forbids."""

    registers: int
    stack: int
    spills: int
    shared: int
    instructions: int
    global_accesses: int
    global_128_bit: int
    inexact: tuple[str, ...] = ()


def machine_code(cubin: bytes) -> bytes:
    """The instructions of the one kernel in an ELF64 file of NVIDIA's: its section ``.text.<kernel>``.

    Raises ValueError if there is no such section, or more than one.
    """
    (table,) = struct.unpack_from("<Q", cubin, 0x28)
    size, count, names_index = struct.unpack_from("<HHH", cubin, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", cubin, table + index * size) for index in range(count)]
    names = headers[names_index][4]
    code = []
    for name, _, _, _, offset, length in headers:
        if cubin[names + name :].startswith(b".text."):
            code.append(cubin[offset : offset + length])
    if len(code) != 1:
        raise ValueError(f"{len(code)} kernels in a binary, where one is expected")
    return code[0]


def instructions(disassembly: str) -> list[tuple[int, str]]:
    """Address and operation (``LDG.E.128``) of each instruction in the text that ``nvdisasm`` prints."""
    lines = re.findall(r"/\*([0-9a-f]{4,})\*/\s+(?:@!?\w+\s+)?([A-Z][A-Z0-9_.]*)", disassembly)
    return [(int(address, 16), word) for address, word in lines]


def cuda_costs(resources: str, operations: Sequence[str], ptx: str, shared: int, *, exact: bool) -> Costs:
    """From the text of ``cuobjdump -res-usage``, the operations of the machine code, and PTX.

    LOCAL in the first is 0 even for kernels that spill; the stack and the local loads and stores tell.
    """
    fields = dict(re.findall(r"\b(REG|STACK):(\d+)", resources))
    accesses = [word for word in operations if re.match(r"(LDG|STG|LDGSTS)\b", word)]
    return Costs(
        registers=int(fields["REG"]),
        stack=int(fields["STACK"]),
        spills=sum(re.match(r"(LDL|STL)\b", word) is not None for word in operations),
        shared=shared,
        instructions=sum(word != "NOP" for word in operations),
        global_accesses=len(accesses),
        global_128_bit=sum(".128" in word for word in accesses),
        inexact=inexact_ptx(ptx, exact=exact),
    )


def inexact_ptx(ptx: str, *, exact: bool) -> tuple[str, ...]:
    """TF32 products, which no kernel may use, and in exact kernels all of which IEEE 754 does not fix the result.

    These are approximations, fused multiply-adds and operations that flush subnormals.
    """
    forbidden = r"[\w.:]*tf32[\w.:]*"
    if exact:
        forbidden += r"|div\.full[\w.]*|\w+\.approx[\w.]*|fma\.r[nzmp][\w.]*|\w+(?:\.\w+)*\.ftz[\w.]*"
    return tuple(sorted(set(re.findall(rf"(?<![\w.]){forbidden}", ptx))))


def amd_costs(assembly: str, shared: int, *, exact: bool) -> Costs:
    """From the text of the amdgcn assembly and its metadata."""
    fields = {name: int(value) for name, value in re.findall(r"\.(\w+):?\s+(\d+)\s*$", assembly, re.MULTILINE)}
    code = re.findall(r"^\t((?:s|v|ds|global|buffer|flat|scratch)_\w+)", assembly, re.MULTILINE)
    accesses = [word for word in code if re.match(r"(global|buffer|flat)_(load|store)", word)]
    return Costs(
        registers=fields["vgpr_count"],
        stack=fields["private_segment_fixed_size"],
        spills=fields["vgpr_spill_count"] + fields["sgpr_spill_count"],
        shared=shared,
        instructions=sum(word != "s_nop" for word in code),
        global_accesses=len(accesses),
        global_128_bit=sum(word.endswith("x4") for word in accesses),
        inexact=inexact_amd(code, exact=exact, flushes=exact and fields["amdhsa_float_denorm_mode_32"] != 3),
    )


def inexact_amd(code: Sequence[str], *, exact: bool, flushes: bool = False) -> tuple[str, ...]:
    """Reduced-precision products and, in exact kernels, approximations and fused multiply-adds beyond exact divisions.

    ``flushes``: the kernel asks the hardware to flush float32 subnormals.

    An exact float32 division is a reciprocal, five fused steps, a ``v_div_fmas`` and one ``v_div_fixup``, so the fixups
    say how many of the others are accounted for.
    """
    found = {word for word in code if "xf32" in word} | ({"flushed subnormals"} if flushes else set())
    if exact:
        divisions = sum(word.startswith("v_div_fixup_f32") for word in code)
        roots = [word for word in code if re.match(r"v_(rcp|rsq|sqrt)_f32", word)]
        fused = [word for word in code if re.match(r"v_(fma|fmac|mad|mac|pk_fma|div_fmas)_f32", word)]
        found |= set(roots) if len(roots) > divisions else set()
        found |= set(fused) if len(fused) > 6 * divisions else set()
    return tuple(sorted(found))
