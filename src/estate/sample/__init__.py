"""The sample world: a generated brokerage whose causes are known, for demos, tests and verification."""
