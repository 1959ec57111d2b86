"""Whatever a stranger passes, the answer is a result or a KernelError that names the argument, never an accident."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from claims.kernels import AverisRecipe, BlockScaled, KernelError, dequantize, nvfp4_quantize, route_of

from .operations import CALLS, Call

X = torch.ones(6, 32)
NO_TENSORS = {
    "list": [[1.0]],
    "None": None,
    "text": "x",
    "number": 1.0,
    "array": np.ones((6, 32), np.float32),
    "complex": torch.ones(6, 32, dtype=torch.complex64),
    "float8": torch.ones(6, 32).to(torch.float8_e4m3fn),
    "int64": torch.ones(6, 32, dtype=torch.int64),
    "bool": torch.ones(6, 32, dtype=torch.bool),
    "sparse": torch.ones(6, 32).to_sparse(),
    "own sparse": "own sparse",
}


def refused(call, *arguments, argument=None, **options):
    with pytest.raises(KernelError) as caught:
        call(*arguments, **options)
    assert str(caught.value) == (
        f"{caught.value.operation}: {caught.value.argument} must be {caught.value.allowed}; got {caught.value.got}"
    )
    assert argument is None or caught.value.argument == argument


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("kind", NO_TENSORS)
def test_wrong_tensors(name, kind):
    call = CALLS[name]
    for position, argument in enumerate(call.arguments):
        arguments = list(call.arguments)
        arguments[position] = NO_TENSORS[kind]
        if kind == "own sparse":
            if isinstance(argument, BlockScaled):
                continue
            arguments[position] = argument.to_sparse()
        refused(call, *arguments)


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if call.has_out])
def test_wrong_out(name):
    call = CALLS[name]
    result = call.function(*call.arguments, **call.options)
    wrong = [[1.0], 3.0, "x", np.ones((6, 32), np.float32)]
    if isinstance(result, BlockScaled):
        wrong += [X, result.payload, nvfp4_quantize(torch.ones(5, 32))]
    else:
        result = result[0] if isinstance(result, tuple) else result
        wrong += [
            result.new_empty((*result.shape, 1)),
            result.to(torch.complex64),
            result.to("meta"),
            result.to_sparse(),
            result.new_empty(1).expand(result.shape),
        ]
        if result.is_floating_point() and not name.startswith("averis"):
            wrong.append(result.clone().requires_grad_())
    for out in wrong:
        refused(call, argument="out", out=out)


WRONG = {
    "text": "a",
    "list": [1],
    "negative": -7,
    "nan": math.nan,
    "infinity": math.inf,
    "huge": 10**400,
    "tensor": torch.ones(2),
    "complex": 1j,
    "dtype": torch.float32,
    "fraction": Fraction(-1, 3),
}
OPTIONS = [
    ("rms_norm", "eps"),
    ("rms_norm_jvp", "eps"),
    ("sign_flip", "flip_rate"),
    ("sign_flip", "key"),
    ("matched_step", "flip_rate"),
    ("matched_step", "key"),
    ("sign_flip_linear", "flip_rate"),
    ("sign_flip_linear", "key"),
    ("magnitude_step", "size"),
    ("magnitude_step", "sign"),
    ("sign_quantize", "per"),
    ("sign_quantize", "scale"),
    ("ternary_quantize", "per"),
    ("ternary_quantize", "scale"),
    ("unpack_ternary", "columns"),
    ("ternary_linear scaled", "scale"),
    ("nvfp4_quantize", "axis"),
    ("nvfp4_quantize", "tile"),
    ("nvfp4_quantize", "rounding"),
    ("nvfp4_quantize", "amax"),
    ("nvfp4_quantize", "four_over_six"),
    ("nvfp4_quantize", "largest_scale"),
    ("nvfp4_quantize", "center"),
    ("nvfp4_quantize tiles", "key"),
    ("mxfp4_quantize", "axis"),
    ("mxfp4_quantize", "scale_rule"),
    ("mxfp4_quantize", "center"),
    ("mxfp4_quantize columns", "key"),
    ("mxfp6_quantize", "element"),
    ("mxfp8_quantize", "element"),
    ("e2m1_encode", "rounding"),
    ("e2m1_encode", "key"),
    ("e2m1_decode", "dtype"),
    ("e4m3_decode", "dtype"),
    ("dequantize", "dtype"),
    ("hadamard_transform", "block"),
    ("hadamard_transform", "axis"),
    ("hadamard_transform", "inverse"),
    ("hadamard_transform", "signs"),
    ("averis_split", "recipe"),
    ("averis_split", "axis"),
    ("averis_split", "operand"),
    ("averis_forward", "recipe"),
    ("averis_linear", "recipe"),
    ("averis_weight_gradient", "recipe"),
]


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_wrong_options(name, option):
    call = CALLS[name]
    options = {key: value for key, value in call.options.items() if key != option}
    one = Call(function=call.function, arguments=call.arguments, options=options)
    for kind, value in WRONG.items():
        if (option, kind) in (("dtype", "dtype"), ("columns", "huge")):  # an allowed one; one that nothing packed has
            continue
        refused(one, argument=option, **{option: value})


@pytest.mark.parametrize(
    "field", ["format", "split_activation", "split_gradient", "mean", "subtract", "mean_weight",
              "weight_gradient_terms", "weight_tile", "scale_rule", "stochastic", "hadamard"],
)  # fmt: skip
def test_wrong_recipes(field):
    for value in WRONG.values():
        refused(AverisRecipe, argument=field, **{field: value})


@pytest.mark.parametrize("key", [-1, 2**64, 1.0, True, "a", None])
def test_keys_of_stochastic_recipes(key):
    recipe = AverisRecipe(stochastic=frozenset({"activation"}))
    refused(CALLS["averis_forward"], argument="key", recipe=recipe, key=key)


def test_a_quantized_matrix_is_made_of_its_parts():
    q = nvfp4_quantize(X)
    facts = {"payload": q.payload, "shape": (6, 32), "format": "nvfp4"}
    assert torch.equal(dequantize(BlockScaled(**facts)), dequantize(q))
    twice = torch.stack((q.payload, q.payload), -1)[..., 0]
    for field, values in {
        "payload": (None, q.payload[1:], q.payload.float(), q.payload[None], twice, [1], q.payload.to_sparse()),
        "shape": (None, (), [6, 32], 6, (6, 32.0), "ab"),
        "format": ("fp4", None, 4, X),
        "tile": (0, 2, "1x16", None, 1.5, X),
    }.items():
        for value in values:
            refused(BlockScaled, argument=field, **{**facts, field: value})


def test_a_route_is_asked_for_by_name_and_tensor():
    for operation in ("nothing", None, ["rms_norm"], X):
        refused(route_of, operation, X, argument="operation")
    for tensor in (None, "x", 1.0):
        refused(route_of, "rms_norm", tensor, argument="tensor")
