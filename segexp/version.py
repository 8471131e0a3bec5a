"""The version of segexp, which everything may know."""

VERSION = "0.2.0"
