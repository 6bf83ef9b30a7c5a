"""Models of what the API answers, a module a layer: `estate.sdk.models.client.NextCall` and its like."""
