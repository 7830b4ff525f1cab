"""What people run on their own machine; never in a layer's import path."""
