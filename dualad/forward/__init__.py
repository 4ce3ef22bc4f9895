"""Forward mode: dual and hyper-dual arrays."""

from dualad.forward import generic, indexing, kernels

kernels.hang(kernels.array_row, indexing.get_item, indexing.set_item, indexing.lift)
kernels.hang_elementwise(generic.generic, indexing.lift)
kernels.hang_rows(indexing, generic, kernels)
