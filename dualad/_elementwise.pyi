from collections.abc import Callable, Sequence
from typing import Any, final

from dualad.ops.table import Elementwise

def hang(rule_by_functions: Callable[..., Any], lifter: Callable[..., Any]) -> None: ...
def refuse_unless_written(row: Elementwise, active: Sequence[int], twice: bool) -> None: ...

@final
class Prepared: ...
