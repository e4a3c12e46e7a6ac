"""Executions and what they are resolved to; pure."""
