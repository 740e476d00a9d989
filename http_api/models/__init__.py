"""What callers give and what they are answered, as pydantic models: a module per resource. OpenAPI is made of them, so they tell all there is."""
