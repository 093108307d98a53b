"""Evenkeel's verifiers over HTTP: a client, and reward functions for TRL and verl. Standard library only."""

from .client import ServiceError, Submission, Verdict, VerifierClient

__all__ = ["ServiceError", "Submission", "Verdict", "VerifierClient", "__version__"]
__version__ = "0.1.0"
