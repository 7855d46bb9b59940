"""The `liptwin` command line: composes the twin, speech, policies and files into commands."""
