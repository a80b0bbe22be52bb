# SPDX-License-Identifier: BSD-3-Clause
"""Checks of a machine that shall run mitibox: one module a subject, each adds lines to a Report."""
