# SPDX-License-Identifier: BSD-3-Clause
"""What tell and converse share. They run on any host with a Python 3.9 and root, without the rest of the tree."""
