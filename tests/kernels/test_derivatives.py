"""What holds for every public operation under differentiation: reverse and forward mode, ``torch.func``, any scale."""

import itertools
from dataclasses import dataclass, field

import pytest
import torch
from torch.autograd import forward_ad, gradcheck, gradgradcheck

from claims import kernels
from claims.kernels import AverisRecipe, BlockScaled, KernelError, dispatch, native

from .inputs import VARIANTS
from .operations import CALLS, parts
from .quantized import normal

WIDE = torch.float64
# What torch loads for forward mode, it still writes in TorchScript.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")


@dataclass(frozen=True)
class Smooth:
    """A differentiable operation at small float64 arguments.

    ``degrees``: of homogeneity in each argument, none where it has none. ``twice``: whether its derivative has one.
    """

    function: object
    arguments: tuple[torch.Tensor, ...]
    options: dict = field(default_factory=dict)
    degrees: tuple[int, ...] = ()
    twice: bool = True

    def __call__(self, *arguments):
        return self.function(*arguments, **self.options)

    def scalar(self, *arguments):
        """A sum in which every entry of every result has its own weight, and its square."""
        results = tuple(parts(self(*arguments)))
        return sum((r.double() * weights(r) + r.double().square() / 3).sum() for r in results)


def weights(result):
    return torch.linspace(0.5, 1.5, result.shape.numel(), dtype=WIDE).reshape(result.shape)


def smooth():
    x, h = (normal(2, 5, seed=seed, dtype=WIDE) for seed in (1, 2))
    w, blocks = normal(3, 5, seed=3, dtype=WIDE), normal(2, 8, seed=4, dtype=WIDE)
    packed = kernels.pack_ternary((torch.arange(3 * 5) % 3 - 1).to(torch.int8).view(3, 5))
    flips = {"flip_rate": 0.3, "key": 2**63 + 5}
    plain = {"recipe": AverisRecipe(format=None)}
    return {
        "rms_norm": Smooth(kernels.rms_norm, (x,), {}, (0,)),
        "rms_norm eps": Smooth(kernels.rms_norm, (x,), {"eps": 0.3}),
        "rms_norm_jvp": Smooth(kernels.rms_norm_jvp, (x, h), {}, (-1, 1)),
        "rms_norm_jvp eps": Smooth(kernels.rms_norm_jvp, (x, h), {"eps": 0.3}),
        "sign_flip": Smooth(kernels.sign_flip, (x,), flips, (1,)),
        "magnitude_step": Smooth(kernels.magnitude_step, (x,), {"size": 1e-3}),
        "transverse_energy": Smooth(kernels.transverse_energy, (x, h), {}, (0, 2)),
        "gemm": Smooth(kernels.gemm, (x, w.T.contiguous()), {}, (1, 1)),
        "sign_flip_linear": Smooth(kernels.sign_flip_linear, (x, w), flips, (1, 1)),
        "ternary_linear": Smooth(lambda x: kernels.ternary_linear(x, packed), (x,), {}, (1,)),
        "ternary_linear scaled": Smooth(
            lambda x, scale: kernels.ternary_linear(x, packed, scale=scale), (x, h[0, :3].clone()), {}, (1, 1)
        ),
        "hadamard_transform": Smooth(
            kernels.hadamard_transform, (blocks,), {"block": 4, "signs": (1, -1, -1, 1)}, (1,)
        ),
        "hadamard_transform columns": Smooth(
            kernels.hadamard_transform, (blocks.T.contiguous(),), {"block": 8, "axis": -2, "inverse": True}, (1,)
        ),
        "averis_linear": Smooth(kernels.averis_linear, (x, w), plain, (1, 1), twice=False),
    }


SMOOTH = smooth()
TWICE = [name for name, operation in SMOOTH.items() if operation.twice]
HOMOGENEOUS = [name for name, operation in SMOOTH.items() if operation.degrees]
every = pytest.mark.parametrize("name", SMOOTH)
on_all = pytest.mark.parametrize("variant", dict.fromkeys((VARIANTS[0], VARIANTS[-1])))


def test_the_table_is_complete():
    assert {n.split()[0] for n in SMOOTH} == {n.split()[0] for n, call in CALLS.items() if call.differentiable}
    assert all(
        (operation.backward is None) == (operation.tangent is None) for operation in dispatch.OPERATIONS.values()
    )


def using(variant):
    """The compiled set of this name, or no library: then everything is the reference."""
    return native.forced("off" if variant == "reference" else variant)


def leaves(operation):
    return tuple(argument.clone().requires_grad_() for argument in operation.arguments)


@on_all
@every
def test_derivatives_are_those_of_differences(name, variant):
    """Reverse mode, forward mode, and both for many directions at once."""
    operation, forward = SMOOTH[name], SMOOTH[name].twice
    with using(variant):
        assert gradcheck(
            operation,
            leaves(operation),
            check_forward_ad=forward,
            check_batched_grad=forward,
            check_batched_forward_grad=forward,
        )


@on_all
@pytest.mark.parametrize("name", TWICE)
def test_second_derivatives_are_those_of_differences(name, variant):
    """Reverse over reverse, and forward over reverse."""
    operation = SMOOTH[name]
    with using(variant):
        assert gradgradcheck(operation.scalar, leaves(operation), check_fwd_over_rev=True)


def close(found, expected):
    pairs = zip(parts(found), parts(expected), strict=True)
    return all(a.shape == b.shape and torch.allclose(a, b, rtol=1e-11, atol=1e-11) for a, b in pairs)


def jacobian(operation):
    """By plain reverse mode, row by row: (results, arguments) tensors."""
    inputs = leaves(operation)
    rows = []
    for result in parts(operation(*inputs)):
        each = [torch.autograd.grad(one, inputs, retain_graph=True) for one in result.flatten()]
        rows.append(
            [torch.stack(column).reshape(*result.shape, *column[0].shape) for column in zip(*each, strict=True)]
        )
    return tuple(tuple(row) for row in rows)


@on_all
@every
def test_functional_transforms_agree_with_plain_reverse_mode(name, variant):
    operation = SMOOTH[name]
    places = tuple(range(len(operation.arguments)))

    def results(*arguments):
        return tuple(parts(operation(*arguments)))

    with using(variant):
        expected = jacobian(operation)
        assert close(torch.func.jacrev(results, places)(*operation.arguments), expected)
        gradients = torch.autograd.grad(operation.scalar(*(inputs := leaves(operation))), inputs)
        assert close(torch.func.grad(operation.scalar, places)(*operation.arguments), gradients)
        if not operation.twice:
            return
        assert close(torch.func.jacfwd(results, places)(*operation.arguments), expected)
        directions = tuple(torch.cos(argument) for argument in operation.arguments)
        _, tangent = torch.func.jvp(results, operation.arguments, directions)
        along = tuple(
            sum((by * d).sum(tuple(range(by.dim() - d.dim(), by.dim()))) for by, d in zip(row, directions, strict=True))
            for row in expected
        )
        assert close(tangent, along)


@pytest.mark.parametrize("name", TWICE)
def test_hessians_agree_whichever_modes_they_are_made_of(name):
    operation = SMOOTH[name]
    places = tuple(range(len(operation.arguments)))
    expected = torch.autograd.functional.hessian(operation.scalar, operation.arguments)
    for outer, inner in itertools.product((torch.func.jacfwd, torch.func.jacrev), repeat=2):
        assert close(outer(inner(operation.scalar, places), places)(*operation.arguments), expected)


def test_third_derivatives_of_a_norm_agree():
    x = SMOOTH["rms_norm"].arguments[0][:1]

    def scalar(x):
        return kernels.rms_norm(x, eps=0.1).pow(3).sum()

    expected = torch.func.jacrev(torch.func.jacrev(torch.func.jacrev(scalar)))(x)
    assert close(torch.func.jacfwd(torch.func.hessian(scalar))(x), expected)


@on_all
@every
def test_vmap_is_a_loop(name, variant):
    """Over any axis, some arguments shared, nested, of nothing, and with gradients within and around."""
    operation = SMOOTH[name]
    first, *rest = operation.arguments
    stacked = torch.stack([first, -first, first * 2], 1)

    def results(*arguments):
        return tuple(parts(operation(*arguments)))

    def gradient(*arguments):
        return torch.func.grad(operation.scalar)(*arguments)

    shared = (None,) * len(rest)
    with using(variant):
        for function in (results, gradient):
            each = [function(one, *rest) for one in stacked.unbind(1)]
            expected = tuple(map(torch.stack, zip(*map(parts, each), strict=True)))
            assert close(torch.func.vmap(function, (1, *shared))(stacked, *rest), expected)
            inner = torch.func.vmap(function, (0, *shared))
            nested = torch.func.vmap(inner, (2, *shared))(torch.stack((stacked, -stacked)), *rest)
            assert close(tuple(part[:, 0] for part in parts(nested)), expected)
        none = torch.func.vmap(results, (1, *shared))(stacked[:, :0], *rest)
        assert all(a.shape == (0, *b.shape) for a, b in zip(none, results(first, *rest), strict=True))
        around = stacked.clone().requires_grad_()
        total = torch.func.vmap(operation.scalar, (1, *shared))(around, *rest).sum()
        (found,) = torch.autograd.grad(total, around)
        assert close(found.movedim(1, 0), torch.stack([gradient(one, *rest) for one in stacked.unbind(1)]))


@on_all
@pytest.mark.parametrize("exponents", [(531, 0), (-531, 0), (531, 200), (-531, -200), (531, -200), (-531, 200)])
@pytest.mark.parametrize("name", HOMOGENEOUS)
def test_derivatives_have_no_preferred_scale(name, exponents, variant):
    """At arguments times 1e160 or 1e-160 they are those at the arguments themselves, times what homogeneity says."""
    operation = SMOOTH[name]
    powers = [2.0**exponent for exponent, _ in zip(exponents, operation.arguments, strict=False)]
    degree = sum(e * d for e, d in zip(exponents, operation.degrees, strict=False))

    def derivatives(powers, result_power):
        """All of first order, and where there are, of second, in directions like the arguments."""
        inputs = [(a * p).requires_grad_() for a, p in zip(operation.arguments, powers, strict=True)]
        along = [torch.cos(a) * p for a, p in zip(operation.arguments, powers, strict=True)]
        with forward_ad.dual_level():
            duals = (
                [forward_ad.make_dual(*pair) for pair in zip(inputs, along, strict=True)] if operation.twice else inputs
            )
            results = tuple(parts(operation(*duals)))
            scalar = sum((r * weights(r) * result_power).sum() for r in results)
            gradients = torch.autograd.grad(scalar, inputs, create_graph=operation.twice)
            tangents = [forward_ad.unpack_dual(t).tangent for t in (*results, *gradients)] if operation.twice else []
        gradients = [g * p for g, p in zip(gradients, powers, strict=True)]
        if not operation.twice:
            return gradients
        product = sum((g * d / p).sum() for g, d, p in zip(gradients, along, powers, strict=True))
        second = torch.autograd.grad(product, inputs, allow_unused=True) if product.requires_grad else ()
        first, of_gradients = tangents[: len(results)], tangents[len(results) :]
        scaled = [None if t is None else t * result_power for t in first]
        scaled += [None if t is None else t * p for t, p in zip(of_gradients, powers, strict=True)]
        scaled += [None if t is None else t * p for t, p in zip(second, powers, strict=False)]
        return [*gradients, *scaled]

    with using(variant):
        found = derivatives(powers, 2.0**-degree)
        expected = derivatives([1.0] * len(powers), 1.0)
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        assert one is None or torch.allclose(one, other, rtol=1e-12, atol=1e-12)
    assert sum(one is not None and bool(one.abs().sum() > 0) for one in found) >= len(powers)


@pytest.mark.parametrize("exponent", [-1064, -1000, 1000, 1022])
def test_second_derivatives_of_a_norm_at_the_ends_of_the_range(exponent):
    """Against the same numbers near 1, with directions that are as large, so that the results are near 1."""
    generator = torch.Generator().manual_seed(1)
    sixteenths = torch.randint(-16, 17, (3, 3, 7), generator=generator).double() / 16  # exact in subnormal numbers too

    def tangent(x, g, h):
        return torch.func.jvp(lambda y: kernels.rms_norm_jvp(y, g), (x,), (h,))[1]

    found = tangent(*torch.ldexp(sixteenths, torch.tensor(exponent // 2)).ldexp(torch.tensor(exponent - exponent // 2)))
    assert torch.allclose(found, tangent(*sixteenths), rtol=1e-12, atol=1e-13)


def test_derivatives_of_rows_of_zeros_are_zero():
    """A convention: nothing there has a direction. A row beside them has its own."""
    x, h = SMOOTH["rms_norm_jvp"].arguments
    x = torch.stack((torch.zeros_like(x[0]), x[0]))
    for name in ("rms_norm", "rms_norm_jvp"):
        operation = SMOOTH[name]
        gradient = torch.func.grad(operation.scalar)(x, *(h,) * (len(operation.arguments) - 1))
        assert bool((gradient[0] == 0).all())
        assert bool(torch.isfinite(gradient).all() & (gradient[1] != 0).any())
    by_y, by_dy = torch.func.grad(lambda y, dy: kernels.transverse_energy(y, dy)[2].sum(), (0, 1))(x, h)
    assert bool((by_y[0] == 0).all())
    assert torch.equal(by_dy[0], 2 * h[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@every
def test_tangents_have_the_dtype_of_results(name, dtype):
    operation = SMOOTH[name]
    if not operation.twice:
        return
    arguments = tuple(argument.to(dtype) for argument in operation.arguments)
    directions = tuple(torch.ones_like(argument) for argument in arguments)

    def results(*arguments):
        return tuple(parts(operation(*arguments)))

    primal, tangent = torch.func.jvp(results, arguments, directions)
    assert [t.dtype for t in tangent] == [r.dtype for r in primal] == [r.dtype for r in results(*arguments)]
    gradients = torch.func.grad(operation.scalar, tuple(range(len(arguments))))(*arguments)
    assert all(g.dtype == dtype for g in gradients)


def floats(call):
    return [a for a in call.arguments if isinstance(a, torch.Tensor) and a.is_floating_point()]


WITHOUT = [name for name, call in CALLS.items() if not call.differentiable and floats(call)]
UNMAPPED = ("averis_forward", "averis_input_gradient", "averis_weight_gradient", "averis_split", "matched_step")


def with_first(call):
    """The call as a function of its first argument, to tensors: all but views of others."""

    def function(x):
        result = call.function(x, *call.arguments[1:], **call.options)
        return tuple(parts(result.payload if isinstance(result, BlockScaled) else result))

    return function


@pytest.mark.parametrize("name", WITHOUT)
def test_what_has_no_derivative_refuses_tangents_and_transforms_that_want_one(name):
    """Zeros would be wrong in silence; plain reverse mode gets results that are detached, as others tests say."""
    function, x = with_first(CALLS[name]), CALLS[name].arguments[0]
    wanted = r"must be (detached|used outside of torch.func)"
    with forward_ad.dual_level(), pytest.raises(KernelError, match=wanted):
        function(forward_ad.make_dual(x, torch.ones_like(x)))
    for transform in (torch.func.grad, torch.func.jacrev, torch.func.jacfwd, torch.func.hessian):
        with pytest.raises(KernelError, match=wanted):
            transform(lambda x: sum(part.double().sum() for part in function(x)))(x)
    with pytest.raises(KernelError, match=wanted):
        torch.func.jvp(function, (x,), (torch.ones_like(x),))


@pytest.mark.parametrize("name", [name for name in WITHOUT if name.split()[0] not in UNMAPPED])
def test_what_has_no_derivative_can_stand_beside_one_that_is_asked_for(name):
    """As straight-through estimators have it; without a tangent nothing is refused within forward mode either."""
    function, x = with_first(CALLS[name]), CALLS[name].arguments[0]
    expected = function(x)

    def beside(x):
        constant = function(x.detach())
        return x.sum() + sum(part.double().sum() for part in constant).float(), constant

    gradient, found = torch.func.grad(beside, has_aux=True)(x)
    assert torch.equal(gradient, torch.ones_like(x))
    assert all(map(torch.equal, found, expected))
    with forward_ad.dual_level():
        assert all(map(torch.equal, function(x), expected))


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if isinstance(call.arguments[0], torch.Tensor)])
def test_every_operation_is_mapped_or_refuses(name):
    call = CALLS[name]
    function, x = with_first(call), call.arguments[0]
    several = torch.stack((x, x.flip(0)))
    if name.split()[0] in UNMAPPED:
        with pytest.raises(KernelError, match=r"must be used outside of torch\.func"):
            torch.func.vmap(function)(several)
        return
    found = torch.func.vmap(function)(several)
    expected = map(torch.stack, zip(*map(function, several), strict=True))
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert torch.allclose(
            one.double(), other.double(), rtol=1e-5, atol=1e-5, equal_nan=True
        )  # products may add in another order


def test_packed_matrices_are_mapped():
    """Payloads of a length that leaves the next one unaligned."""
    matrices = [kernels.nvfp4_quantize(normal(3, 16, seed=seed)) for seed in range(3)]
    payloads = torch.stack([matrix.payload for matrix in matrices])
    assert payloads.shape[1] % 4

    def values(payload):
        return kernels.dequantize(BlockScaled(payload=payload, shape=(3, 16), format="nvfp4"))

    assert torch.equal(torch.func.vmap(values)(payloads), torch.stack([kernels.dequantize(m) for m in matrices]))


@pytest.mark.parametrize("name", ["rms_norm", "sign_flip", "gemm", "hadamard_transform", "e4m3_encode"])
def test_out_is_refused_where_something_is_differentiated_or_mapped(name):
    call = CALLS[name]
    x, *rest = call.arguments
    out = torch.empty_like(call()[0])

    def into(x):
        return call.function(x, *rest, **call.options, out=out)

    with forward_ad.dual_level(), pytest.raises(KernelError, match="out must be used without autograd"):
        into(forward_ad.make_dual(x, torch.ones_like(x)))
    for transform in (torch.func.vmap, torch.func.jacrev, torch.func.jacfwd):
        with pytest.raises(KernelError, match="out must be used without autograd"):
            transform(into)(x)


def test_operators_of_torch_are_right_in_forward_mode_and_refuse_transforms():
    x = SMOOTH["rms_norm"].arguments[0]
    operators = torch.ops.claims
    kernels.sign_quantize(x)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, torch.cos(x))
        tangent = forward_ad.unpack_dual(operators.rms_norm(dual, 0.1)).tangent
        assert torch.equal(tangent, kernels.rms_norm_jvp(x, torch.cos(x), eps=0.1))
        with pytest.raises(KernelError, match="absmean: the argument must be detached"):
            operators.absmean(dual, True)
    for operator, rest in ((operators.rms_norm, 0.1), (operators.absmean, True)):
        for transform in (torch.func.jacrev, torch.func.jacfwd):
            with pytest.raises(KernelError, match=r"torch\.ops\.claims must be used as claims\.kernels has it"):
                transform(lambda x, o=operator, r=rest: o(x, r))(x)
    mapped = torch.func.vmap(lambda x: operators.rms_norm(x, 0.1))(x[:, None])
    assert torch.equal(mapped[:, 0], kernels.rms_norm(x, eps=0.1))


def test_functionalization_takes_operators():
    x = SMOOTH["rms_norm"].arguments[0]
    assert torch.equal(torch.func.functionalize(kernels.rms_norm)(x), kernels.rms_norm(x))


def test_gradients_of_averis_under_torch_func_are_its_own():
    """Equation 12, quantized; a second derivative is refused in every way to ask for one."""
    call = CALLS["averis_linear"]
    x, w = call.arguments
    leaves = tuple(argument.clone().requires_grad_() for argument in call.arguments)
    gradients = torch.autograd.grad(kernels.averis_linear(*leaves).sum(), leaves)
    found = torch.func.grad(lambda x, w: kernels.averis_linear(x, w).sum(), (0, 1))(x, w)
    assert all(map(torch.equal, found, gradients))
    for outer, inner in itertools.product((torch.func.jacfwd, torch.func.jacrev), repeat=2):
        with pytest.raises(KernelError, match="averis_linear"):
            outer(inner(lambda x: kernels.averis_linear(x, w).square().sum()))(x)
