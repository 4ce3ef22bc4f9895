"""The duck array: what NumPy expects of an array, once for every engine."""

from dualad.duck import kernels, methods, protocol

kernels.hang(protocol, methods)
