"""Pages as people see them: in Chromium, against the whole product.

A test asks for ``browse``, a function that opens a page as somebody, and gets a :class:`tests.browser.visitor.Visitor`. Whatever the test does, it fails if a page
writes an error to the console or asks anything of another host. ``visitor.look("name")`` writes pictures to ``build/screens`` in light
and dark at three widths and fails on anything that axe-core finds.
"""
