"""Forward mode: dual and hyper-dual arrays."""

from dualad.forward import generic, indexing, kernels, rules

kernels.hang(rules.array_row, indexing.get_item, indexing.set_item, indexing.lift)
kernels.hang_elementwise(generic.generic, indexing.lift)
