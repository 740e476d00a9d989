"""The pages: a hundred tenants, a directory of a million files, and a browser that is four times slower than this machine."""
