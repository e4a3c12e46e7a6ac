"""Weekly grocery demand, scored through the platform by a system that stands outside of it."""
