"""So that a failed assertion of the kit shows its values."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("selaras.connectors.kit")
