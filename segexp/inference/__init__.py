"""From a run to its use: models of earlier runs, evaluation on other data, prediction of files."""
