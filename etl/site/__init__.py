"""The static face of a build: endpoints, answers, pages, the OpenAPI document."""
