"""`python -m liptwin`."""

from liptwin.main import main

main()
