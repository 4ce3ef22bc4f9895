from typing import final

import numpy as np

from dualad.ops.code import Code

@final
class Kernel:
    def __new__(cls, code: Code) -> Kernel: ...
    @property
    def code(self) -> Code: ...

@final
class Loops:
    @property
    def ufunc(self) -> np.ufunc: ...
