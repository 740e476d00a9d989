"""Pages for people: HTML from templates, forms that do what the API does.

A page asks the API's own handlers, or the same queries, and renders what they answer; a form's fields become the body of an endpoint, and its handler is
the API's. So nothing can be done here that cannot be done there, and every rule is in one place. Each module is one page, or a few that
belong together, with its fragments; all work without JavaScript as plain links and forms, and htmx makes them live.
"""
