"""The models a project has registered: versions, metrics, states, and who is champion."""
