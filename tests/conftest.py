"""Before any test imports MuJoCo: choose the back end that it renders with."""

from liptwin import gl

gl.choose_backend()
