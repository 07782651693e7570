"""What holds for all tests: a busy machine makes a property slow, not wrong."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("leaktop", deadline=None)
settings.load_profile("leaktop")
