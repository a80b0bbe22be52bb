# SPDX-License-Identifier: BSD-3-Clause
"""What the functional tests share: labs, the box, probers, clients, verdicts."""

from .box import Box, policy, without
from .check import Checks, SKIPPED, differ, share
from .lab import Lab, poll

__all__ = ["Box", "Checks", "Lab", "SKIPPED", "differ", "policy", "poll", "share", "without"]
