"""Runs with another checkout's code: nothing of this one may be imported here."""
