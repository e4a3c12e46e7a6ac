"""The published form of the contracts: JSON Schemas, an AsyncAPI document, a readable catalogue."""
