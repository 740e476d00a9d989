"""The REST API with a hundred tenants and a year of daily restore points of each of a thousand shares."""
