"""What adaptation changes: measurements on trained models, one file per probe."""
