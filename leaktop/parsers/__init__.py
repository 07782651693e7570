"""Pure functions from the bytes of one kernel file (family) to typed records. No I/O, no clock."""
