from types import ModuleType
from typing import Any, final

from dualad._forward import Forward

def hang(indexing: ModuleType, generic: ModuleType, kernels: ModuleType) -> None: ...
def array_row(like: Forward, row: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any: ...

@final
class Call:
    def __new__(cls, like: Forward, row: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call: ...
