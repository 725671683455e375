"""Pocket Atlas: a MongoDB Atlas cluster in one program, for tests and demonstrations.

`Atlas` starts it as a process of its own and steers it; see README.md here for the parts.
"""
from .client import Atlas

__all__ = ["Atlas"]
