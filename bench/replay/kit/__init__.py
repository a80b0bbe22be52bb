# SPDX-License-Identifier: BSD-3-Clause
"""What bench/replay/replay is made of."""
