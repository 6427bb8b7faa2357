"""A build as static files: endpoints, answers, pages, the OpenAPI document."""
