"""What adaptation changes: measurements on trained models, one file a probe."""
