"""HTTP: the REST API under ``/api`` and the pages. Reads go straight to query functions; writes start an orchestration."""
