"""The one error of the kernels: an argument that an operation cannot take."""

from __future__ import annotations


class KernelError(ValueError):
    """An argument is outside what the operation accepts.

    The message names the operation, the argument, what was got and what is allowed; the same facts are attributes,
    so that a caller can react without parsing text.
    """

    def __init__(self, operation: str, argument: str, *, got: object, allowed: str) -> None:
        super().__init__(f"{operation}: {argument} must be {allowed}; got {got}")
        self.operation = operation
        self.argument = argument
        self.got = got
        self.allowed = allowed
