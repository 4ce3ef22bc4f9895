"""The verification utility: derivatives held against differences, against each other, and node by node."""

from dualad.check.grad import check_grad
from dualad.check.report import Entry, Fault, Kink, Outcome, Report

__all__ = ["Entry", "Fault", "Kink", "Report", "Outcome", "check_grad"]
