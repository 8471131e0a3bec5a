"""Test figures of earlier runs on any data set."""
